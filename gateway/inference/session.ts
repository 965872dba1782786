import { InferenceSession, Tensor } from 'onnxruntime-node'
import { type Detection, intersectionOverUnion } from '../core/detection.ts'
import { createEmbeddingPool, type FeatureMap } from './embedding.ts'
import type { Candidate, Head, OutputTensor } from './heads/head.ts'
import { heads } from './heads/index.ts'
import { suppress, withoutOverlaps } from './heads/suppression.ts'
import type { ModelManifest } from './manifest.ts'
import { misfit } from './misfit.ts'
import { createPreprocessor, type Placement, type Region, type YuvPicture } from './preprocess.ts'
import { sweepOf } from './view.ts'

/** One picture's result and what it cost, milliseconds. */
export interface SessionResult {
  detections: Detection[]
  /** The same run read with the thresholds of `ModelSessionOptions.alsoAt`, in their order. */
  alsoAt?: Detection[][]
  preprocessMs: number
  /** session.run alone. */
  sessionMs: number
  /** Head and suppression. */
  headMs: number
}

/** One loaded model. One picture at a time. */
export interface ModelSession {
  /**
   * Blocks its thread for the length of the run: never call it on the gateway's event loop.
   * @param embed labels whose detections get an embedding, where the model has one
   * @param region what to look at. Without it the whole picture, which a model with `resize: window` takes several runs for
   * @returns boxes in fractions of the whole picture
   */
  infer(picture: YuvPicture, embed?: readonly string[], region?: Region): Promise<SessionResult>
  close(): Promise<void>
}

export interface ModelSessionOptions {
  /** Reports everything above this score instead of the manifest's thresholds; for measuring a model. */
  threshold?: number
  /** Reads every run with these thresholds as well, outside the times that are told; for measuring a model. */
  alsoAt?: ReadonlyArray<ModelManifest['thresholds']>
  /** Told before the runtime's native code is entered and after it was left; `enter` may refuse by throwing. */
  native?: { enter(): void; leave(): void }
}

/**
 * Loads a verified model for one thread and runs it once, so that the first real picture is not the slow one and a
 * manifest that does not fit its model fails here. Throws a Misfit for the manifest's author, or what the runtime throws.
 */
export async function createModelSession(
  manifest: ModelManifest,
  options: ModelSessionOptions = {},
): Promise<ModelSession> {
  const definition = heads.find((candidate) => candidate.family === manifest.head.family)
  if (!definition) throw new Error(`unknown head "${manifest.head.family}"`)
  const { input, labels } = manifest
  const thresholds =
    options.threshold === undefined ? thresholdsOf(manifest) : new Float32Array(labels.length).fill(options.threshold)
  const headWith = (thresholds: Float32Array) =>
    definition.create(manifest.head, { width: input.width, height: input.height, labels, thresholds })
  const head = headWith(thresholds)
  const furtherHeads = options.alsoAt?.map((thresholds) => headWith(thresholdsOf({ labels, thresholds })))
  const preprocessor = createPreprocessor(input)

  async function natively<T>(work: () => Promise<T>): Promise<T> {
    options.native?.enter()
    try {
      return await work()
    } finally {
      options.native?.leave()
    }
  }

  const session = await natively(() => {
    // The runtime wants memory of its own kind, so the shared bytes are copied once.
    return InferenceSession.create(new Uint8Array(manifest.weights), {
      intraOpNumThreads: 1,
      interOpNumThreads: 1,
      executionMode: 'sequential',
      graphOptimizationLevel: 'all',
      logSeverityLevel: 3,
    })
  })
  const feeds = feedsOf(session, manifest, preprocessor.tensor)
  for (const side of head.sideInputs) {
    if (session.inputNames.includes(side.name)) feeds[side.name] = new Tensor('int64', side.data, side.dims)
  }
  const unfed = session.inputNames.filter((name) => !(name in feeds))
  if (unfed.length > 0) {
    throw misfit('', 'model-more-inputs', { inputs: quoted(unfed), head: definition.family })
  }

  function read(head: Head, outputs: readonly OutputTensor[], placement: Placement): Detection[] {
    const candidates = head.decode(outputs)
    const kept = head.needsSuppression
      ? suppress(candidates, manifest.nmsIou)
      : candidates.sort((a, b) => b.score - a.score)
    return kept.flatMap((candidate) => detectionOf(candidate, placement, labels))
  }

  const featureMaps = manifest.embedding?.outputs ?? []
  const absent = featureMaps.filter((name) => !session.outputNames.includes(name))
  if (absent.length > 0) {
    const outputs = quoted(session.outputNames)
    throw misfit('embedding.outputs', 'model-output', { output: absent.join('", "'), outputs })
  }
  const answers = session.outputNames.filter((name) => !featureMaps.includes(name))

  function embedEach(
    detections: readonly Detection[],
    labels: readonly string[],
    results: InferenceSession.OnnxValueMapType,
    placement: Placement,
  ): void {
    const wanted = detections.filter(({ label }) => labels.includes(label))
    if (wanted.length === 0) return
    const pool = createEmbeddingPool(
      featureMaps.map((name) => featureMapOf(name, results[name]!)),
      input,
    )
    for (const detection of wanted) detection.embedding = pool(detection.box, placement)
  }

  async function look(
    picture: YuvPicture,
    embed: readonly string[] | undefined,
    region: Region | undefined,
  ): Promise<SessionResult> {
    const isEmbedding = embed !== undefined && embed.length > 0 && featureMaps.length > 0
    const startedAt = performance.now()
    const placement = preprocessor.fill(picture, region)
    const filledAt = performance.now()
    const results = await natively(() => session.run(feeds, isEmbedding ? session.outputNames : answers))
    const ranAt = performance.now()
    const outputs = answers.map((name) => ({ name, ...valuesOf(results[name]!) }))
    const detections = read(head, outputs, placement)
    if (isEmbedding) embedEach(detections, embed, results, placement)
    const endedAt = performance.now()
    return {
      detections,
      preprocessMs: filledAt - startedAt,
      sessionMs: ranAt - filledAt,
      headMs: endedAt - ranAt,
      ...(furtherHeads && { alsoAt: furtherHeads.map((further) => read(further, outputs, placement)) }),
    }
  }

  const model: ModelSession = {
    async infer(picture, embed, region) {
      const windows = region ? [region] : sweepOf(picture, input)
      if (windows.length === 0) return look(picture, embed, undefined)
      const results: SessionResult[] = []
      for (const window of windows) results.push(await look(picture, embed, window))
      return joined(results, manifest.nmsIou)
    },
    close: () => session.release(),
  }
  // With every output asked for, so that a manifest whose embedding does not fit shows here too.
  await model.infer({ width: 32, height: 32, data: new Uint8Array(32 * 32 * 1.5).fill(128) }, labels)
  for (const name of featureMaps) featureMapOf(name, (await session.run(feeds, [name]))[name]!)
  return model
}

