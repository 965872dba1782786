import type { Sample } from './samples.ts'

/** Whole pictures: does the thing fire where it is, and does it where it is not. */
export interface PictureScore {
  name: string
  /** Best score in the picture; 0 without any. */
  score: number
  /** The picture shows one. */
  holds: boolean
}

export interface PictureRates {
  threshold: number
  /** Of the pictures that show one, those in which it fires; NaN without such pictures. */
  recall: number
  /** Of the pictures that show none, those in which it fires; NaN without such pictures. */
  falseRate: number
}

/** Best score per picture; pictures in which nobody drew the label are left out. */
export function pictureScores(
  samples: readonly Sample[],
  label: string,
  scoreOf: (sample: Sample) => number,
): PictureScore[] {
  return samples
    .filter(({ unlabelled }) => !unlabelled.has(label))
    .map((sample) => ({
      name: sample.name,
      score: scoreOf(sample),
      holds: sample.truths.some((truth) => truth.label === label),
    }))
}

export function ratesAt(scores: readonly PictureScore[], threshold: number): PictureRates {
  const share = (of: readonly PictureScore[]) =>
    of.length === 0 ? Number.NaN : of.filter(({ score }) => score >= threshold).length / of.length
  return {
    threshold,
    recall: share(scores.filter(({ holds }) => holds)),
    falseRate: share(scores.filter(({ holds }) => !holds)),
  }
}

/** The lowest threshold at which no more than `most` of the pictures without one fire; undefined without such pictures. */
export function bestAtFalseRate(scores: readonly PictureScore[], most: number): PictureRates | undefined {
  if (!scores.some(({ holds }) => !holds)) return undefined
  const candidates = [...new Set(scores.map(({ score }) => score))].filter((score) => score > 0).sort((a, b) => a - b)
  return [...candidates, 1].map((threshold) => ratesAt(scores, threshold)).find(({ falseRate }) => falseRate <= most)
}

/** Twentieths from 0.10 to 0.90 and the shipped threshold, rising. */
export function sweepThresholds(shipped: number): number[] {
  const steps = Array.from({ length: 17 }, (_, i) => (i + 2) / 20)
  return [...new Set([...steps, shipped])].sort((a, b) => a - b)
}
