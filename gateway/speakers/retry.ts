import { type BackoffBounds, backoffMs } from '../core/backoff.ts'
import type { Clock } from '../core/clock.ts'
import { DeliveryError } from '../core/errors.ts'

export interface RetryOptions {
  clock: Clock
  /** Uniform in [0, 1). */
  random: () => number
  bounds: BackoffBounds
  /** Epoch ms; no attempt starts after it. */
  until: number
  signal: AbortSignal
}

/**
 * Attempts until one succeeds, with full jitter between them. Ends with the last attempt's error when that is not a
 * retryable DeliveryError, when the next attempt would start too late, or when aborted. The first attempt starts
 * before the call returns.
 */
export async function withRetry<T>(attempt: () => Promise<T>, options: RetryOptions): Promise<T> {
  for (let failures = 0; ; failures++) {
    try {
      return await attempt()
    } catch (error) {
      if (!(error instanceof DeliveryError) || !error.retryable || options.signal.aborted) throw error
      const waitMs = backoffMs(failures, options.bounds, options.random)
      if (options.clock.now() + waitMs >= options.until) throw error
      await options.clock.sleep(waitMs, options.signal).catch(() => {
        throw error
      })
    }
  }
}
