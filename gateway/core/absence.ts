/** Nothing for so long: a thing that should show itself and does not. */
export interface Absence {
  /** It showed itself, or the watch begins. Earlier instants than the last change nothing. */
  note(at: number): void
  /** Since when it is missed, epoch ms; undefined while it is not, and before the first note. */
  missedSince(at: number): number | undefined
  /** When it will be missed; Infinity before the first note. */
  wakeAt(): number
}

/** @param afterMs without a sign of it for so long it is missed */
export function createAbsence(afterMs: number): Absence {
  let seenAt = Number.NaN
  return {
    note(at) {
      if (!(at < seenAt)) seenAt = at
    },
    missedSince(at) {
      // A clock that was set back: the wait begins anew.
      if (at < seenAt) seenAt = at
      return at - seenAt >= afterMs ? seenAt + afterMs : undefined
    },
    wakeAt: () => (Number.isNaN(seenAt) ? Number.POSITIVE_INFINITY : seenAt + afterMs),
  }
}
