import type { Bucket } from './limits.ts'

/** A rate with a burst. Debt is allowed: what was already read is never thrown away, the next read waits instead. */
export class TokenBucket {
  readonly #bucket: Bucket
  #tokens: number
  #at: number

  constructor(bucket: Bucket, now: number) {
    this.#bucket = bucket
    this.#tokens = bucket.burst
    this.#at = now
  }

  /** Takes `amount`; returns the milliseconds until the bucket is out of debt, 0 when it is not in debt. */
  take(amount: number, now: number): number {
    // A clock set back must not empty the bucket.
    const elapsed = Math.max(0, now - this.#at)
    this.#at = now
    this.#tokens = Math.min(this.#bucket.burst, this.#tokens + (elapsed * this.#bucket.perSecond) / 1000) - amount
    return this.#tokens >= 0 ? 0 : Math.ceil((-this.#tokens / this.#bucket.perSecond) * 1000)
  }

  /** Takes one if that leaves no debt; a refusal costs nothing, so whoever asks too often is not shut out for longer. */
  tryTake(now: number): boolean {
    if (this.take(1, now) === 0) return true
    this.#tokens += 1
    return false
  }

  /** True when nothing has been taken for so long that forgetting the bucket changes nothing. */
  full(now: number): boolean {
    return this.#tokens + ((now - this.#at) * this.#bucket.perSecond) / 1000 >= this.#bucket.burst
  }
}
