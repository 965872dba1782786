import type { Detection } from '../core/detection.ts'
import type { LearnedHead } from '../core/learning.ts'
import { marginOf } from './head.ts'

/** Where the second stage never acts, whatever the head says. */
export interface Floors {
  /** A detection of at least this score is never taken back. */
  keepScore: number
  /** Nor one that is this similar to something confirmed (cosine around the site's mean, −1…1). */
  keepSimilarity: number
  /** Nor one that is less similar than this to every false alarm known: new things are not judged. */
  knownSimilarity: number
}

export const defaultFloors: Floors = { keepScore: 0.85, keepSimilarity: 0.7, knownSimilarity: 0.2 }

export type Outcome = 'vetoed' | 'passed' | 'protected-score' | 'protected-similar' | 'unknown' | 'not-embedded'

/** What became of one detection, and the similarities that decided, for the console. */
export interface Judgement {
  outcome: Outcome
  /** To the nearest confirmed and the nearest false example; −1 without any. */
  toConfirmed: number
  toFalse: number
}

/** What a decision rests on. */
export interface Facts {
  score: number
  toConfirmed: number
  toFalse: number
  margin: number
  limit: number
}

/**
 * The rule. Only what the head calls false, what resembles a known false alarm more than anything confirmed, and what
 * no floor protects is taken back.
 */
export function decide({ score, toConfirmed, toFalse, margin, limit }: Facts, floors: Floors): Outcome {
  if (score >= floors.keepScore) return 'protected-score'
  if (toConfirmed >= floors.keepSimilarity) return 'protected-similar'
  if (toFalse < floors.knownSimilarity) return 'unknown'
  if (toConfirmed >= toFalse) return 'passed'
  return margin < limit ? 'vetoed' : 'passed'
}

/** The examples behind a head, for comparing. */
export interface Anchors {
  confirmed: readonly Float32Array[]
  falseAlarms: readonly Float32Array[]
}

/** Judges one detection of the head's label. */
export function judge(head: LearnedHead, anchors: Anchors, floors: Floors, detection: Detection): Judgement {
  const { embedding, score } = detection
  if (!embedding || embedding.length !== head.weights.length)
    return { outcome: 'not-embedded', toConfirmed: -1, toFalse: -1 }
  const toConfirmed = nearest(anchors.confirmed, embedding, head.mean)
  const toFalse = nearest(anchors.falseAlarms, embedding, head.mean)
  const facts = { score, toConfirmed, toFalse, margin: marginOf(head, embedding), limit: head.vetoBelow }
  return { outcome: decide(facts, floors), toConfirmed, toFalse }
}

function nearest(anchors: readonly Float32Array[], embedding: Float32Array, mean: readonly number[]): number {
  return anchors.reduce((best, anchor) => Math.max(best, cosine(anchor, embedding, mean)), -1)
}

function cosine(a: Float32Array, b: Float32Array, mean: readonly number[]): number {
  let product = 0
  let squaresA = 0
  let squaresB = 0
  for (let i = 0; i < mean.length; i++) {
    const left = a[i]! - mean[i]!
    const right = b[i]! - mean[i]!
    product += left * right
    squaresA += left * left
    squaresB += right * right
  }
  return squaresA > 0 && squaresB > 0 ? product / Math.sqrt(squaresA * squaresB) : 0
}
