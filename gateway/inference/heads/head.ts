import { misfit } from '../misfit.ts'

/** One output of a model, in the model's own order. */
export interface OutputTensor {
  name: string
  dims: readonly number[]
  data: Float32Array | BigInt64Array | Int32Array
}

/** A further input some models want beside the picture. */
export interface SideInput {
  name: string
  dims: readonly number[]
  data: BigInt64Array
}

/** A box above its label's threshold, corners in pixels of the model's input picture. */
export interface Candidate {
  /** Index into the manifest's labels. */
  label: number
  score: number
  left: number
  top: number
  right: number
  bottom: number
}

/** What a head needs to know of the model it belongs to. */
export interface HeadContext {
  /** Of the input picture, pixels. */
  width: number
  height: number
  labels: readonly string[]
  /** One per label, 0…1; a candidate below its own is not reported. */
  thresholds: Float32Array
}

/** Turns output tensors into candidates. */
export interface Head {
  /** Several candidates may lie on one object and must be thinned out (per-label NMS). */
  readonly needsSuppression: boolean
  readonly sideInputs: readonly SideInput[]
  /** Throws a Misfit naming the output and the manifest key when the tensors do not fit the manifest. */
  decode(outputs: readonly OutputTensor[]): Candidate[]
}

/**
 * A family of detectors whose outputs read alike. Its options are the `head` object of model.json, checked and with
 * defaults by its schema in options.ts.
 */
export interface HeadDefinition<Options = unknown> {
  family: string
  create(options: Options, context: HeadContext): Head
}

/** Declares a head: one file, one schema in options.ts, one line in index.ts, one test on a real model. */
export function defineHead<Options>(definition: HeadDefinition<Options>): HeadDefinition<Options> {
  return definition
}

/** Finds an output by name, or by its position where the manifest names none. */
export function pickOutput(outputs: readonly OutputTensor[], name: string | undefined, index: number): OutputTensor {
  const found = name === undefined ? outputs[index] : outputs.find((output) => output.name === name)
  if (found) return found
  const names = outputs.map((output) => `"${output.name}"`).join(', ')
  if (name === undefined) throw misfit('', 'model-output-nth', { nth: index + 1, outputs: names })
  throw misfit('', 'model-output', { output: name, outputs: names })
}

/** The values of a tensor that must be float32 and of this shape; `because` says which manifest keys lead to it. */
export function floatsOfShape(output: OutputTensor, dims: readonly number[], because: string): Float32Array {
  const fits = output.dims.length === dims.length && dims.every((size, i) => output.dims[i] === size)
  if (fits && output.data instanceof Float32Array) return output.data
  const type = output.data instanceof Float32Array ? '' : ` (${output.data.constructor.name})`
  throw misfit('', 'model-output-shape', {
    output: output.name,
    found: `${output.dims.join('×')}${type}`,
    because,
    wanted: dims.join('×'),
  })
}

/** Thresholds as the model counts: `logit` scores are compared before the sigmoid, which saves one exp per value. */
export function thresholdsFor(scores: 'probability' | 'logit', thresholds: Float32Array): Float32Array {
  return scores === 'probability' ? thresholds : thresholds.map((p) => Math.log(p / (1 - p)))
}

/** Logistic function. */
export function sigmoid(x: number): number {
  return 1 / (1 + Math.exp(-x))
}
