import { fileURLToPath } from 'node:url'
import { Value } from 'typebox/value'
import type { Detection } from '../../gateway/core/detection.ts'
import { createImageDetector, type ImageDetector } from '../../gateway/inference/image.ts'
import { loadManifest, type ModelManifest } from '../../gateway/inference/manifest.ts'
import type { SessionResult } from '../../gateway/inference/session.ts'
import { ebikeInElevator } from '../../gateway/scenes/ebike-in-elevator.ts'
import { bestSighting, type SightingOptions } from '../../gateway/scenes/ebike-sighting.ts'
import { DataError } from './evaluator.ts'
import { quantile } from './report.ts'

/** What the lift's scene looks for. */
export const eBike = 'e-bike'

const shippedModel = new URL('../lift-nanodet', import.meta.url)

/** Detections are kept down to here for the curve and the sweep; at the thresholds they are the shipped ones. */
export const scoreFloor = 0.01

/** The lift's model with the thresholds it is measured at. */
export interface LiftModel {
  manifest: ModelManifest
  detector: ImageDetector
  /** Options of the scene, shipped defaults but for what the command line asks for. */
  sceneOptions: SightingOptions
  thresholdOf(label: string): number
  /** What the gateway hands to its scenes: all that reaches its label's threshold. */
  shipped(detections: readonly Detection[]): Detection[]
  /** Best e-bike score left after the scene's vetoes and smallest size, whatever its threshold; 0 without. */
  sightingScore(detections: readonly Detection[]): number
  timings: Timings
}

/**
 * @param threshold instead of the shipped one of e-bikes, for model and scene alike
 * @throws ConfigError for a model folder that cannot be used
 */
export async function loadLiftModel(dir: string | undefined, threshold: number | undefined): Promise<LiftModel> {
  const manifest = await loadManifest(dir ?? fileURLToPath(shippedModel))
  const { labels, thresholds } = manifest
  if (!labels.includes(eBike))
    throw new DataError(`model ${manifest.name} has no label "${eBike}": ${labels.join(', ')}`)
  const chosen = threshold === undefined ? {} : { minScore: threshold }
  const sceneOptions = Value.Default(ebikeInElevator.options, { ...chosen }) as SightingOptions
  const thresholdOf = (label: string) =>
    (label === eBike ? threshold : undefined) ??
    (Object.hasOwn(thresholds, label) ? thresholds[label]! : thresholds.default)
  const shipped = (detections: readonly Detection[]) =>
    detections.filter(({ label, score }) => score >= thresholdOf(label))
  return {
    ...{ manifest, sceneOptions, thresholdOf, shipped, timings: createTimings() },
    detector: await createImageDetector(manifest, { threshold: scoreFloor }),
    sightingScore(detections) {
      const seen = detections.filter(({ label, score }) => label === eBike || score >= thresholdOf(label))
      return bestSighting(seen, { camera: '', lift: undefined }, { ...sceneOptions, minScore: 0 }) ?? 0
    },
  }
}

/** What one picture costs, milliseconds. */
export interface Timings {
  add(result: SessionResult): void
  metrics(): Record<'inferenceP50Ms' | 'inferenceP95Ms' | 'pathP50Ms' | 'pathP95Ms', number>
}

function createTimings(): Timings {
  const inference: number[] = []
  const path: number[] = []
  return {
    add({ preprocessMs, sessionMs, headMs }) {
      inference.push(sessionMs)
      path.push(preprocessMs + sessionMs + headMs)
    },
    metrics: () => ({
      inferenceP50Ms: quantile(inference, 0.5),
      inferenceP95Ms: quantile(inference, 0.95),
      pathP50Ms: quantile(path, 0.5),
      pathP95Ms: quantile(path, 0.95),
    }),
  }
}
