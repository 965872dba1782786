import type { FacadeMap } from './calibration.ts'
import { offLine, rms, slopeOf } from './straight-line.ts'
import { parabola, type Sight, type Track } from './track.ts'

/** The part of a track that comes down, and what physics says about it. Pixels of the analysed picture, seconds. */
export interface FallSegment {
  track: number
  sights: readonly Sight[]
  fromS: number
  toS: number
  /** It flew about before it came down, or flew on afterwards, as birds and drones do. */
  isFlight: boolean
  /** What its track did before it came down and afterwards. */
  before: Pause
  after: Pause
  /** On the facade, where it is calibrated. */
  metric?: MetricFall
}

/** A part of a track beside its way down: for how long it was seen, and how far from the end of the way, pixels. */
export interface Pause {
  seconds: number
  reach: number
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
  /** The same from the straight line. */
  unevenM: number
  /** Downward acceleration in the first and the last 0.6 s, m/s². */
  startMs2: number
  endMs2: number
  /** Where it was first seen: beside the facade by so many of its widths (0 before it), above its highest line, metres. */
  beside: number
  aboveM: number
}

/** A start wobbles by so many pixels before it counts as falling. */
const wobblePx = 1.5
/** A track met only once after so long unseen, or so many pictures where they come slowly, may have met another thing. */
const alone = { afterS: 0.13, afterPictures: 3.25 }
const roaming = { leastS: 0.9, leastPx: 12 }
/** Where a fall ends on the ground: metres above it, or, where nothing is calibrated, a share of the picture's height. */
const ground = { upM: 4.5, share: 0.9 }

/**
 * The longest way down of a track: from its highest point before its lowest, without the waiting at either end.
 * @param pictureS usual time between two pictures, seconds
 * @returns undefined when it never comes down by more than a few pixels
 */
export function findFall(
  track: Track,
  size: { width: number; height: number },
  pictureS: number,
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
  const aloneAfterS = Math.max(alone.afterS, alone.afterPictures * pictureS)
  while (to > from && sights[to]!.t - sights[to - 1]!.t > aloneAfterS) to--
  const end = to
  const slack = Math.max(wobblePx, (sights[to]!.y - sights[from]!.y) * 0.01)
  while (to > from && sights[to - 1]!.y > sights[end]!.y - slack) to--
  while (from < to && sights[from + 1]!.y < sights[best.from]!.y + slack) from++
  const part = sights.slice(from, to + 1)
  if (part.length < 5) return undefined
  const metric = map ? inMetres(part, size, map) : undefined
  // What has landed may bounce and roll, and somebody may walk by.
  const hasLanded = metric ? metric.endUpM < ground.upM : part.at(-1)!.y > ground.share * size.height
  return {
    track: track.id,
    sights: part,
    fromS: part[0]!.t,
    toS: part.at(-1)!.t,
    isFlight: roams(sights.slice(0, from + 1), part[0]!) || (!hasLanded && roams(sights.slice(to), part.at(-1)!)),
    before: pauseOf(sights.slice(0, from + 1), part[0]!),
    after: pauseOf(sights.slice(to), part.at(-1)!),
    ...(metric ? { metric } : {}),
  }
}

/** Whether a track spent a while away from a point: what waits in a hand or lies on the ground does not. */
function roams(sights: readonly Sight[], { x, y }: Sight): boolean {
  if (sights.length === 0 || sights.at(-1)!.t - sights[0]!.t < roaming.leastS) return false
  return sights.some((sight) => Math.hypot(sight.x - x, sight.y - y) > roaming.leastPx)
}

function pauseOf(sights: readonly Sight[], { x, y }: Sight): Pause {
  const reach = Math.max(...sights.map((sight) => Math.hypot(sight.x - x, sight.y - y)))
  return { seconds: sights.at(-1)!.t - sights[0]!.t, reach }
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
  const edges = 0.6
  const lastT = points.at(-1)!.t
  const from = map.toFacade(sights[0]!.x / size.width, sights[0]!.y / size.height)
  return {
    startUpM: points[0]!.y,
    endUpM: points.at(-1)!.y,
    startSpeedMs: -start,
    endSpeedMs: -end,
    accelerationMs2: -2 * whole.bend,
    residualM: rms(points.map(({ t, y }) => y - whole.at - whole.slope * t - whole.bend * t * t)),
    unevenM: rms(offLine(points)),
    startMs2:
      -2 *
      parabola(
        points.filter(({ t }) => t <= Math.max(edges, points[4]!.t)),
        0,
      ).bend,
    endMs2:
      -2 *
      parabola(
        points.filter(({ t }) => t >= Math.min(lastT - edges, points.at(-5)!.t)),
        lastT,
      ).bend,
    beside: Math.max(0, -from.across, from.across - 1),
    aboveM: (from.level - map.top) * map.floorHeightM,
  }
}
