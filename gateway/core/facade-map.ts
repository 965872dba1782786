import type { FacadeCalibration } from './facade-calibration.ts'
import { type Refusal, refuse } from './refusal.ts'

/** Lines that span no facade, and why. */
export class FacadeProblem extends Error {
  readonly refusal: Refusal
  constructor(refusal: Refusal) {
    super(refusal.refused)
    this.name = 'FacadeProblem'
    this.refusal = refusal
  }
}

/** Where on the facade a point of the picture lies. */
export interface FacadePoint {
  /** 0 at the left edge, 1 at the right one. */
  across: number
  /** Floors above the ground line: 0 at the ground, 11.4 within the twelfth storey. */
  level: number
}

export interface FacadeMap {
  readonly floorHeightM: number
  readonly columns: number | undefined
  /** Highest clicked line, floors above the ground. */
  readonly top: number
  /** How badly the clicked lines fit one plane, floors. */
  readonly residual: number
  /** @param x @param y fractions of the picture */
  toFacade(x: number, y: number): FacadePoint
  toPicture(at: FacadePoint): { x: number; y: number }
}

/**
 * The plane's map from clicked lines: the floor lines' crossings with both edges are the known points.
 * @throws FacadeProblem that says which line cannot be used
 */
export function createFacadeMap(calibration: FacadeCalibration): FacadeMap {
  const known = calibration.floors.flatMap(({ floor, line }) =>
    ([calibration.left, calibration.right] as const).map((edge, across) => {
      const meeting = crossing(edge, line)
      if (!meeting) throw new FacadeProblem(refuse('facade-line', { floor }))
      return { from: meeting, to: [across, floor - 1] as const }
    }),
  )
  if (new Set(calibration.floors.map(({ floor }) => floor)).size < 2) throw new FacadeProblem(refuse('facade-floors'))
  const there = homography(known)
  const back = homography(known.map(({ from, to }) => ({ from: to, to: from })))
  if (!there || !back) throw new FacadeProblem(refuse('facade-plane'))
  const toFacade = (x: number, y: number) => {
    const [across, level] = apply(there, x, y)
    return { across, level }
  }
  const residual = Math.max(...known.map(({ from, to }) => Math.abs(toFacade(from[0], from[1]).level - to[1])))
  return {
    floorHeightM: calibration.floorHeightM,
    columns: calibration.columns,
    top: Math.max(...calibration.floors.map(({ floor }) => floor - 1)),
    residual,
    toFacade,
    toPicture({ across, level }) {
      const [x, y] = apply(back, across, level)
      return { x, y }
    },
  }
}

type Point = readonly [number, number]

function crossing([a, b]: readonly [Point, Point], [c, d]: readonly [Point, Point]): Point | undefined {
  const [rx, ry] = [b[0] - a[0], b[1] - a[1]]
  const [sx, sy] = [d[0] - c[0], d[1] - c[1]]
  const cross = rx * sy - ry * sx
  if (Math.abs(cross) < 1e-9) return undefined
  const t = ((c[0] - a[0]) * sy - (c[1] - a[1]) * sx) / cross
  return [a[0] + t * rx, a[1] + t * ry]
}

/** Eight numbers h with x' = (h0·x + h1·y + h2) / (h6·x + h7·y + 1), y' likewise, by least squares. */
function homography(pairs: ReadonlyArray<{ from: Point; to: Point }>): number[] | undefined {
  const normal = Array.from({ length: 8 }, () => new Array<number>(9).fill(0))
  const add = (row: readonly number[], value: number) => {
    for (let i = 0; i < 8; i++) {
      for (let j = 0; j < 8; j++) normal[i]![j]! += row[i]! * row[j]!
      normal[i]![8]! += row[i]! * value
    }
  }
  for (const { from, to } of pairs) {
    const [x, y] = from
    const [u, v] = to
    add([x, y, 1, 0, 0, 0, -u * x, -u * y], u)
    add([0, 0, 0, x, y, 1, -v * x, -v * y], v)
  }
  return solve(normal)
}

function apply(h: readonly number[], x: number, y: number): [number, number] {
  const w = h[6]! * x + h[7]! * y + 1
  return [(h[0]! * x + h[1]! * y + h[2]!) / w, (h[3]! * x + h[4]! * y + h[5]!) / w]
}

/** Gaussian elimination with pivoting; the last column is the right-hand side. */
function solve(rows: number[][]): number[] | undefined {
  const n = rows.length
  for (let i = 0; i < n; i++) {
    const best = rows.slice(i).reduce((at, row, k) => (Math.abs(row[i]!) > Math.abs(rows[at]![i]!) ? i + k : at), i)
    ;[rows[i], rows[best]] = [rows[best]!, rows[i]!]
    const pivot = rows[i]![i]!
    if (Math.abs(pivot) < 1e-12) return undefined
    for (let k = 0; k < n; k++) {
      if (k === i) continue
      const factor = rows[k]![i]! / pivot
      for (let j = i; j <= n; j++) rows[k]![j]! -= factor * rows[i]![j]!
    }
  }
  return rows.map((row, i) => row[n]! / row[i]!)
}
