/** How much of a channel's rate is left at an instant, on a clock that is never set. */
export interface RateWindow {
  /** From when one more may be sent; `at` or earlier: now. @param isUrgent may use the reserve too */
  freeAt(at: number, isUrgent: boolean): number
  take(at: number): void
}

/** Of every limit so much is kept free for what concerns life. */
const reserve = 0.25

/** A sliding window per limit: never more than `count` within any `perMs`. */
export function createRateWindow(limits: ReadonlyArray<{ count: number; perMs: number }>): RateWindow {
  const longest = Math.max(0, ...limits.map(({ perMs }) => perMs))
  /** Of the messages within the longest window, oldest first. */
  let sent: number[] = []
  return {
    freeAt(at, isUrgent) {
      let freeAt = at
      for (const { count, perMs } of limits) {
        const allowed = isUrgent ? count : Math.max(1, Math.floor(count * (1 - reserve)))
        // The message that must have left the window before one more may enter it.
        const oldest = sent[sent.length - allowed]
        if (oldest !== undefined) freeAt = Math.max(freeAt, oldest + perMs)
      }
      return freeAt
    },
    take(at) {
      if (longest === 0) return
      sent = sent.filter((instant) => instant > at - longest)
      sent.push(at)
    },
  }
}
