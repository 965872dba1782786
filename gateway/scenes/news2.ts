/* The tables of NEWS2 (Royal College of Physicians, 2017) for what a band or a bed can measure: 0 to 3 points. */

/** @param bpm heart beats per minute */
export function pulseScore(bpm: number): number {
  if (bpm <= 40 || bpm >= 131) return 3
  if (bpm >= 111) return 2
  return bpm <= 50 || bpm >= 91 ? 1 : 0
}

/** @param perMinute breaths per minute */
export function breathScore(perMinute: number): number {
  if (perMinute <= 8 || perMinute >= 25) return 3
  if (perMinute >= 21) return 2
  return perMinute <= 11 ? 1 : 0
}

/**
 * @param percent oxygen saturation by a sensor on the skin
 * @param scale 2 for people whose target is 88–92 %, breathing air: more is no fault then
 */
export function oxygenScore(percent: number, scale: 1 | 2): number {
  const [three, two, one] = scale === 1 ? [91, 93, 95] : [83, 85, 87]
  if (percent <= three!) return 3
  if (percent <= two!) return 2
  return percent <= one! ? 1 : 0
}
