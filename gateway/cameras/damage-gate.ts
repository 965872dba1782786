/*
 * Keeps smeared pictures from the detector. FFmpeg conceals damage and goes on; every picture up to the next key
 * picture then refers to a concealed one.
 *
 *   whole ──complaint──▶ damaged ──key picture that nobody complains of──▶ whole
 */

/** Complaints and pictures travel on different pipes: a key picture is believed after this long without a complaint. */
const doubtMs = 150

/** A stream with so few key pictures is believed again after this long without a complaint. */
const longestWithoutKeyMs = 5000

/** Times in milliseconds of one monotonic clock, except where they are the stream's. */
export function createDamageGate() {
  let damagedAt: number | undefined
  let key: { seenAt: number; mediaMs: number } | undefined
  return {
    onDamage(now: number): void {
      damagedAt = now
      key = undefined
    },
    onKey(mediaMs: number, now: number): void {
      if (damagedAt !== undefined) key ??= { seenAt: now, mediaMs }
    },
    /** Whether a picture may be shown to a detector. */
    isWhole(mediaMs: number, now: number): boolean {
      if (damagedAt === undefined) return true
      const isPastKey = key !== undefined && mediaMs >= key.mediaMs && now - key.seenAt >= doubtMs
      if (!isPastKey && now - damagedAt < longestWithoutKeyMs) return false
      damagedAt = undefined
      key = undefined
      return true
    },
  }
}
