import type { FeatureName } from './features.ts'

/*
 * What physics and practice rule out before a classifier is asked. Where the facade is calibrated the limits are metric;
 * elsewhere only the picture's own proportions count.
 */

/** Shorter glimpses tell nothing; the slowest sheet of paper from the thirtieth floor takes about this long. */
const durationS = { least: 0.31, most: 42 }
/** Of the pictures between first and last sight. */
const leastSightShare = 0.55
/** Downward share of its path: wind and a hard throw bend it, but not to this. */
const leastSteepness = 0.62
/** Picture heights; calibrated: about a storey and a half, so that a thing that slides off a sill stays unmentioned. */
const leastDrop = { calibrated: 0.06, uncalibrated: 0.1, metres: 4.5 }
/** From the lowest floors little of a fall is seen; so much is enough of what follows gravity from rest. */
const shortFall = { metres: 2.2, leastMs2: 6.5, mostMs2: 13.5, startSpeedMs: 4, durationS: 0.4 }
/** m/s at the end: slower is a leaf, a lift or a gondola, faster than any thing can fall is close to the lens. */
const endSpeedMs = { least: 1, most: 45 }
/** m/s² of the whole way, with what perspective and a thing in front of the facade's plane make of 9.81. */
const accelerationMs2 = { least: -2.5, most: 19 }
/**
 * What is fast when first seen and never gets faster did not start here: a bird, a drop near the lens. Cloth falls at up to
 * 6 m/s without getting faster for long.
 */
const steady = { startSpeedMs: 6.5, accelerationMs2: 0.5 }
/** m/s at the beginning: what is faster when it is first seen is rain near the lens. */
const mostStartSpeedMs = 28
/** m/s² in the first and the last 0.6 s: insects near the lens turn harder than anything falls. */
const bendMs2 = { least: -20, most: 25 }
/** Where it may be seen first: beside the facade by a share of its width, above its highest line by so many metres. */
const start = { beside: 0.2, aboveM: 6 }
/** Metres across on the facade's plane: larger is near the lens. */
const mostBodyM = 1.8
/** No bird and no drone comes down like this. */
const heavyFall = { accelerationMs2: 2, startSpeedMs: 8, endSpeedMs: 12, dropM: 12, residualShare: 0.03 }
/** Nothing but gravity makes a thing fall like this, whatever else comes down around it. */
const freeFall = {
  accelerationMs2: 4,
  mostAccelerationMs2: 13,
  startSpeedMs: 5,
  dropM: 7,
  residualShare: 0.02,
  sightShare: 0.7,
}
/** A long fall may be lost to sight half of the time, as small things are: what was seen of it has to last so long. */
const brokenFall = { sightShare: 0.4, seenS: 1, dropM: 15 }

/** Whether a fall can be something thrown at all. */
export function isPlausible(features: Record<FeatureName, number>): boolean {
  const { durationS: duration, dropM } = features
  const isCalibrated = !Number.isNaN(dropM)
  if (duration < durationS.least || duration > durationS.most) return false
  if (features.steepness < leastSteepness || (features.sightShare < leastSightShare && !isFreeFall(features)))
    return false
  if (!isCalibrated) return features.drop >= leastDrop.uncalibrated
  if (features.drop < leastDrop.calibrated || (dropM < leastDrop.metres && !isShortFall(features))) return false
  if (features.endSpeedMs < endSpeedMs.least || features.endSpeedMs > endSpeedMs.most) return false
  if (features.accelerationMs2 < accelerationMs2.least || features.accelerationMs2 > accelerationMs2.most) return false
  if (features.startSpeedMs > mostStartSpeedMs || features.bodyM > mostBodyM) return false
  if (features.beside > start.beside || features.aboveM > start.aboveM) return false
  if (features.startMs2 > bendMs2.most || features.endMs2 < bendMs2.least) return false
  return features.startSpeedMs < steady.startSpeedMs || features.accelerationMs2 > steady.accelerationMs2
}

function isShortFall({ accelerationMs2, dropM, startSpeedMs, durationS }: Record<FeatureName, number>): boolean {
  return (
    dropM >= shortFall.metres &&
    accelerationMs2 >= shortFall.leastMs2 &&
    accelerationMs2 <= shortFall.mostMs2 &&
    startSpeedMs <= shortFall.startSpeedMs &&
    durationS >= shortFall.durationS
  )
}

/** Whether something came down from high so fast, and faster and faster, that it fell, whatever its track did otherwise. */
export function isHeavyFall({
  accelerationMs2,
  startSpeedMs,
  endSpeedMs,
  dropM,
  residualM,
}: Record<FeatureName, number>) {
  return (
    accelerationMs2 >= heavyFall.accelerationMs2 &&
    startSpeedMs <= heavyFall.startSpeedMs &&
    endSpeedMs >= heavyFall.endSpeedMs &&
    dropM >= heavyFall.dropM &&
    residualM <= heavyFall.residualShare * dropM
  )
}

/** Whether a plausible fall follows gravity so closely that no classifier is needed. Only a calibrated facade can tell. */
export function isFreeFall(features: Record<FeatureName, number>): boolean {
  const { accelerationMs2: acceleration, dropM, sightShare, durationS } = features
  const isSeen =
    sightShare >= freeFall.sightShare ||
    (sightShare >= brokenFall.sightShare && sightShare * durationS >= brokenFall.seenS && dropM >= brokenFall.dropM)
  return (
    isSeen &&
    acceleration >= freeFall.accelerationMs2 &&
    acceleration <= freeFall.mostAccelerationMs2 &&
    features.startSpeedMs <= freeFall.startSpeedMs &&
    dropM >= freeFall.dropM &&
    features.residualM <= freeFall.residualShare * dropM
  )
}
