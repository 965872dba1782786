import type { FallSegment } from './fall-segment.ts'
import type { Surroundings } from './features.ts'
import type { Sight, Track } from './track.ts'

/*
 * What else moves while a thing falls: companions tell rain, snow and leaves, what flies about tells birds and drones.
 */

/** What counts as flying about: sights, picture heights, height lost per width; and what as of the same size, log of areas. */
const flight = { sights: 12, reach: 0.05, steepness: 1, alike: 1 }
/** For how long, and how many at most. */
export const rememberedFlights = { seconds: 40, most: 200 }
/** How long before and how near to the beginning of a fall another track may have ended to be its own past. */
const lead = { seconds: 2, reach: 0.06, sights: 8 }

/** A track that went across or up for a while, as birds, drones and insects do. */
export interface Flight {
  toS: number
  x: number
  y: number
  logArea: number
}

/** @returns undefined for what comes down, stays or is too short to tell */
export function flightOf({ sights }: Track, height: number): Flight | undefined {
  const first = sights[0]!
  const last = sights.at(-1)!
  const [dx, dy] = [last.x - first.x, last.y - first.y]
  const isFlight =
    sights.length >= flight.sights &&
    Math.hypot(dx, dy) >= flight.reach * height &&
    dy < flight.steepness * Math.abs(dx)
  return isFlight ? { toS: last.t, x: last.x, y: last.y, logArea: meanLogArea(sights) } : undefined
}

const meanLogArea = (sights: readonly Sight[]) =>
  sights.reduce((sum, { area }) => sum + Math.log(area + 1), 0) / sights.length

/** A track in brief. */
export interface Movement {
  id: number
  fromS: number
  toS: number
  endX: number
  endY: number
  sights: number
  x: number
  vx: number
  vy: number
}

export function movementOf({ id, sights }: Track): Movement | undefined {
  const first = sights[0]!
  const last = sights.at(-1)!
  const span = last.t - first.t
  if (sights.length < 4 || span <= 0) return undefined
  const [dx, dy] = [last.x - first.x, last.y - first.y]
  if (Math.hypot(dx, dy) < 8) return undefined
  return {
    ...{ id, fromS: first.t, toS: last.t, endX: last.x, endY: last.y, sights: sights.length },
    ...{ x: (first.x + last.x) / 2, vx: dx / span, vy: dy / span },
  }
}

export function surroundingsOf(
  fall: FallSegment,
  own: number,
  others: readonly Movement[],
  flights: readonly Flight[],
  { width, height }: { width: number; height: number },
): Surroundings {
  const first = fall.sights[0]!
  const last = fall.sights.at(-1)!
  const vy = (last.y - first.y) / (last.t - first.t)
  const x = (first.x + last.x) / 2
  const logArea = meanLogArea(fall.sights)
  const near = others.filter(({ id, fromS, toS }) => id !== own && toS > fall.fromS - 2 && fromS < fall.toS + 2)
  const isLead = ({ toS, endX, endY, sights }: Movement) =>
    sights >= lead.sights &&
    toS <= fall.fromS + 0.1 &&
    toS > fall.fromS - lead.seconds &&
    Math.hypot(endX - first.x, endY - first.y) < lead.reach * height
  return {
    companions: near.filter((each) => each.vy > vy * 0.4 && each.vy < vy * 2.5 && Math.abs(each.x - x) > 0.04 * width)
      .length,
    crowd: near.length,
    flyers: flights.length,
    flyersLike: flights.filter((each) => Math.abs(each.logArea - logArea) < flight.alike).length,
    isContinued: near.some(isLead) ? 1 : 0,
  }
}
