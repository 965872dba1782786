import { type Background, rowsInTurn } from './background.ts'

/*
 * Brings a picture back to where and how bright the background is: a pole that sways moves every edge, an automatic
 * exposure changes every pixel, and neither is an object. Shift, gain and offset are found by least squares on a few
 * thousand points (Lucas–Kanade with a photometric term); only a picture that did change is resampled.
 */

/** One edge point and one flat point per tile, pixels. */
const tile = 20
/** Least squares converge from about one edge's width; what is further is searched for first. */
const farthestShift = 12
const rounds = 4
/** Below this the picture is used as it came. */
const stillPx = 0.08
const stillGain = 0.012
const stillOffset = 1.2
const movedSlack = 6
/** Share of the points that may disagree (things that move) before the picture fits nothing known. */
const mostDisagreeing = 0.35
const refreshEvery = 150

export interface Alignment {
  dx: number
  dy: number
  gain: number
  offset: number
  /** The picture to analyse: the given one, or the alignment's own buffer until the next call. */
  luma: Uint8Array
  /** What resampling may have left of edges, luma levels. */
  slack: number
  /** False when no shift and exposure explain the picture: another view, an infrared switch, a covered lens. */
  isKnown: boolean
}

export function createAligner(background: Background) {
  const { width, height, mean, loops } = background
  const across = Math.floor((width - 2 * tile) / tile)
  const down = Math.floor((height - 2 * tile) / tile)
  const most = across * down * 2
  const points = {
    x: new Int32Array(most),
    y: new Int32Array(most),
    gx: new Float32Array(most),
    gy: new Float32Array(most),
    /** What the background says of them at this picture: luma levels, and how far a picture may be off. */
    level: new Float64Array(most),
    allowed: new Float64Array(most),
  }
  let count = 0
  /** Which points lie in the rows of a turn of the background, and the turns whose rows were gathered. */
  let pointsOfTurn: Int32Array[] = []
  let gathered = 0
  let age = refreshEvery
  const buffer = loops.aligned
  let last = { dx: 0, dy: 0, gain: 1, offset: 0 }

  const choosePoints = () => {
    count = 0
    for (let ty = 0; ty < down; ty++)
      for (let tx = 0; tx < across; tx++) {
        const [x0, y0] = [tile + tx * tile, tile + ty * tile]
        let best = -1
        let bx = x0
        let by = y0
        for (let y = y0; y < y0 + tile; y += 2)
          for (let x = x0; x < x0 + tile; x += 2) {
            const i = y * width + x
            const strength = Math.abs(mean[i + 1]! - mean[i - 1]!) + Math.abs(mean[i + width]! - mean[i - width]!)
            // A restless pixel says nothing about the pole.
            if (strength > best && background.spread[i]! < 8 * 256) [best, bx, by] = [strength, x, y]
          }
        add(bx, by)
        add(x0 + (tile >> 1), y0 + (tile >> 1))
      }
    pointsOfTurn = Array.from({ length: rowsInTurn }, (_, turn) =>
      Int32Array.from(Array.from({ length: count }, (_, p) => p).filter((p) => points.y[p]! % rowsInTurn === turn)),
    )
    age = 0
  }
  const add = (x: number, y: number) => {
    const i = y * width + x
    points.x[count] = x
    points.y[count] = y
    points.gx[count] = (mean[i + 1]! - mean[i - 1]!) / 512
    points.gy[count] = (mean[i + width]! - mean[i - width]!) / 512
    count++
  }

  /** Of the rows that changed only: the background is far larger than what lies near the processor. */
  const gather = () => {
    const isAll = age === 0 || background.turns - gathered >= rowsInTurn
    const [first, end] = isAll ? [0, rowsInTurn] : [gathered, background.turns]
    for (let turn = first; turn < end; turn++)
      for (const p of pointsOfTurn[turn % rowsInTurn]!) {
        const i = points.y[p]! * width + points.x[p]!
        points.level[p] = mean[i]! / 256
        // A sharp edge between two pixels cannot be resampled exactly.
        const steepness = Math.abs(points.gx[p]!) + Math.abs(points.gy[p]!)
        points.allowed[p] = 6 + background.spread[i]! / 64 + 0.4 * steepness
      }
    gathered = background.turns
  }

  /** One step of iteratively reweighted least squares. @returns share of the points that disagree */
  const refine = (luma: Uint8Array, at: typeof last): number => {
    // Sums of the normal equations in variables of their own: this runs over thousands of points in every picture.
    let [xx, xy, xg, xo, yy, yg, yo, gg, go, oo] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
    let [bx, by, bg, bo] = [0, 0, 0, 0]
    let disagreeing = 0
    const { dx, dy, gain, offset } = at
    for (let p = 0; p < count; p++) {
      const level = points.level[p]!
      const seen = sample(luma, points.x[p]! + dx, points.y[p]! + dy)
      if (seen < 3 || seen > 252) continue
      const residual = seen - (gain * level + offset)
      const size = residual < 0 ? -residual : residual
      const gx = points.gx[p]!
      const gy = points.gy[p]!
      const allowed = points.allowed[p]!
      let weight = 1
      if (size > allowed) disagreeing++
      if (size >= allowed) weight = (allowed / size) * (allowed / size)
      // seen(x + d) ≈ gain · (level + g · δ) + offset; the row is (rx, ry, rg, −1)
      const rx = gx * gain
      const ry = gy * gain
      const rg = -(level - 128) / 64
      const wx = weight * rx
      const wy = weight * ry
      const wg = weight * rg
      xx += wx * rx
      xy += wx * ry
      xg += wx * rg
      xo -= wx
      yy += wy * ry
      yg += wy * rg
      yo -= wy
      gg += wg * rg
      go -= wg
      oo += weight
      bx -= wx * residual
      by -= wy * residual
      bg -= wg * residual
      bo += weight * residual
    }
    const a = [xx, xy, xg, xo, yy, yg, yo, gg, go, oo, bx, by, bg, bo]
    const solution = solveSymmetric4(a)
    if (solution) {
      const limit = (value: number, most: number) => Math.max(-most, Math.min(most, value))
      at.dx = limit(at.dx + limit(solution[0]!, 1.5), farthestShift + 2)
      at.dy = limit(at.dy + limit(solution[1]!, 1.5), farthestShift + 2)
      at.gain += solution[2]! / 64
      at.offset += solution[3]! - (solution[2]! / 64) * 128
    }
    return disagreeing / Math.max(1, count)
  }

  const sample = (luma: Uint8Array, x: number, y: number): number => {
    const wholeX = Math.floor(x)
    const wholeY = Math.floor(y)
    if (wholeX < 0 || wholeY < 0 || wholeX >= width - 1 || wholeY >= height - 1) return 0
    const fx = x - wholeX
    const fy = y - wholeY
    const i = wholeY * width + wholeX
    const top = luma[i]! + (luma[i + 1]! - luma[i]!) * fx
    const bottom = luma[i + width]! + (luma[i + width + 1]! - luma[i + width]!) * fx
    return top + (bottom - top) * fy
  }

  /** Whole-pixel search on every third point, exposure taken out by the mean difference. */
  const search = (luma: Uint8Array): { dx: number; dy: number } => {
    let best = { dx: 0, dy: 0, cost: Number.POSITIVE_INFINITY }
    for (let dy = -farthestShift; dy <= farthestShift; dy += 2)
      for (let dx = -farthestShift; dx <= farthestShift; dx += 2) {
        let cost = 0
        for (let p = 0; p < count; p += 3) {
          const i = (points.y[p]! + dy) * width + points.x[p]! + dx
          const difference = Math.abs(
            luma[i]! - (last.gain * mean[points.y[p]! * width + points.x[p]!]!) / 256 - last.offset,
          )
          cost += difference < 30 ? difference : 30
        }
        if (cost < best.cost) best = { dx, dy, cost }
      }
    return best
  }

  const resample = (at: typeof last) => {
    const table = new Uint8ClampedArray(256)
    for (let i = 0; i < 256; i++) table[i] = (i - at.offset) / at.gain
    loops.table.set(table)
    const isExposed = table.some((value, i) => value !== i)
    if (Math.abs(at.dx) < stillPx && Math.abs(at.dy) < stillPx) {
      loops.resample(0, 0, width * height, [256, 0, 0, 0], isExposed)
      return
    }
    const wholeX = Math.floor(at.dx)
    const wholeY = Math.floor(at.dy)
    const fx = Math.round((at.dx - wholeX) * 16)
    const fy = Math.round((at.dy - wholeY) * 16)
    const weights = [(16 - fx) * (16 - fy), fx * (16 - fy), (16 - fx) * fy, fx * fy] as const
    const firstX = Math.max(0, -wholeX)
    const endX = Math.min(width, width - 1 - wholeX)
    for (let y = 0; y < height; y++) {
      const row = y * width
      const isOutside = y + wholeY < 0 || y + wholeY > height - 2
      // What the picture does not show is taken for the background.
      if (isOutside) for (let x = 0; x < width; x++) buffer[row + x] = mean[row + x]! >> 8
      else {
        for (let x = 0; x < firstX; x++) buffer[row + x] = mean[row + x]! >> 8
        for (let x = endX; x < width; x++) buffer[row + x] = mean[row + x]! >> 8
        loops.resample((y + wholeY) * width + firstX + wholeX, row + firstX, endX - firstX, weights, isExposed)
      }
    }
  }

  return {
    align(luma: Uint8Array): Alignment {
      if (age >= refreshEvery) choosePoints()
      gather()
      age++
      const at = { ...last }
      let disagreeing = refine(luma, at)
      const moved = Math.max(
        Math.abs(at.dx - last.dx),
        Math.abs(at.dy - last.dy),
        Math.abs(at.offset - last.offset) / 20,
      )
      if (moved > 0.05) for (let i = 1; i < rounds; i++) disagreeing = refine(luma, at)
      if (disagreeing > mostDisagreeing / 2) {
        const { dx, dy } = search(luma)
        const found = { ...last, dx, dy }
        let left = 1
        for (let i = 0; i < rounds + 2; i++) left = refine(luma, found)
        if (left < disagreeing) {
          Object.assign(at, found)
          disagreeing = left
        }
      }
      const isKnown = disagreeing < mostDisagreeing && at.gain > 0.3 && at.gain < 3
      if (!isKnown) return { ...last, luma, slack: 0, isKnown }
      last = { dx: at.dx, dy: at.dy, gain: at.gain, offset: at.offset }
      const isStill =
        Math.max(Math.abs(at.dx), Math.abs(at.dy)) < stillPx &&
        Math.abs(at.gain - 1) < stillGain &&
        Math.abs(at.offset + (at.gain - 1) * 128) < stillOffset
      if (isStill) return { ...last, luma, slack: 0, isKnown }
      background.take(luma)
      resample(at)
      const isMoved = Math.max(Math.abs(at.dx), Math.abs(at.dy)) >= stillPx
      return { ...last, luma: buffer, slack: isMoved ? movedSlack : 0, isKnown }
    },
    /** The background was learnt anew. */
    reset() {
      last = { dx: 0, dy: 0, gain: 1, offset: 0 }
      age = refreshEvery
    },
  }
}

/**
 * Solves A·x = b for a symmetric positive A.
 * @param a upper triangle of A row by row (10 values), then b (4 values)
 * @returns undefined when A is singular
 */
function solveSymmetric4(a: readonly number[]): number[] | undefined {
  const index = [
    [0, 1, 2, 3],
    [1, 4, 5, 6],
    [2, 5, 7, 8],
    [3, 6, 8, 9],
  ]
  // A little weight on "nothing changed" keeps directions without any edge at rest.
  const m = index.map((row, i) => [...row.map((k, j) => a[k]! + (i === j ? 5 : 0)), a[10 + i]!])
  for (let i = 0; i < 4; i++) {
    const pivot = m[i]![i]!
    if (!(Math.abs(pivot) > 1e-9)) return undefined
    for (let j = i + 1; j < 4; j++) {
      const factor = m[j]![i]! / pivot
      for (let k = i; k < 5; k++) m[j]![k]! -= factor * m[i]![k]!
    }
  }
  const x = [0, 0, 0, 0]
  for (let i = 3; i >= 0; i--) {
    let sum = m[i]![4]!
    for (let j = i + 1; j < 4; j++) sum -= m[i]![j]! * x[j]!
    x[i] = sum / m[i]![i]!
  }
  return x
}
