import type { FallSegment } from './fall-segment.ts'
import { slopeOf } from './straight-line.ts'

/*
 * A thing that falls past dark windows and bright walls is lost where it looks like what is behind it, and found again
 * further down: the parts are one path when each begins where the one before was going.
 */

/** The longest a thing stays unseen on its way, seconds; where hundreds of things fall the next one is soon mistaken for it. */
const longestGapS = { usual: 1.7, crowded: 0.3 }
const crowdedFrom = 40
const overlapS = 0.12
/** Sights the speed at either end is taken from. */
const ends = 10
/** Nothing thrown gets faster than this while it is out of sight: a factor, and pixels per second at picture height 540. */
const speedUp = { factor: 3, more: 60 }
const slowDown = 0.5
/** Logarithm of the ratio of sizes. */
const mostGrowth = 1.2

interface Ends {
  x: number
  y: number
  vx: number
  vy: number
  logArea: number
  body: number
}

/**
 * Whether `after` goes on where `before` went out of sight.
 * @param crowd things on their way at the same time
 * @param looseness 1: the very same thing; more: perhaps its mirror image or a part of it
 */
export function continues(
  before: FallSegment,
  after: FallSegment,
  size: { height: number },
  { crowd = 0, looseness = 1 } = {},
): boolean {
  const gap = after.fromS - before.toS
  if (gap < -overlapS * looseness || gap > (crowd > crowdedFrom ? longestGapS.crowded : longestGapS.usual)) return false
  const [a, b] = [endOf(before, 'last'), endOf(after, 'first')]
  const unit = size.height / 540
  if (b.vy > speedUp.factor * a.vy + speedUp.more * unit || b.vy < slowDown * a.vy - 10 * unit) return false
  if (Math.abs(a.logArea - b.logArea) > mostGrowth * looseness) return false
  const vy = (a.vy + b.vy) / 2
  const slack = (6 * unit + Math.max(a.body, b.body) / 2) * looseness + 0.35 * Math.abs(vy * gap)
  return Math.abs(b.y - a.y - vy * gap) <= slack && Math.abs(b.x - a.x - ((a.vx + b.vx) / 2) * gap) <= slack
}

/** Where a path would be `s` seconds after its end, pixels. */
export function expectedY(fall: FallSegment, s: number): number {
  const { y, vy } = endOf(fall, 'last')
  return y + vy * s
}

/** The parts as one path. */
export function joined(before: FallSegment, after: FallSegment): FallSegment {
  const sights = [...before.sights.filter(({ t }) => t < after.fromS), ...after.sights]
  return {
    ...{ track: after.track, sights, fromS: before.fromS, toS: after.toS, isFlight: after.isFlight },
    ...{ before: before.before, after: after.after },
  }
}

function endOf({ sights }: FallSegment, which: 'first' | 'last'): Ends {
  const some = which === 'last' ? sights.slice(-ends) : sights.slice(0, ends)
  const at = which === 'last' ? some.at(-1)! : some[0]!
  return {
    x: at.x,
    y: at.y,
    vx: slopeOf(some.map(({ t, x }) => ({ t, y: x }))),
    vy: slopeOf(some),
    logArea: some.reduce((sum, { area }) => sum + Math.log(area + 2), 0) / some.length,
    body: Math.max(at.width, at.height),
  }
}
