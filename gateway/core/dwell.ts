/**
 * On-delay and off-delay of a condition.
 *
 *   off ──true for onMs──▶ on ──false for offMs──▶ off
 *
 * What was true stays true until somebody says otherwise; with `maxGapMs` only as long as somebody keeps saying so.
 */
export interface Dwell {
  readonly isOn: boolean
  /** When the condition took its present value; NaN before the first. Epoch ms. */
  readonly sinceAt: number
  /** The condition is (still) so at `at`. Returns whether the dwell is on now. */
  update(at: number, isTrue: boolean): boolean
  /** Time goes by without news. */
  tick(at: number): boolean
  /** When a tick would change something; Infinity when only news can. Epoch ms. */
  wakeAt(): number
}

export interface DwellOptions {
  /** The condition must hold so long. 0: at once. */
  onMs?: number
  /** It must be gone so long. 0: at once. */
  offMs?: number
  /** A condition that nobody confirmed for longer has to hold anew. */
  maxGapMs?: number
}

export function createDwell({ onMs = 0, offMs = 0, maxGapMs = Number.POSITIVE_INFINITY }: DwellOptions): Dwell {
  let isOn = false
  let isTrue: boolean | undefined
  let sinceAt = Number.NaN
  let confirmedAt = Number.NaN

  /** A clock that was set back starts the wait anew instead of stretching it. */
  function follow(at: number): void {
    if (at < sinceAt) sinceAt = at
    if (at < confirmedAt) confirmedAt = at
  }

  function settle(at: number): boolean {
    if (isTrue === undefined || isTrue === isOn) return isOn
    const isKnown = isOn || at - confirmedAt <= maxGapMs
    if (isKnown && at - sinceAt >= (isTrue ? onMs : offMs)) isOn = isTrue
    return isOn
  }

  return {
    get isOn() {
      return isOn
    },
    get sinceAt() {
      return sinceAt
    },
    update(at, value) {
      follow(at)
      if (value !== isTrue || (value && !isOn && at - confirmedAt > maxGapMs)) sinceAt = at
      isTrue = value
      confirmedAt = at
      return settle(at)
    },
    tick(at) {
      follow(at)
      return settle(at)
    },
    wakeAt() {
      if (isTrue === undefined || isTrue === isOn) return Number.POSITIVE_INFINITY
      const due = sinceAt + (isTrue ? onMs : offMs)
      return isTrue && due > confirmedAt + maxGapMs ? Number.POSITIVE_INFINITY : due
    },
  }
}
