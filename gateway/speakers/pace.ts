/** What a paced step is told. */
export interface PaceStep {
  index: number
  /** Time lost before this step because the event loop was held up: 0, or more than `gapAfterMs`. */
  gapMs: number
}

export interface PaceOptions {
  steps: number
  intervalMs: number
  /** Later than this, the schedule starts anew from now instead of catching up. */
  gapAfterMs: number
  step(step: PaceStep): void
  signal: AbortSignal
}

/**
 * Calls `step` at fixed instants of the monotonic clock, the first before it returns; resolves with the number of steps
 * made, one interval after the last or at once when aborted.
 *
 * Each instant counts from the start, so rounding of timers does not add up. After a short delay the steps follow at
 * half the interval at least, until the schedule is met again: a receiver's buffer is refilled without being flooded.
 */
export function pace({ steps, intervalMs, gapAfterMs, step, signal }: PaceOptions): Promise<number> {
  return new Promise((resolve, reject) => {
    let index = 0
    let due = performance.now()
    let timer: NodeJS.Timeout | undefined

    const finish = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', finish)
      resolve(index)
    }
    const advance = () => {
      const now = performance.now()
      // Timers count whole milliseconds and may come a fraction early.
      if (now < due - 1) return wait(now)
      if (index === steps) return finish()
      const lateMs = now - due
      const gapMs = lateMs > gapAfterMs ? lateMs : 0
      try {
        step({ index, gapMs })
      } catch (error) {
        clearTimeout(timer)
        signal.removeEventListener('abort', finish)
        return reject(error)
      }
      index++
      due = gapMs > 0 ? now + intervalMs : due + intervalMs
      wait(now)
    }
    const wait = (now: number) => {
      if (signal.aborted) return
      // The last instant ends the sound and is not brought forward.
      const earliest = index > 0 && index < steps ? now + intervalMs / 2 : now
      timer = setTimeout(advance, Math.max(earliest, due) - now)
    }

    if (signal.aborted) return resolve(0)
    signal.addEventListener('abort', finish, { once: true })
    advance()
  })
}
