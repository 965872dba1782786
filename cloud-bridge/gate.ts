import { type BackoffBounds, backoffMs } from '../gateway/core/backoff.ts'

/**
 * Whether the other side is worth talking to now. Shut for a while after a failure that concerns all of it, longer with
 * every failure in a row (full jitter), and for as long as it asked with Retry-After.
 *
 *   open ── failed ──▶ shut until … ── time ──▶ open for a try ── succeeded ──▶ open
 *                        ▲                           │
 *                        └───────── failed ──────────┘
 */
export interface Gate {
  isOpen(now: number): boolean
  /** Since when it is shut by failures alone; undefined while open or while the other side asked for the pause. */
  shutSince(now: number): number | undefined
  failed(now: number, retryAfterMs?: number): void
  succeeded(): void
}

/** A wrong clock or a typing error at the platform must not silence the bridge for a day. */
export const longestPauseMs = 3600_000

export function createGate(bounds: BackoffBounds, random: () => number): Gate {
  let failures = 0
  let until = 0
  let shutAt = 0
  let isAskedFor = false
  const longestMs = Math.max(longestPauseMs, bounds.maxMs)
  // Further away than any pause is long: the clock was set back meanwhile, and the pause means nothing any more.
  const isShut = (now: number) => now < until && until - now <= longestMs
  return {
    isOpen: (now) => !isShut(now),
    shutSince: (now) => (isShut(now) && !isAskedFor ? shutAt : undefined),
    failed(now, retryAfterMs) {
      const askedMs = Math.min(retryAfterMs ?? 0, longestPauseMs)
      if (isShut(now)) {
        // Workers that failed together count as one failure, but the longest pause asked for stands.
        if (retryAfterMs !== undefined) isAskedFor = true
        until = Math.max(until, now + askedMs)
        return
      }
      shutAt = now
      isAskedFor = retryAfterMs !== undefined
      until = now + Math.max(askedMs, backoffMs(failures, bounds, random))
      failures += 1
    },
    succeeded() {
      failures = 0
      if (!isAskedFor) until = 0
    },
  }
}
