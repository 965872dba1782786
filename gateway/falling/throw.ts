import type { ThrowOrigin, ThrowPoint } from '../core/throw.ts'
import type { FacadeMap } from './calibration.ts'
import { continues, expectedY } from './continuation.ts'
import type { FallSegment } from './fall-segment.ts'
import type { FeatureName } from './features.ts'

export type { ThrowOrigin, ThrowPoint } from '../core/throw.ts'

/** One throw: everything an alarm, a composite picture and a report need. Stream milliseconds; fractions of the picture. */
export interface Throw {
  fromMs: number
  toMs: number
  score: number
  /** The path: the object first, then its mirror image or parts where there were any. */
  paths: ReadonlyArray<{ points: ReadonlyArray<ThrowPoint>; score: number }>
  origin?: ThrowOrigin
  /** Where it comes down, fractions of the picture, with the radius of its uncertainty. */
  landing?: { x: number; y: number; radius: number }
  /** Downward speed at the last sight, and when it reaches or reached the ground after that, seconds. */
  endSpeedMs?: number
  toGroundS?: number
  features: Record<FeatureName, number>
}

/** A fall the classifier believes. */
export interface BelievedFall {
  fall: FallSegment
  score: number
  features: Record<FeatureName, number>
}

const gravity = 9.81
/** Two falls of one throw: mirror image, parts of a bag, a track that was lost and found. */
const besideShare = 0.16
const belowShare = 0.2
const mostUnlike = 1.3
/** What bounces off a canopy falls on from where it hit: seconds, picture widths and heights. */
const bounce = { leastS: -0.2, mostS: 1.5, across: 0.06, down: 0.12, slack: 0.015 }
/** Falls that are seen together for less are taken as one after the other. */
const leastTogetherS = 0.5
/** A mirror image hangs lower, and is found again elsewhere than its object was lost. */
const looseness = 4

/** Whether two falls belong to the same throw: at the same time and in the same column of the picture. */
export function belongTogether(a: FallSegment, b: FallSegment, size: { width: number; height: number }): boolean {
  if (isBounce(a, b, size) || isBounce(b, a, size)) return true
  const beside = (x: number) => Math.abs(x) <= besideShare * size.width
  const from = Math.max(a.fromS, b.fromS)
  const to = Math.min(a.toS, b.toS)
  if (to - from < leastTogetherS) {
    const [before, after] = a.fromS < b.fromS ? [a, b] : [b, a]
    return continues(before, after, size, { looseness })
  }
  const isNear = (t: number) => {
    const [one, other] = [at(a, t), at(b, t)]
    return beside(one.x - other.x) && Math.abs(one.y - other.y) <= belowShare * size.height
  }
  if (!isNear(from) || !isNear(to)) return false
  // A mirror image falls as its object does; what falls at another speed was thrown for itself.
  const [downA, downB] = [at(a, to).y - at(a, from).y, at(b, to).y - at(b, from).y]
  return downA < downB * mostUnlike + 8 && downB < downA * mostUnlike + 8
}

function isBounce(before: FallSegment, after: FallSegment, size: { width: number; height: number }): boolean {
  const gap = after.fromS - before.toS
  const [hit, on] = [before.sights.at(-1)!, after.sights[0]!]
  // Nothing rises faster than it came down.
  const mostRise = expectedY(before, Math.max(0, gap)) - hit.y + bounce.slack * size.height
  return (
    hit.y - on.y < mostRise &&
    gap > bounce.leastS &&
    gap < bounce.mostS &&
    Math.abs(on.x - hit.x) < bounce.across * size.width &&
    Math.abs(on.y - hit.y) < bounce.down * size.height
  )
}

function at({ sights }: FallSegment, t: number): { x: number; y: number } {
  return sights.find((sight) => sight.t >= t) ?? sights.at(-1)!
}

