/*
 * What every pixel usually looks like and how much it usually varies. Brightness is kept in 1/256 of a luma level.
 * A pixel stands out when it differs from its mean by more than its own variation allows: the noise of a night, the
 * flicker of a sign and the edge of a swaying branch each raise the bar where they are, and nowhere else.
 */

/** Rows are brought up to date in turn, one in so many per picture: a background may lag, a detection may not. */
const rowsInTurn = 4
/** A pixel closes in on a new brightness by 1/2^shift of the difference at each of its turns. */
const meanShift = 4
const spreadShift = 5
/** What counts at most of one difference, luma levels: an object must not burn in, a restless branch must show. */
const meanClip = 20 * 256
const spreadClip = 48 * 256
/** Threshold = max(least, margin + factor · mean absolute deviation), luma levels. */
const leastThreshold = 8
const thresholdMargin = 2
const thresholdFactor = 5
/** Assumed of a pixel never seen before. */
const firstSpread = 1.6 * 256
/** Turns in which a new background learns twice as fast. */
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
  /** Has seen enough pictures to judge. */
  readonly isWarm: boolean
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

/** @param isOpen false for pixels that never count (row by row); all count when absent */
export function createBackground(width: number, height: number, isOpen?: Uint8Array): Background {
  const size = width * height
  const mean = new Uint16Array(size)
  const spread = new Uint16Array(size)
  // A pixel stands out when (luma − low) as an unsigned number exceeds range: one comparison instead of two.
  const low = new Uint8Array(size)
  const range = new Uint8Array(size).fill(255)
  let frames = 0
  let turn = 0

  /** Nothing in a masked pixel ever stands out. */
  const close = (firstRow: number) => {
    if (!isOpen) return
    for (let y = firstRow; y < height; y += rowsInTurn)
      for (let i = y * width, end = i + width; i < end; i++) {
        if (isOpen[i] !== 0) continue
        low[i] = 0
        range[i] = 255
      }
  }

  return {
    width,
    height,
    mean,
    spread,
    get isWarm() {
      return frames >= warmUpFrames
    },
    learn(luma) {
      for (let i = 0; i < size; i++) mean[i] = luma[i]! << 8
      spread.fill(firstSpread)
      frames = 0
    },
    adapt(luma) {
      if (frames < warmUpFrames) frames++
      const isCold = frames < warmUpFrames
      const shift = isCold ? meanShift - 2 : meanShift
      const spreadStep = isCold ? spreadShift - 2 : spreadShift
      for (let y = turn; y < height; y += rowsInTurn) {
        for (let i = y * width, end = i + width; i < end; i++) {
          const before = mean[i]!
          const difference = (luma[i]! << 8) - before
          const size = difference < 0 ? -difference : difference
          const step = (size < meanClip ? size : meanClip) >> shift
          const after = difference < 0 ? before - step : before + step
          mean[i] = after
          const usual = spread[i]!
          const varies = usual + (((size < spreadClip ? size : spreadClip) - usual) >> spreadStep)
          spread[i] = varies
          let threshold = thresholdMargin + ((thresholdFactor * varies) >> 8)
          if (threshold < leastThreshold) threshold = leastThreshold
          const level = after >> 8
          const bottom = level > threshold ? level - threshold : 0
          const top = level + threshold < 255 ? level + threshold : 255
          low[i] = bottom
          range[i] = top - bottom
        }
      }
      close(turn)
      turn = (turn + 1) % rowsInTurn
    },
    standOut(luma, runs, slack = 0) {
      const twice = 2 * slack
      let count = 0
      for (let y = 0; y < height; y++) {
        const start = y * width
        const end = start + width
        for (let i = start; i < end; i++) {
          if ((luma[i]! - low[i]! + slack) >>> 0 <= range[i]! + twice) continue
          let last = i
          let weight = 0
          let difference = 0
          let weightedX = 0
          const first = i
          for (; i < end && i - last <= 3; i++) {
            if ((luma[i]! - low[i]! + slack) >>> 0 <= range[i]! + twice) continue
            last = i
            const by = luma[i]! - (mean[i]! >> 8)
            const size = by < 0 ? -by : by
            weight += size
            difference += by
            weightedX += size * (i - start)
          }
          i = last
          if (count === runs.length) return count
          const run = runs[count++]!
          run.y = y
          run.from = first - start
          run.to = last + 1 - start
          run.weight = weight
          run.difference = difference
          run.weightedX = weightedX
        }
      }
      return count
    },
  }
}

/** Room for the runs of one picture. */
export function createRuns(most: number): Run[] {
  return Array.from({ length: most }, () => ({ y: 0, from: 0, to: 0, weight: 0, difference: 0, weightedX: 0 }))
}
