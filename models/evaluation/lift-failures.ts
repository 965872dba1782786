import { eBike, type LiftModel } from './lift-model.ts'
import type { Sample } from './samples.ts'

/** What is wrong with a picture as a whole. */
export interface Failure {
  kind: 'missed' | 'false'
  /** Best e-bike score: the lower of a missed one, the higher of a false one, the worse. */
  score: number
}

/** Whether the scene would not believe an e-bike that is there, or believe one that is not. */
export function failureOf(sample: Sample, model: LiftModel): Failure | undefined {
  if (sample.unlabelled.has(eBike)) return undefined
  const score = model.sightingScore(sample)
  const holds = sample.truths.some(({ label }) => label === eBike)
  const fires = score >= Math.max(model.sceneOptions.minScore, model.thresholdOf(eBike))
  if (holds === fires) return undefined
  return { kind: holds ? 'missed' : 'false', score }
}
