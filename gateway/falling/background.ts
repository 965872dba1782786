import { type Adaptation, createPixelLoops, type PixelLoops } from './pixel-loops.ts'

/*
 * What every pixel usually looks like and how much it usually varies. Brightness is kept in 1/256 of a luma level.
 * A pixel stands out when it differs from its mean by more than its own variation allows: the noise of a night, the
 * flicker of a sign and the edge of a swaying branch each raise the bar where they are, and nowhere else.
 */

/** Rows are brought up to date in turn, one in so many per picture: a background may lag, a detection may not. */
export const rowsInTurn = 4
/**
 * A pixel closes in on a new brightness by 1/16 of the difference at each of its turns. What counts at most of one
 * difference: an object must not burn in, a restless branch must show. Threshold = max(8, 2 + 5 · mean absolute deviation).
 */
const settled: Adaptation = {
  ...{ meanClip: 20 * 256, meanShift: 4, spreadClip: 48 * 256, spreadShift: 5 },
  ...{ margin: 2, factor: 5, least: 8 },
}
/** A new background learns four times as fast. */
const cold: Adaptation = { ...settled, meanShift: 2, spreadShift: 3 }
/** Assumed of a pixel never seen before. */
const firstSpread = 1.6 * 256
/** Turns in which a background is new. */
const warmUpFrames = 40

/** Horizontal stretch of pixels that stand out. `to` is exclusive. */
export interface Run {
  y: number
  from: number
  to: number
  /** Sums over the run: absolute difference, difference, absolute difference · x. */
  weight: number
  difference: number
  weightedX: number
}

export interface Background {
  readonly width: number
  readonly height: number
  /** Expected luma in 1/256 levels. */
  readonly mean: Uint16Array
  /** Mean absolute deviation in 1/256 levels. */
  readonly spread: Uint16Array
  readonly loops: PixelLoops
  /** Has seen enough pictures to judge. */
  readonly isWarm: boolean
  /** Counts what changed it: turn n brought the rows y with y mod `rowsInTurn` = n mod `rowsInTurn` up to date. */
  readonly turns: number
  /** Copies a picture to where the loops can work on it, unless it is there. */
  take(luma: Uint8Array): Uint8Array
  /** Starts anew from this picture. */
  learn(luma: Uint8Array): void
  /** Adapts a quarter of the rows. */
  adapt(luma: Uint8Array): void
  /**
   * Pixels that stand out, as runs from top to bottom, left to right; gaps of up to two pixels are bridged.
   * @param slack luma levels added to every threshold: resampling an edge leaves something of it
   * @returns how many runs were written to `runs`; at most its length, the rest of the picture is not looked at
   */
  standOut(luma: Uint8Array, runs: Run[], slack?: number): number
}

/**
 * @param isOpen 0 for pixels that never count (row by row); all count when absent
 * @param loops of the same size; new ones when absent
 */
export function createBackground(
  width: number,
  height: number,
  isOpen?: Uint8Array,
  loops = createPixelLoops(width, height),
): Background {
  const size = width * height
  const { mean, spread, low, high, closed } = loops
  if (isOpen) for (let i = 0; i < size; i++) closed[i] = isOpen[i] === 0 ? 255 : 0
  let frames = 0
  let turns = 0

  const take = (luma: Uint8Array): Uint8Array => {
    if (luma === loops.picture || luma === loops.aligned) return luma
    loops.picture.set(luma.length === size ? luma : luma.subarray(0, size))
    return loops.picture
  }

  return {
    ...{ width, height, mean, spread, loops, take },
    get isWarm() {
      return frames >= warmUpFrames
    },
    get turns() {
      return turns
    },
    learn(luma) {
      for (let i = 0; i < size; i++) mean[i] = luma[i]! << 8
      spread.fill(firstSpread)
      turns += rowsInTurn
      frames = 0
    },
    adapt(luma) {
      if (frames < warmUpFrames) frames++
      const how = frames < warmUpFrames ? cold : settled
      const own = take(luma)
      for (let y = turns % rowsInTurn; y < height; y += rowsInTurn) loops.adapt(own, y * width, width, how)
      turns++
    },
    standOut(picture, runs, slack = 0) {
      const luma = take(picture)
      let count = 0
      for (let i = loops.nextStanding(luma, 0, slack); i < size; i = loops.nextStanding(luma, i, slack)) {
        if (count === runs.length) return count
        const y = Math.floor(i / width)
        const start = y * width
        const end = start + width
        const first = i
        let last = i
        let weight = 0
        let difference = 0
        let weightedX = 0
        for (; i < end && i - last <= 3; i++) {
          if (luma[i]! >= low[i]! - slack && luma[i]! <= high[i]! + slack) continue
          last = i
          const by = luma[i]! - (mean[i]! >> 8)
          const size = by < 0 ? -by : by
          weight += size
          difference += by
          weightedX += size * (i - start)
        }
        i = last + 1
        const run = runs[count++]!
        run.y = y
        run.from = first - start
        run.to = last + 1 - start
        run.weight = weight
        run.difference = difference
        run.weightedX = weightedX
      }
      return count
    },
  }
}

/** Room for the runs of one picture. */
export function createRuns(most: number): Run[] {
  return Array.from({ length: most }, () => ({ y: 0, from: 0, to: 0, weight: 0, difference: 0, weightedX: 0 }))
}
