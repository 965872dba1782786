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

export function createDwell(options: DwellOptions): Dwell {
  return new DelayedCondition(options)
}

/** A class and no closure: a site has tens of thousands of them. */
class DelayedCondition implements Dwell {
  isOn = false
  sinceAt = Number.NaN
  #isTrue: boolean | undefined
  #confirmedAt = Number.NaN
  readonly #options: DwellOptions

  constructor(options: DwellOptions) {
    this.#options = options
  }

  update(at: number, isTrue: boolean): boolean {
    this.#follow(at)
    const { maxGapMs } = this.#options
    const isStale = maxGapMs !== undefined && isTrue && !this.isOn && at - this.#confirmedAt > maxGapMs
    if (isTrue !== this.#isTrue || isStale) this.sinceAt = at
    this.#isTrue = isTrue
    this.#confirmedAt = at
    return this.#settle(at)
  }

  tick(at: number): boolean {
    this.#follow(at)
    return this.#settle(at)
  }

  wakeAt(): number {
    const isTrue = this.#isTrue
    if (isTrue === undefined || isTrue === this.isOn) return Number.POSITIVE_INFINITY
    const due = this.sinceAt + this.#delayMs(isTrue)
    const { maxGapMs } = this.#options
    const isTooLate = isTrue && maxGapMs !== undefined && due > this.#confirmedAt + maxGapMs
    return isTooLate ? Number.POSITIVE_INFINITY : due
  }

  #delayMs(isTrue: boolean): number {
    return (isTrue ? this.#options.onMs : this.#options.offMs) ?? 0
  }

  /** A clock that was set back starts the wait anew instead of stretching it. */
  #follow(at: number): void {
    if (at < this.sinceAt) this.sinceAt = at
    if (at < this.#confirmedAt) this.#confirmedAt = at
  }

  #settle(at: number): boolean {
    const isTrue = this.#isTrue
    if (isTrue === undefined || isTrue === this.isOn) return this.isOn
    const { maxGapMs } = this.#options
    const isKnown = this.isOn || maxGapMs === undefined || at - this.#confirmedAt <= maxGapMs
    if (isKnown && at - this.sinceAt >= this.#delayMs(isTrue)) this.isOn = isTrue
    return this.isOn
  }
}
