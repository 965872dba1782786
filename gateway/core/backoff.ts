/** Bounds of a retry delay, milliseconds. */
export interface BackoffBounds {
  minMs: number
  maxMs: number
}

/**
 * Exponential back-off with full jitter: uniform in [minMs, min(maxMs, minMs·2^attempt)], never under minMs.
 * Full jitter spreads a thousand clients that lost the same server at the same instant.
 * Source: M. Brooker, "Exponential Backoff and Jitter", AWS Architecture Blog, 2015.
 * @param attempt 0 for the first retry
 * @param random uniform in [0, 1)
 */
export function backoffMs(attempt: number, bounds: BackoffBounds, random: () => number): number {
  const ceiling = Math.min(bounds.maxMs, bounds.minMs * 2 ** Math.min(attempt, 30))
  return bounds.minMs + random() * (ceiling - bounds.minMs)
}
