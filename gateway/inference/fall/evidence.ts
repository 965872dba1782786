import { angleBetween } from './features.ts'

/** Second evidence after a supposed fall: what the person did in the seconds that followed. */
export interface FallEvidence {
  /** Seconds looked at, from 2 s after the impact on. */
  observedS: number
  /** Of those seconds, the share in which the sensor lay still. */
  stillShare: number
  /** Longest stretch of still seconds. */
  longestStillS: number
  /** Between gravity before the impact and gravity at the end of what was looked at, degrees; NaN when unknown. */
  postureChangeDeg: number
  /**
   * `supports`: another posture than before, and mostly or long still in it. `contradicts`: exactly the posture of
   * before, or nearly and on the move. `open`: neither; an alarm stays what it was, and a fall with a fight to get up is
   * that at worst. One fall in a hundred ends as it began: `contradicts` lowers an alarm, it must not remove it.
   */
  verdict: 'supports' | 'open' | 'contradicts'
}

export interface FallEvidenceOptions {
  /** A second counts as still when the norm's standard deviation stays below, g. */
  stillG?: number
  /** So long a stillness supports by itself. */
  longStillS?: number
  /** A posture changed by more is another one. */
  changedDeg?: number
  /** A posture changed by less is the same. */
  sameDeg?: number
  /** Seconds needed before anything is said against a fall. */
  leastS?: number
}

const rate = 50

/**
 * @param gravityBefore gravity before the impact, g (see `gravityBefore`)
 * @param after samples from 2 s after the impact on, x y z interleaved, g, 50 Hz; at most what the ring still holds
 */
export function fallEvidence(
  gravityBefore: readonly [number, number, number],
  after: ArrayLike<number>,
  { stillG = 0.05, longStillS = 4, changedDeg = 35, sameDeg = 15, leastS = 4 }: FallEvidenceOptions = {},
): FallEvidence {
  const seconds = Math.floor(after.length / 3 / rate)
  let stillSeconds = 0
  let stretch = 0
  let longestStillS = 0
  for (let second = 0; second < seconds; second++) {
    const isStill = deviation(after, second * rate) < stillG
    stretch = isStill ? stretch + 1 : 0
    stillSeconds += isStill ? 1 : 0
    longestStillS = Math.max(longestStillS, stretch)
  }
  const postureChangeDeg = seconds === 0 ? Number.NaN : angleBetween(gravityBefore, lastGravity(after, seconds))
  const stillShare = seconds === 0 ? 0 : stillSeconds / seconds
  const isChanged = postureChangeDeg > changedDeg
  const supports = isChanged && (longestStillS >= longStillS || stillShare >= 0.5)
  const movesOn = stillShare < 0.25 && !isChanged
  const contradicts = seconds >= leastS && (postureChangeDeg < sameDeg || movesOn)
  const verdict = supports ? 'supports' : contradicts ? 'contradicts' : 'open'
  return { observedS: seconds, stillShare, longestStillS, postureChangeDeg, verdict }
}

/** Standard deviation of the norm over one second. */
function deviation(samples: ArrayLike<number>, from: number): number {
  let sum = 0
  let squares = 0
  for (let row = from; row < from + rate; row++) {
    const norm = Math.hypot(samples[3 * row]!, samples[3 * row + 1]!, samples[3 * row + 2]!)
    sum += norm
    squares += norm * norm
  }
  return Math.sqrt(Math.max(0, squares / rate - (sum / rate) ** 2))
}

/** Mean of the last three seconds, or of all there is. */
function lastGravity(samples: ArrayLike<number>, seconds: number): [number, number, number] {
  const from = Math.max(0, seconds - 3) * rate
  const sum: [number, number, number] = [0, 0, 0]
  for (let row = from; row < seconds * rate; row++) {
    for (let axis = 0; axis < 3; axis++) sum[axis]! += samples[3 * row + axis]!
  }
  const count = seconds * rate - from
  return [sum[0] / count, sum[1] / count, sum[2] / count]
}
