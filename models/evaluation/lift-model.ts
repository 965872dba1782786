import { fileURLToPath } from 'node:url'
import { Value } from 'typebox/value'
import type { Detection } from '../../gateway/core/detection.ts'
import { loadManifest, type ModelManifest } from '../../gateway/inference/manifest.ts'
import type { Region, YuvPicture } from '../../gateway/inference/preprocess.ts'
import { createModelSession, type SessionResult } from '../../gateway/inference/session.ts'
import { ebikeInElevator } from '../../gateway/scenes/ebike-in-elevator.ts'
import { bestSighting } from '../../gateway/scenes/ebike-sighting.ts'
import { DataError } from './evaluator.ts'
import { quantile } from './report.ts'
import type { Seen } from './samples.ts'

type SceneOptions = Parameters<typeof ebikeInElevator.create>[0]

/** What the lift's scene looks for. */
export const eBike = 'e-bike'

const shippedModel = new URL('../lift-nanodet', import.meta.url)

/** The curve and the sweep of a label go down to here. */
const scoreFloor = 0.01

/** The lift's model with the thresholds it is measured at. */
export interface LiftModel {
  manifest: ModelManifest
  /** Options of the scene, shipped defaults but for what the command line asks for. */
  sceneOptions: SceneOptions
  thresholdOf(label: string): number
  /**
   * Looks at one picture as the gateway does, and once more per label with its threshold lowered.
   * @param region of the picture; all of it when absent
   */
  look(picture: YuvPicture, region?: Region): Promise<Seen>
  /** Best e-bike score left after the scene's vetoes and smallest size, whatever its threshold; 0 without. */
  sightingScore(seen: Seen): number
  /** What the pictures cost so far. */
  timings(): Record<'inferenceP50Ms' | 'inferenceP95Ms' | 'pathP50Ms' | 'pathP95Ms', number>
  close(): Promise<void>
}

/**
 * @param threshold instead of the shipped one of e-bikes, for model and scene alike
 * @throws ConfigError for a model folder that cannot be used, DataError for a model that knows no e-bikes
 */
export async function loadLiftModel(dir: string | undefined, threshold: number | undefined): Promise<LiftModel> {
  const shipped = await loadManifest(dir ?? fileURLToPath(shippedModel))
  const { labels } = shipped
  if (!labels.includes(eBike))
    throw new DataError(`model ${shipped.name} has no label "${eBike}", only ${labels.join(', ')}`)
  const chosen = threshold === undefined ? {} : { [eBike]: threshold }
  const thresholds: ModelManifest['thresholds'] = { ...shipped.thresholds, ...chosen }
  const manifest = { ...shipped, thresholds }
  const minScore = threshold === undefined ? {} : { minScore: threshold }
  const sceneOptions = Value.Default(ebikeInElevator.options, { ...minScore }) as SceneOptions
  const alsoAt = labels.map((label) => ({ ...thresholds, [label]: scoreFloor }))
  const session = await createModelSession(manifest, { alsoAt })
  const results: SessionResult[] = []
  const milliseconds = (of: (result: SessionResult) => number, share: number) => quantile(results.map(of), share)
  const inference = ({ sessionMs }: SessionResult) => sessionMs
  const path = ({ preprocessMs, sessionMs, headMs }: SessionResult) => preprocessMs + sessionMs + headMs

  return {
    ...{ manifest, sceneOptions },
    thresholdOf: (label) => (Object.hasOwn(thresholds, label) ? thresholds[label]! : thresholds.default),
    async look(picture, region) {
      const { alsoAt = [], ...result } = await session.infer(picture, undefined, region)
      results.push({ ...result, detections: [] })
      const lowered = labels.map((label, i) => [label, alsoAt[i]!.filter((detection) => detection.label === label)])
      return { detections: result.detections, lowered: Object.fromEntries(lowered) }
    },
    sightingScore(seen) {
      return (
        bestSighting(withEBikes(seen), { camera: '', lift: undefined }, { ...sceneOptions, minScore: 0 })?.score ?? 0
      )
    },
    timings: () => ({
      inferenceP50Ms: milliseconds(inference, 0.5),
      inferenceP95Ms: milliseconds(inference, 0.95),
      pathP50Ms: milliseconds(path, 0.5),
      pathP95Ms: milliseconds(path, 0.95),
    }),
    close: () => session.close(),
  }
}

/** What the gateway would hand to its scenes if the threshold of e-bikes were as low as can be. */
export function withEBikes({ detections, lowered }: Seen): Detection[] {
  return [...detections.filter(({ label }) => label !== eBike), ...(lowered[eBike] ?? [])]
}