/** Several looks at one picture as one: of what two windows show, the better sighting stays. */
function joined(results: readonly SessionResult[], nmsIou: number): SessionResult {
  if (results.length === 1) return results[0]!
  const sum = (of: 'preprocessMs' | 'sessionMs' | 'headMs') => results.reduce((total, each) => total + each[of], 0)
  const overlap = (a: Detection, b: Detection) => intersectionOverUnion(a.box, b.box)
  const further = results[0]!.alsoAt?.map((_, i) =>
    withoutOverlaps(
      results.flatMap(({ alsoAt }) => alsoAt![i]!),
      nmsIou,
      overlap,
    ),
  )
  return {
    detections: withoutOverlaps(
      results.flatMap(({ detections }) => detections),
      nmsIou,
      overlap,
    ),
    ...(further && { alsoAt: further }),
    ...{ preprocessMs: sum('preprocessMs'), sessionMs: sum('sessionMs'), headMs: sum('headMs') },
  }
}

/** Threshold of every label, in the order of `labels`. */
function thresholdsOf(manifest: Pick<ModelManifest, 'labels' | 'thresholds'>): Float32Array {
  const { labels, thresholds } = manifest
  return Float32Array.from(labels, (label) =>
    Object.hasOwn(thresholds, label) ? thresholds[label]! : thresholds.default,
  )
}

const quoted = (names: readonly string[]) => names.map((name) => `"${name}"`).join(', ')

function feedsOf(session: InferenceSession, manifest: ModelManifest, data: Float32Array): Record<string, Tensor> {
  const { name, width, height } = manifest.input
  const index = session.inputNames.indexOf(name)
  if (index < 0) {
    throw misfit('input.name', 'model-input', { input: name, inputs: quoted(session.inputNames) })
  }
  const metadata = session.inputMetadata[index]!
  const wanted = [1, 3, height, width]
  if (metadata.isTensor) {
    const fits = metadata.shape.length === 4 && metadata.shape.every((n, i) => typeof n === 'string' || n === wanted[i])
    if (!fits || metadata.type !== 'float32') {
      throw misfit('input.width, input.height', 'model-size', {
        wanted: `${metadata.type} ${metadata.shape.join('×')}`,
        given: `float32 ${wanted.join('×')}`,
      })
    }
  }
  return { [name]: new Tensor('float32', data, wanted) }
}

function featureMapOf(name: string, tensor: Tensor): FeatureMap {
  const [batch, channels, rows, columns] = tensor.dims
  if (tensor.dims.length !== 4 || batch !== 1 || !(tensor.data instanceof Float32Array))
    throw misfit('embedding.outputs', 'model-output-shape', {
      output: name,
      found: `${tensor.type} ${tensor.dims.join('×')}`,
      because: 'embedding.outputs',
      wanted: 'float32 1×C×H×W',
    })
  return { channels: channels!, rows: rows!, columns: columns!, data: tensor.data }
}

function valuesOf(tensor: Tensor): Pick<OutputTensor, 'dims' | 'data'> {
  return { dims: tensor.dims, data: tensor.data as OutputTensor['data'] }
}

/** Undoes the placement and clips to the picture; nothing is left of a box that lies in the padding. */
function detectionOf(candidate: Candidate, placement: Placement, labels: readonly string[]): Detection[] {
  const left = clip((candidate.left - placement.x) / placement.width)
  const top = clip((candidate.top - placement.y) / placement.height)
  const width = clip((candidate.right - placement.x) / placement.width) - left
  const height = clip((candidate.bottom - placement.y) / placement.height) - top
  if (!(width > 0 && height > 0)) return []
  return [{ label: labels[candidate.label]!, score: candidate.score, box: { x: left, y: top, width, height } }]
}

function clip(fraction: number): number {
  return Math.min(1, Math.max(0, fraction))
}
