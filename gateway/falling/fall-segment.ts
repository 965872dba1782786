import type { FacadeMap } from './calibration.ts'
import { parabola, type Sight, type Track } from './track.ts'

/** The part of a track that comes down, and what physics says about it. Pixels of the analysed picture, seconds. */
export interface FallSegment {
  track: number
  sights: readonly Sight[]
  fromS: number
  toS: number
  /** It flew about before it came down, or flew on afterwards, as birds and drones do. */
  isFlight: boolean
  /** On the facade, where it is calibrated. */
  metric?: MetricFall
}

/** Heights in metres above the ground, measured along the facade's plane. */
export interface MetricFall {
  startUpM: number
  endUpM: number
  /** Downward speed at first and last sight, m/s. */
  startSpeedMs: number
  endSpeedMs: number
  /** Downward acceleration of the parabola through all sights, m/s². */
  accelerationMs2: number
  /** Root mean square distance from that parabola, metres. */
  residualM: number
}

/** A start wobbles by so many pixels before it counts as falling. */
const wobblePx = 1.5
const roaming = { leastS: 0.9, leastPx: 12 }

/**
 * The longest way down of a track: from its highest point before its lowest, without the waiting at either end.
 * @returns undefined when it never comes down by more than a few pixels
 */
export function findFall(
  track: Track,
  size: { width: number; height: number },
  map?: FacadeMap,
): FallSegment | undefined {
  const { sights } = track
  let high = 0
  let best = { from: 0, to: 0, drop: 0 }
  for (let i = 1; i < sights.length; i++) {
    if (sights[i]!.y <= sights[high]!.y) high = i
    const drop = sights[i]!.y - sights[high]!.y
    if (drop > best.drop) best = { from: high, to: i, drop }
  }
  if (best.drop < Math.max(6, size.height * 0.02)) return undefined
  let { from, to } = best
  const slack = Math.max(wobblePx, best.drop * 0.01)
  while (to > from && sights[to - 1]!.y > sights[best.to]!.y - slack) to--
  while (from < to && sights[from + 1]!.y < sights[best.from]!.y + slack) from++
  const part = sights.slice(from, to + 1)
  if (part.length < 5) return undefined
  return {
    track: track.id,
    sights: part,
    fromS: part[0]!.t,
    toS: part.at(-1)!.t,
    isFlight: roams(sights.slice(0, from + 1), part[0]!) || roams(sights.slice(to), part.at(-1)!),
    ...(map ? { metric: inMetres(part, size, map) } : {}),
  }
}

/** Whether a track spent a while away from a point: what waits in a hand or lies on the ground does not. */
function roams(sights: readonly Sight[], { x, y }: Sight): boolean {
  if (sights.length === 0 || sights.at(-1)!.t - sights[0]!.t < roaming.leastS) return false
  return sights.some((sight) => Math.hypot(sight.x - x, sight.y - y) > roaming.leastPx)
}

/** A path in metres on the facade. */
export function inMetres(
  sights: readonly Sight[],
  size: { width: number; height: number },
  map: FacadeMap,
): MetricFall {
  const t0 = sights[0]!.t
  const points = sights.map(({ t, x, y }) => ({
    t: t - t0,
    y: map.toFacade(x / size.width, y / size.height).level * map.floorHeightM,
  }))
  const whole = parabola(points, 0)
  const head = points.filter(({ t }) => t <= Math.max(0.32, points[4]!.t))
  const tailFrom = Math.min(points.at(-1)!.t - 0.32, points.at(-5)!.t)
  const start = slopeOf(head)
  const end = slopeOf(points.filter(({ t }) => t >= tailFrom))
  const residual = Math.sqrt(
    points.reduce((sum, { t, y }) => sum + (y - whole.at - whole.slope * t - whole.bend * t * t) ** 2, 0) /
      points.length,
  )
  return {
    startUpM: points[0]!.y,
    endUpM: points.at(-1)!.y,
    startSpeedMs: -start,
    endSpeedMs: -end,
    accelerationMs2: -2 * whole.bend,
    residualM: residual,
  }
}

/** Slope of the straight line through the points. */
export function slopeOf(points: ReadonlyArray<{ t: number; y: number }>): number {
  const n = points.length
  const [st, sy] = points.reduce(([a, b], { t, y }) => [a + t, b + y], [0, 0])
  const [mt, my] = [st / n, sy / n]
  let [above, below] = [0, 0]
  for (const { t, y } of points) {
    above += (t - mt) * (y - my)
    below += (t - mt) ** 2
  }
  return below > 0 ? above / below : 0
}
