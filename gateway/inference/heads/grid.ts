import type { Candidate, HeadContext } from './head.ts'
import { sigmoid, thresholdsFor } from './head.ts'

/** One level of an anchor-free detector: `columns × rows` cells, each `stride` input pixels wide. */
export interface GridLevel {
  stride: number
  columns: number
  rows: number
}

/** The levels of a picture; a picture that no stride divides evenly has a last, partly empty cell. */
export function gridLevels(context: Pick<HeadContext, 'width' | 'height'>, strides: readonly number[]): GridLevel[] {
  return strides.map((stride) => ({
    stride,
    columns: Math.ceil(context.width / stride),
    rows: Math.ceil(context.height / stride),
  }))
}

/** How the boxes of a distance head (FCOS, GFL: NanoDet, PicoDet) are written down. */
export interface DistanceOptions {
  strides: number[]
  /** Highest bin of the distance distribution: a side is `regMax + 1` values long. */
  regMax: number
  scores: 'probability' | 'logit'
  /** `distribution`: raw bins, softmax and expectation still to do; `distance`: one number a side, in strides. */
  boxes: 'distribution' | 'distance'
  /** Where a cell's point lies: its top left `corner` (column·stride) or its `middle` ((column + ½)·stride). */
  centre: 'corner' | 'middle'
}

/** Values a cell spends on its box. */
export function boxChannels(options: Pick<DistanceOptions, 'boxes' | 'regMax'>): number {
  return options.boxes === 'distribution' ? 4 * (options.regMax + 1) : 4
}

/** Where the values of one level lie inside flat tensors. */
export interface LevelValues {
  scores: Float32Array
  scoresStart: number
  scoresStep: number
  boxes: Float32Array
  boxesStart: number
  boxesStep: number
}

/**
 * Reads one level of a distance head. A cell yields one candidate: its best label among those above their threshold.
 * Source of the distribution: Li et al., "Generalized Focal Loss", 2020.
 */
export function createDistanceReader(options: DistanceOptions, context: HeadContext) {
  const thresholds = thresholdsFor(options.scores, context.thresholds)
  const labels = context.labels.length
  const bins = options.regMax + 1
  const shift = options.centre === 'middle' ? 0.5 : 0

  function side(data: Float32Array, start: number, index: number): number {
    if (options.boxes === 'distance') return data[start + index]!
    const from = start + index * bins
    let highest = data[from]!
    for (let i = 1; i < bins; i++) highest = Math.max(highest, data[from + i]!)
    let sum = 0
    let weighted = 0
    for (let i = 0; i < bins; i++) {
      const weight = Math.exp(data[from + i]! - highest)
      sum += weight
      weighted += weight * i
    }
    return weighted / sum
  }

  return (level: GridLevel, values: LevelValues, found: Candidate[]): void => {
    const { stride, columns, rows } = level
    const { scores, boxes } = values
    for (let cell = 0; cell < columns * rows; cell++) {
      const at = values.scoresStart + cell * values.scoresStep
      let best = -1
      let bestScore = Number.NEGATIVE_INFINITY
      for (let label = 0; label < labels; label++) {
        const score = scores[at + label]!
        if (score >= thresholds[label]! && score > bestScore) {
          best = label
          bestScore = score
        }
      }
      if (best < 0) continue
      const boxAt = values.boxesStart + cell * values.boxesStep
      const x = ((cell % columns) + shift) * stride
      const y = (Math.floor(cell / columns) + shift) * stride
      found.push({
        label: best,
        score: options.scores === 'probability' ? bestScore : sigmoid(bestScore),
        left: x - side(boxes, boxAt, 0) * stride,
        top: y - side(boxes, boxAt, 1) * stride,
        right: x + side(boxes, boxAt, 2) * stride,
        bottom: y + side(boxes, boxAt, 3) * stride,
      })
    }
  }
}
