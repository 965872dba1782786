import type { KeyObject } from 'node:crypto'
import { join } from 'node:path'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { type TSchema, Type } from 'typebox'
import { Value } from 'typebox/value'
import { ConfigError, type ConfigProblem } from '../../core/errors.ts'
import { problemsOf, readDocument, readWeights } from '../manifest.ts'
import { fallChannels, impactRow, windowRows } from './features.ts'

/** What `models/<name>/model.json` of a fall model says, checked, together with the weights it vouches for. */
export interface FallManifest {
  name: string
  version: string
  task: 'fall'
  /** Where the sensor is worn. */
  position: 'waist' | 'wrist'
  file: string
  /** SHA-256 of the weights, lower-case hex. */
  sha256: string
  /** The window the model takes: always the one `fallFeatures` makes, written down so that another is refused. */
  input: { name: string; channels: string[]; rateHz: number; samples: number; impactAt: number }
  head: { family: 'score'; output: string }
  /** A peak below this is no candidate for an impact, g. */
  triggerG: number
  thresholds: { default: number }
  licence: string
  source: string
  /** The very bytes whose hash was checked. */
  weights: Uint8Array<SharedArrayBuffer>
}

const text = () => Type.String({ minLength: 1 })
const closed = { additionalProperties: false }

/** Schema of a fall model's model.json. */
export const fallManifestSchema = Type.Object(
  {
    name: Type.String({ pattern: '^[a-z0-9][a-z0-9._-]*$' }),
    version: text(),
    task: Type.Enum(['fall']),
    position: Type.Enum(['waist', 'wrist']),
    file: text(),
    sha256: Type.String({ pattern: '^[0-9a-f]{64}$' }),
    input: Type.Object(
      {
        name: text(),
        channels: Type.Array(text()),
        rateHz: Type.Enum([50]),
        samples: Type.Enum([windowRows]),
        impactAt: Type.Enum([impactRow]),
      },
      closed,
    ),
    head: Type.Object({ family: Type.Enum(['score']), output: text() }, closed),
    triggerG: Type.Number({ minimum: 1.1, maximum: 8 }),
    thresholds: Type.Object({ default: Type.Number({ minimum: 0, maximum: 1 }) }, closed),
    licence: text(),
    source: text(),
  },
  closed,
)

/**
 * Reads and checks `<dir>/model.json` and its weights. Throws a ConfigError with every problem at once; weights whose
 * hash differs are never loaded.
 * @param key with it, model.json must carry a signature by it
 */
export async function loadFallManifest(dir: string, key?: KeyObject): Promise<FallManifest> {
  const path = join(dir, 'model.json')
  const value = (await readDocument(path, key)) as Omit<FallManifest, 'weights'>
  const problems: ConfigProblem[] = problemsOf(fallManifestSchema as TSchema, value, '')
  const channels = value?.input?.channels
  if (Array.isArray(channels) && channels.join() !== fallChannels.join()) {
    problems.push({ path: 'input.channels', message: `must be ${fallChannels.join(', ')}, in this order` })
  }
  let weights: Uint8Array<SharedArrayBuffer> | undefined
  if (typeof value?.file === 'string' && value.file !== '') {
    const outcome = await readWeights(dir, value.file, value.sha256)
    if ('problem' in outcome) problems.push(outcome.problem)
    else weights = outcome.weights
  }
  if (problems.length > 0 || !weights || !Value.Check(fallManifestSchema, value)) throw new ConfigError(path, problems)
  return { ...value, weights }
}

/** A loaded fall model; any number of detectors share it. */
export interface FallModel {
  /** Name and version, for the alarm's record. */
  readonly model: string
  readonly position: 'waist' | 'wrist'
  readonly triggerG: number
  readonly threshold: number
  /** Probability of a fall, 0…1, for one window of `fallFeatures`. */
  score(features: Float32Array): Promise<number>
  close(): Promise<void>
}

/**
 * Loads a verified model in this thread and runs it once, so that a manifest that does not fit its model fails here.
 * `score` blocks the thread for the run, about a tenth of a millisecond a window.
 * @throws ConfigError in words for the manifest's author
 */
export async function createFallModel(manifest: FallManifest): Promise<FallModel> {
  const { input, head } = manifest
  const dims = [1, fallChannels.length, windowRows]
  const refuse = (message: string) => new ConfigError(`${manifest.name}/model.json`, [{ path: '', message }])
  let session: InferenceSession
  try {
    // The runtime wants memory of its own kind, so the shared bytes are copied once.
    session = await InferenceSession.create(new Uint8Array(manifest.weights), {
      intraOpNumThreads: 1,
      interOpNumThreads: 1,
      executionMode: 'sequential',
      graphOptimizationLevel: 'all',
      logSeverityLevel: 3,
    })
  } catch (error) {
    throw refuse(`the weights cannot be loaded: ${(error as Error).message}`)
  }
  async function score(features: Float32Array): Promise<number> {
    const results = await session.run({ [input.name]: new Tensor('float32', features, dims) })
    const value = (results[head.output]?.data as Float32Array | undefined)?.[0]
    if (value === undefined) throw new Error(`the model has no output "${head.output}"`)
    return value
  }
  try {
    const value = await score(new Float32Array(fallChannels.length * windowRows))
    if (!(value >= 0 && value <= 1)) throw new Error(`the output is ${value}, not a probability`)
  } catch (error) {
    await session.release()
    throw refuse(`the model does not fit the manifest: ${(error as Error).message}`)
  }
  return {
    model: `${manifest.name} ${manifest.version}`,
    position: manifest.position,
    triggerG: manifest.triggerG,
    threshold: manifest.thresholds.default,
    score,
    close: () => session.release(),
  }
}
