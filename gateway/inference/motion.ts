import type { Box } from '../core/detection.ts'
import type { Frame } from '../core/ports.ts'

export interface MotionOptions {
  /** The background follows what stays still with this time constant: something parked is absorbed in two or three. */
  backgroundMs?: number
  /** Changes of brightness below this never count, 0…255: above the noise and key-frame pumping of common cameras. */
  minDelta?: number
  /** Share of the picture that must change. */
  minShare?: number
  /** Motion lasts at least so long after its last sign. */
  holdMs?: number
}

/** What one frame showed. The object is reused: read it before the next frame. */
export interface Motion {
  isMoving: boolean
  /** The whole picture changed at once (lamp, exposure, infrared): not motion, but worth one look. */
  isRelit: boolean
  /** 0…1 of the picture, after the majority filter and without what the light did. */
  changedShare: number
  /** Where it moved last, as fractions of the picture, without its outermost tenth; absent while nothing moves. */
  place?: Box | undefined
}

export interface MotionSensor {
  observe(frame: Pick<Frame, 'width' | 'height' | 'data' | 'time'>): Motion
}

/** Finer cells cost in proportion and see nothing more: `minShare` of the picture is several cells of this size. */
const maxColumns = 96
const maxRows = 54
/** A cell counts as changed beyond this multiple of its usual deviation. */
const noiseFactor = 4
/** Usual deviation is never taken for more, so that a place where people often stand does not go blind. */
const maxNoise = 10
const firstNoise = 2
/** Deviations rise fast in and fade slowly out of a cell's noise, so that a key frame every few seconds is expected. */
const noiseRiseMs = 2_000
const noiseFadeMs = 60_000
/** A cell that keeps changing (a display, a fan) is got used to, slowly. */
const habituationMs = 120_000
/** The light is believed to have changed when the whole picture shifts by so many levels between two frames. */
const relitDelta = 12
/** Beyond this share of changed cells the old background says nothing any more. */
const relitShare = 0.6
/** One cell in so many tells the light: medians of a thousand cells are as good as of all. */
const lightStride = 3
/** The light of dark and bright parts is told apart only in a picture with so much contrast. */
const minContrast = 16

/**
 * Says whether something moves in a camera's picture, from luma alone: cells of a coarse grid against a running
 * average, each with its own noise. Light that changes everywhere is taken out first, as a gain and an offset
 * estimated by medians, which up to half a picture full of people cannot pull away.
 * Nothing is allocated per frame.
 */
export function createMotionSensor(options: MotionOptions = {}): MotionSensor {
  const { backgroundMs = 3_000, minDelta = 10, minShare = 0.005, holdMs = 1_500 } = options
  const motion: Motion = { isMoving: false, isRelit: false, changedShare: 0 }
  let place: Box | undefined
  const darkShifts = new Uint32Array(512)
  const brightShifts = new Uint32Array(512)
  let grid: Grid | undefined
  let lastAt = 0
  let movingUntil = Number.NEGATIVE_INFINITY
  let relitBy = 0

  /** Brings the background to the light of the current cells; returns how far it had to go, in levels. */
  function followLight({ cells, background, size }: Grid): number {
    let sum = 0
    for (let i = 0; i < size; i += lightStride) sum += background[i]!
    const sampled = Math.ceil(size / lightStride)
    const middle = sum / sampled
    darkShifts.fill(0)
    brightShifts.fill(0)
    let dark = 0
    let darkSum = 0
    for (let i = 0; i < size; i += lightStride) {
      const usual = background[i]!
      const shift = (cells[i]! - usual + 256.5) | 0
      if (usual < middle) {
        darkShifts[shift]!++
        dark++
        darkSum += usual
      } else {
        brightShifts[shift]!++
      }
    }
    const bright = sampled - dark
    const darkShift = medianShift(darkShifts, dark)
    const brightShift = medianShift(brightShifts, bright)
    const darkLevel = dark > 0 ? darkSum / dark : middle
    const brightLevel = bright > 0 ? (sum - darkSum) / bright : middle
    const contrast = brightLevel - darkLevel
    const gain = contrast > minContrast ? (brightShift - darkShift) / contrast : 0
    const offset =
      contrast > minContrast ? darkShift - gain * darkLevel : medianOf(darkShift, brightShift, dark, bright)
    if (darkShift === 0 && brightShift === 0) return 0
    for (let i = 0; i < size; i++) background[i]! += gain * background[i]! + offset
    return Math.max(Math.abs(darkShift), Math.abs(brightShift))
  }

  /** Marks changed cells and lets background and noise learn; returns how many are marked. */
  function compare({ cells, background, noise, marks, columns, rows }: Grid, elapsedMs: number): number {
    const learn = 1 - Math.exp(-elapsedMs / backgroundMs)
    const rise = 1 - Math.exp(-elapsedMs / noiseRiseMs)
    const fade = 1 - Math.exp(-elapsedMs / noiseFadeMs)
    const habituate = 1 - Math.exp(-elapsedMs / habituationMs)
    let marked = 0
    for (let row = 0, i = 0; row < rows; row++) {
      let mark = (row + 1) * (columns + 2) + 1
      for (let column = 0; column < columns; column++, i++, mark++) {
        const difference = cells[i]! - background[i]!
        const deviation = Math.abs(difference)
        const usual = noise[i]!
        const isChanged = deviation > Math.max(minDelta, noiseFactor * usual)
        marks[mark] = isChanged ? 1 : 0
        if (isChanged) marked++
        background[i]! += learn * difference
        const speed = isChanged ? habituate : deviation > usual ? rise : fade
        noise[i] = Math.min(maxNoise, usual + speed * (deviation - usual))
      }
    }
    return marked
  }

  return {
    observe({ width, height, data, time: { at } }) {
      motion.isRelit = false
      motion.changedShare = 0
      const isFirst = grid?.width !== width || grid.height !== height
      if (isFirst || !grid) grid = createGrid(width, height)
      readCells(grid, data)
      if (isFirst) {
        startOver(grid)
        movingUntil = Number.NEGATIVE_INFINITY
      } else {
        const elapsedMs = Math.min(Math.max(at - lastAt, 1), backgroundMs)
        relitBy = followLight(grid)
        const marked = compare(grid, elapsedMs)
        const leastCells = minShare * grid.size
        // A still picture ends here, before the filter.
        const changed = marked < leastCells ? 0 : countMajorities(grid)
        motion.changedShare = changed / grid.size
        motion.isRelit = relitBy > relitDelta || motion.changedShare > relitShare
        if (motion.changedShare > relitShare) startOver(grid)
        else if (changed >= leastCells) {
          movingUntil = at + holdMs
          place = placeOf(grid)
        }
      }
      lastAt = at
      // The second bound ends a hold that a clock set back would stretch.
      motion.isMoving = at < movingUntil && movingUntil <= at + holdMs
      motion.place = motion.isMoving ? place : undefined
      return motion
    },
  }
}

