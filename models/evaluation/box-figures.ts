import { type Detection, intersectionOverUnion } from '../../gateway/core/detection.ts'
import { type Sample, sameThing, type Truth } from './samples.ts'

/** One label's figures. NaN where there is nothing to divide by. */
export interface LabelFigures {
  label: string
  /** Boxes drawn by people. */
  truths: number
  ap50: number
  /** Of those truths, found at the label's threshold. */
  recall: number
  /** Of the boxes above the threshold, right. */
  precision: number
  threshold: number
}

interface Verdict {
  score: number
  isRight: boolean
}

/**
 * Judges every detection of one label as PASCAL VOC does (Everingham et al., IJCV 2010, §4.2): best score first, each
 * belongs to the truth it overlaps most; right when they share at least half and no better one was there before.
 */
function judge(samples: readonly Sample[], label: string): Verdict[] {
  return samples.flatMap((sample) => judgeOne(sample, label)).sort((a, b) => b.score - a.score)
}

function judgeOne({ truths, lowered, unlabelled }: Sample, label: string): Verdict[] {
  const mine = truths.filter((truth) => truth.label === label)
  const taken = new Set<Truth>()
  return (lowered[label] ?? []).flatMap((detection) => {
    const best = nearest(detection, mine)
    const isRight = best !== undefined && !taken.has(best)
    if (isRight) taken.add(best)
    return isRight || !unlabelled.has(label) ? [{ score: detection.score, isRight }] : []
  })
}

function nearest({ box }: Detection, truths: readonly Truth[]): Truth | undefined {
  let most = sameThing
  let best: Truth | undefined
  for (const truth of truths) {
    const shared = intersectionOverUnion(box, truth.box)
    if (shared < most) continue
    most = shared
    best = truth
  }
  return best
}

/**
 * Area below the precision-recall curve at IoU 0.5, by all points: precision is made to fall monotonically and the
 * area is summed wherever recall changes, as PASCAL VOC does since 2010 (devkit of VOC2010, VOCap.m); not the 11 points
 * of VOC2007, nor the 101 of COCO.
 * @returns NaN without truths
 */
export function averagePrecision(samples: readonly Sample[], label: string): number {
  const total = truthsOf(samples, label)
  if (total === 0) return Number.NaN
  let right = 0
  const curve = judge(samples, label).map(({ isRight }, i) => {
    if (isRight) right++
    return { recall: right / total, precision: right / (i + 1) }
  })
  let area = 0
  let envelope = 0
  for (let i = curve.length - 1; i >= 0; i--) {
    envelope = Math.max(envelope, curve[i]!.precision)
    area += envelope * (curve[i]!.recall - (curve[i - 1]?.recall ?? 0))
  }
  return area
}

function truthsOf(samples: readonly Sample[], label: string): number {
  return samples.reduce((sum, { truths }) => sum + truths.filter((truth) => truth.label === label).length, 0)
}

/** Figures of every label, in the model's order. */
export function labelFigures(
  samples: readonly Sample[],
  labels: readonly string[],
  thresholdOf: (label: string) => number,
): LabelFigures[] {
  return labels.map((label) => {
    const threshold = thresholdOf(label)
    const told = judge(samples, label).filter(({ score }) => score >= threshold)
    const right = told.filter(({ isRight }) => isRight).length
    const truths = truthsOf(samples, label)
    return {
      ...{ label, truths, threshold, ap50: averagePrecision(samples, label) },
      recall: truths === 0 ? Number.NaN : right / truths,
      precision: told.length === 0 ? Number.NaN : right / told.length,
    }
  })
}

/** At the thresholds in use. Rows: what was there, last `nothing`. Columns: what the model called it, last `nothing`. Counts of boxes. */
export function confusionMatrix(samples: readonly Sample[], labels: readonly string[]): number[][] {
  const none = labels.length
  const matrix = Array.from({ length: none + 1 }, () => new Array<number>(none + 1).fill(0))
  for (const { truths, detections, unlabelled } of samples) {
    const left = new Set(truths)
    for (const detection of detections) {
      const column = labels.indexOf(detection.label)
      // Its own kind first: a person on an e-bike shares the e-bike's place.
      const own = [...left].filter(({ label }) => label === detection.label)
      // Where nobody drew its kind, what it covers of another kind is no mix-up.
      const others = unlabelled.has(detection.label) ? [] : [...left]
      const truth = nearest(detection, own) ?? nearest(detection, others)
      if (truth) {
        left.delete(truth)
        matrix[labels.indexOf(truth.label)]![column]!++
      } else if (!unlabelled.has(detection.label)) matrix[none]![column]!++
    }
    for (const { label } of left) matrix[labels.indexOf(label)]![none]!++
  }
  return matrix
}