/** One throw of falls that belong together: the one that begins highest is the object where it is also believed best. */
export function assembleThrow(
  falls: readonly BelievedFall[],
  size: { width: number; height: number },
  map: FacadeMap | undefined,
): Throw {
  const extent = ({ fall }: BelievedFall) => fall.sights.at(-1)!.y - fall.sights[0]!.y
  // A mirror image hangs lower than its object and is fainter; parts of one path come one after the other.
  const ordered = [...falls].sort((a, b) => extent(b) * b.score - extent(a) * a.score)
  const main = ordered[0]!
  const first = [...falls]
    .filter((each) => isOnPathOf(main, each, size))
    .sort((a, b) => a.fall.fromS - b.fall.fromS)[0]!
  const origin = map && first.fall.metric ? originOf(first.fall, size, map) : undefined
  const lasting = [...falls].sort((a, b) => b.fall.toS - a.fall.toS)[0]!
  const end = main.fall.metric
  const toGroundS = end && timeToGround(end.endUpM, end.endSpeedMs)
  const landing = map && toGroundS !== undefined ? landingOf(main.fall, toGroundS, size, map) : undefined
  return {
    fromMs: Math.min(...falls.map(({ fall }) => fall.fromS)) * 1000,
    toMs: lasting.fall.toS * 1000,
    score: Math.max(...falls.map(({ score }) => score)),
    paths: ordered.map(({ fall, score }) => ({
      score,
      points: fall.sights.map(({ t, x, y, width, height }) => ({
        atMs: t * 1000,
        x: x / size.width,
        y: y / size.height,
        width: width / size.width,
        height: height / size.height,
      })),
    })),
    ...(origin ? { origin } : {}),
    ...(landing ? { landing } : {}),
    ...(end ? { endSpeedMs: end.endSpeedMs } : {}),
    ...(toGroundS !== undefined ? { toGroundS } : {}),
    features: main.features,
  }
}

/** An earlier part of the same path, not a mirror image beside it. */
function isOnPathOf(main: BelievedFall, other: BelievedFall, size: { width: number }): boolean {
  if (other === main) return true
  const [before, after] = [other.fall.sights.at(-1)!, main.fall.sights[0]!]
  return (
    other.fall.toS <= main.fall.fromS + 0.1 &&
    before.y < after.y + 10 &&
    Math.abs(before.x - after.x) < 0.05 * size.width
  )
}

/**
 * The storey at the first sight. What already falls fast there came from above: v²/2g higher. The band covers the size of
 * the object, a pixel of error, the misfit of the calibration, and half of that extrapolation.
 */
function originOf(fall: FallSegment, size: { width: number; height: number }, map: FacadeMap): ThrowOrigin {
  const { x, y, height } = fall.sights[0]!
  const speed = Math.max(0, fall.metric!.startSpeedMs - gravity * 0.16)
  const fallenM = fall.metric!.accelerationMs2 > 3 ? Math.min(30, speed ** 2 / (2 * gravity)) : 0
  const seen = map.toFacade(x / size.width, y / size.height)
  const above = map.toFacade(x / size.width, (y - Math.max(1.5, height / 2)) / size.height)
  const level = seen.level + fallenM / map.floorHeightM
  const error = Math.abs(above.level - seen.level) + map.residual + fallenM / map.floorHeightM / 2 + 0.2
  const storey = (at: number) => Math.max(1, Math.floor(at) + 1)
  return {
    floor: storey(level),
    floorFrom: storey(level - error),
    floorTo: storey(level + error),
    across: seen.across,
    ...(map.columns === undefined
      ? {}
      : { column: Math.min(map.columns, Math.max(1, Math.floor(seen.across * map.columns) + 1)) }),
  }
}

/** Without air: the shortest time it can take. @param upM metres above the ground @param speed m/s downwards */
function timeToGround(upM: number, speed: number): number {
  if (upM <= 0) return 0
  const v = Math.max(0, speed)
  return (-v + Math.sqrt(v * v + 2 * gravity * upM)) / gravity
}

/** Follows the path's sideways drift on the facade down to the ground line. */
function landingOf(fall: FallSegment, toGroundS: number, size: { width: number; height: number }, map: FacadeMap) {
  const last = fall.sights.at(-1)!
  const tail = fall.sights.slice(-Math.max(5, Math.round(fall.sights.length / 3)))
  const at = map.toFacade(last.x / size.width, last.y / size.height)
  const before = map.toFacade(tail[0]!.x / size.width, tail[0]!.y / size.height)
  const drift = ((at.across - before.across) / Math.max(0.1, last.t - tail[0]!.t)) * toGroundS
  const down = map.toPicture({ across: at.across + drift, level: 0 })
  const side = map.toPicture({ across: at.across + drift + 0.05 + Math.abs(drift) * 0.3, level: 0 })
  return { ...down, radius: Math.hypot(side.x - down.x, side.y - down.y) }
}