/** The picture in cells of two samples by two, and what is remembered of each cell. */
interface Grid {
  width: number
  height: number
  columns: number
  rows: number
  size: number
  /** Source pixels per cell, per axis. */
  pitch: number
  cells: Float32Array
  background: Float32Array
  noise: Float32Array
  /** Changed cells, with a border of one cell that never changes. */
  marks: Uint8Array
  /** Changed cells of the last frame with changes, by column and by row, after the majority filter. */
  byColumn: Uint16Array
  byRow: Uint16Array
}

function createGrid(width: number, height: number): Grid {
  const pitch = Math.max(1, Math.ceil(Math.max(width / maxColumns, height / maxRows)))
  const columns = Math.max(1, Math.floor(width / pitch))
  const rows = Math.max(1, Math.floor(height / pitch))
  const size = columns * rows
  return {
    width,
    height,
    columns,
    rows,
    size,
    pitch,
    cells: new Float32Array(size),
    background: new Float32Array(size),
    noise: new Float32Array(size),
    marks: new Uint8Array((columns + 2) * (rows + 2)),
    byColumn: new Uint16Array(columns),
    byRow: new Uint16Array(rows),
  }
}

/** Takes the present picture for the background. */
function startOver({ cells, background, noise }: Grid): void {
  background.set(cells)
  noise.fill(firstNoise)
}

/** Mean of four samples spread over each cell: the cost stays the same whatever the camera's resolution. */
function readCells({ cells, columns, rows, pitch, width }: Grid, luma: Uint8Array): void {
  const right = pitch >> 1
  const below = right * width
  for (let row = 0, i = 0; row < rows; row++) {
    let at = row * pitch * width
    for (let column = 0; column < columns; column++, i++, at += pitch) {
      cells[i] = (luma[at]! + luma[at + right]! + luma[at + below]! + luma[at + below + right]!) * 0.25
    }
  }
}

/** Cells of which, with their eight neighbours, most changed: single cells are noise. */
function countMajorities({ marks, columns, rows, byColumn, byRow }: Grid): number {
  const stride = columns + 2
  let count = 0
  byColumn.fill(0)
  byRow.fill(0)
  for (let row = 1; row <= rows; row++) {
    let at = row * stride + 1
    let left = marks[at - 1 - stride]! + marks[at - 1]! + marks[at - 1 + stride]!
    let middle = marks[at - stride]! + marks[at]! + marks[at + stride]!
    for (let column = 0; column < columns; column++, at++) {
      const right = marks[at + 1 - stride]! + marks[at + 1]! + marks[at + 1 + stride]!
      if (left + middle + right >= 5) {
        count++
        byColumn[column]!++
        byRow[row - 1]!++
      }
      left = middle
      middle = right
    }
  }
  return count
}

/** Where the majorities lie, without the outermost twentieth on each side: a few cells of noise must not stretch it. */
function placeOf({ byColumn, byRow, pitch, width, height }: Grid): Box {
  const [left, right] = middlePart(byColumn)
  const [top, bottom] = middlePart(byRow)
  return {
    x: (left * pitch) / width,
    y: (top * pitch) / height,
    width: ((right - left) * pitch) / width,
    height: ((bottom - top) * pitch) / height,
  }
}

/** First bin and the one after the last that hold the middle nine tenths. */
function middlePart(counts: Uint16Array): [number, number] {
  let total = 0
  for (const count of counts) total += count
  let first = 0
  let last = counts.length - 1
  for (let cut = total * 0.05; first < last && counts[first]! < cut; first++) cut -= counts[first]!
  for (let cut = total * 0.05; last > first && counts[last]! < cut; last--) cut -= counts[last]!
  return [first, last + 1]
}

/** Median of a histogram of shifts −256…255. */
function medianShift(histogram: Uint32Array, count: number): number {
  let seen = 0
  for (let i = 0; i < histogram.length; i++) {
    seen += histogram[i]!
    if (2 * seen >= count && seen > 0) return i - 256
  }
  return 0
}

/** The shift of the larger part, for a picture of one brightness. */
function medianOf(darkShift: number, brightShift: number, dark: number, bright: number): number {
  return dark > bright ? darkShift : brightShift
}
