import type { Clock } from '../gateway/core/clock.ts'

/** Wakes whoever waits, so that a new row does not wait for the next look at the table. */
export interface Bell {
  ring(): void
  /** Resolves at the next ring, after `ms`, or when aborted. */
  wait(ms: number, signal: AbortSignal): Promise<void>
}

export function createBell(clock: Clock): Bell {
  const waiting = new Set<AbortController>()
  return {
    ring() {
      for (const waiter of waiting) waiter.abort()
    },
    async wait(ms, signal) {
      if (signal.aborted) return
      const waiter = new AbortController()
      const wake = () => waiter.abort()
      waiting.add(waiter)
      signal.addEventListener('abort', wake, { once: true })
      await clock.sleep(ms, waiter.signal).catch(() => undefined)
      signal.removeEventListener('abort', wake)
      waiting.delete(waiter)
    },
  }
}
