/** A wall clock further ahead than this is more likely wrong than the gateway was off for so long. */
const longestAbsenceMs = 3 * 24 * 3600_000
/** A wrong clock is set right or noticed within this time. */
const provenMs = 24 * 3600_000

export interface ClockTrustOptions {
  /** The newest instant known before the start, epoch ms; undefined where nothing is. */
  lastKnownAt?: number | undefined
  /** Epoch ms. */
  now(): number
  /** Milliseconds on a clock that is never set; default the process's own. */
  monotonicMs?(): number
  /** Once per leap; `leapMs` is by how much. */
  onLeap?(leapMs: number): void
}

export interface ClockTrust {
  /** Whether what is deleted by its age may be deleted now. */
  mayDelete(): boolean
}

/**
 * A box whose clock battery is empty may come up years ahead until it hears of the right time; whatever is deleted by
 * age would be deleted at once, and for good. After a leap forward of days nothing is, until the clock was set back or
 * has held for a day. A site that really was off for so long deletes a day later.
 */
export function createClockTrust(options: ClockTrustOptions): ClockTrust {
  const { now, monotonicMs = () => performance.now() } = options
  let wallAt = options.lastKnownAt ?? now()
  let steadyAt = monotonicMs()
  let leaptAt: number | undefined
  return {
    mayDelete() {
      const wall = now()
      const steady = monotonicMs()
      const leapMs = wall - wallAt - (steady - steadyAt)
      wallAt = wall
      steadyAt = steady
      if (leapMs > longestAbsenceMs) {
        leaptAt = steady
        options.onLeap?.(leapMs)
      } else if (leapMs < -longestAbsenceMs || (leaptAt !== undefined && steady - leaptAt >= provenMs)) {
        leaptAt = undefined
      }
      return leaptAt === undefined
    },
  }
}
