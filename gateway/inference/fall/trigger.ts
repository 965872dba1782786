/** A peak is a candidate only when nothing within so many slots (1 s) of it is higher. */
export const peakApartSlots = 50

/**
 * Candidates for an impact in [from, to]: at least `triggerG`, higher than everything in the second before, at least
 * as high as everything in the second after (of a clipped plateau the first). `norm` gives 0 where nothing is known.
 * The same as `candidates` in models/train/fall_data.py.
 */
export function findCandidates(norm: (slot: number) => number, from: number, to: number, triggerG: number): number[] {
  const found: number[] = []
  for (let slot = from; slot <= to; slot++) {
    const height = norm(slot)
    if (height >= triggerG && isPeak(norm, slot, height)) found.push(slot)
  }
  return found
}

function isPeak(norm: (slot: number) => number, slot: number, height: number): boolean {
  for (let away = 1; away <= peakApartSlots; away++) {
    if (norm(slot - away) >= height || norm(slot + away) > height) return false
  }
  return true
}
