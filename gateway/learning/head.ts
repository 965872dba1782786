import type { JudgedExample, LearnedHead } from '../core/learning.ts'

/*
 * Few-shot: logistic regression on a frozen embedding. Strong regularisation and a limit that lies lower the fewer
 * examples there are pull it towards doing nothing. Fitting works on inner products of the examples, because there are
 * far fewer examples than features and the same products serve every held-back fit.
 */

/** Pull of every weight towards zero, against examples of unit variance whose classes weigh one half each. */
const pull = 0.1
const rounds = 200
/** Heads that have not seen an example tell how far it lies; so many of them. */
const folds = 5

/** Examples with the inner product of every pair. */
export interface Comparison {
  examples: readonly JudgedExample[]
  isConfirmed: readonly boolean[]
  /** Row by row. */
  products: Float64Array
}

export function compare(examples: readonly JudgedExample[]): Comparison {
  const count = examples.length
  const products = new Float64Array(count * count)
  for (let i = 0; i < count; i++)
    for (let j = i; j < count; j++) {
      const product = dot(examples[i]!.embedding, examples[j]!.embedding)
      products[i * count + j] = product
      products[j * count + i] = product
    }
  return { examples, isConfirmed: examples.map(({ verdict }) => verdict.value === 'confirmed'), products }
}

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!
  return sum
}

/** A head fitted to some of the examples, asked about any of them by number. */
export interface Fit {
  members: readonly number[]
  /** Weight of each member. */
  shares: Float64Array
  bias: number
  /** Root mean square distance of the members from their mean. */
  scale: number
  /** Positive is like what was confirmed, negative like false alarms. */
  margin(example: number): number
  /** Cosine of two examples around the mean of the members. */
  similarity(one: number, other: number): number
}

/** Whether there are both classes, and two of each: less than that separates nothing. */
export function canFit({ isConfirmed }: Comparison, members: readonly number[]): boolean {
  const confirmed = members.filter((i) => isConfirmed[i]).length
  return confirmed >= 2 && members.length - confirmed >= 2
}

/** Gradient descent with a fixed step; the problem is convex and small. */
export function fitTo({ examples, isConfirmed, products }: Comparison, members: readonly number[]): Fit {
  const all = examples.length
  const count = members.length
  /** Inner product of each example with the members' mean. */
  const toMean = Float64Array.from(examples, (_, i) => {
    let sum = 0
    for (const j of members) sum += products[i * all + j]!
    return sum / count
  })
  const meanSquare = members.reduce((sum, i) => sum + toMean[i]!, 0) / count
  const around = (i: number, j: number) => products[i * all + j]! - toMean[i]! - toMean[j]! + meanSquare
  const square = members.reduce((sum, i) => sum + around(i, i), 0) / count
  const unit = square > 1e-12 ? square : 1
  const gram = new Float64Array(count * count)
  for (let a = 0; a < count; a++)
    for (let b = 0; b < count; b++) gram[a * count + b] = around(members[a]!, members[b]!) / unit
  const confirmed = members.filter((i) => isConfirmed[i]).length
  const weightOf = (i: number) => 0.5 / (isConfirmed[i] ? confirmed : count - confirmed)
  const shares = new Float64Array(count)
  const errors = new Float64Array(count)
  let bias = 0
  for (let round = 0; round < rounds; round++) {
    for (let a = 0; a < count; a++) {
      let margin = bias
      for (let b = 0; b < count; b++) margin += shares[b]! * gram[a * count + b]!
      const member = members[a]!
      errors[a] = (1 / (1 + Math.exp(-margin)) - (isConfirmed[member] ? 1 : 0)) * weightOf(member)
    }
    for (let a = 0; a < count; a++) {
      shares[a]! -= pull * shares[a]! + errors[a]!
      bias -= errors[a]!
    }
  }
  return {
    members,
    shares,
    bias,
    scale: Math.sqrt(unit),
    margin: (i) => members.reduce((sum, j, b) => sum + (shares[b]! * around(i, j)) / unit, bias),
    similarity(i, j) {
      const squares = around(i, i) * around(j, j)
      return squares > 0 ? around(i, j) / Math.sqrt(squares) : 0
    },
  }
}

/** Splits examples into at most `most` parts, each class spread over all of them. */
export function foldsOf({ isConfirmed }: Comparison, members: readonly number[], most: number): number[][] {
  const ordered = [...members.filter((i) => isConfirmed[i]), ...members.filter((i) => !isConfirmed[i])]
  const count = Math.min(most, members.length)
  return Array.from({ length: count }, (_, fold) => ordered.filter((_, i) => i % count === fold))
}

/** How far below the mean of what was confirmed the limit lies, in standard deviations of it. */
const slack = (count: number) => 2 + 3 / Math.sqrt(count)

/**
 * Below this margin something counts as like a false alarm: below the lowest confirmed example as judged by heads that
 * had not seen it, below their mean by more the fewer there are, and never above zero.
 */
export function limitOf(comparison: Comparison, members: readonly number[]): number {
  const margins = foldsOf(comparison, members, folds).flatMap((held) => {
    const others = members.filter((i) => !held.includes(i))
    if (!canFit(comparison, others)) return []
    const fit = fitTo(comparison, others)
    return held.filter((i) => comparison.isConfirmed[i]).map(fit.margin)
  })
  // JSON knows no infinity; no margin is ever this low.
  if (margins.length < 2) return -1e9
  const mean = margins.reduce((sum, one) => sum + one, 0) / margins.length
  const deviation = Math.sqrt(margins.reduce((sum, one) => sum + (one - mean) ** 2, 0) / (margins.length - 1))
  return Math.min(0, ...margins, mean - slack(margins.length) * deviation)
}

/** Fits a head to all examples, for use on embeddings to come. Needs what `canFit` asks for. */
export function fitHead(label: string, comparison: Comparison): LearnedHead {
  const { examples, isConfirmed } = comparison
  const members = examples.map((_, i) => i)
  const { shares, bias, scale } = fitTo(comparison, members)
  const length = examples[0]!.embedding.length
  const features = Array.from({ length }, (_, k) => k)
  const mean = features.map((k) => examples.reduce((sum, { embedding }) => sum + embedding[k]!, 0) / examples.length)
  const weights = features.map((k) =>
    examples.reduce((sum, { embedding }, i) => sum + (shares[i]! * (embedding[k]! - mean[k]!)) / scale, 0),
  )
  return {
    label,
    mean,
    scale,
    weights,
    bias,
    vetoBelow: limitOf(comparison, members),
    confirmed: examples.filter((_, i) => isConfirmed[i]).map(({ id }) => id),
    falseAlarms: examples.filter((_, i) => !isConfirmed[i]).map(({ id }) => id),
  }
}

/** Margin of an embedding that was not among the examples. */
export function marginOf({ mean, scale, weights, bias }: LearnedHead, embedding: Float32Array): number {
  let sum = bias
  for (let i = 0; i < weights.length; i++) sum += (weights[i]! * (embedding[i]! - mean[i]!)) / scale
  return sum
}
