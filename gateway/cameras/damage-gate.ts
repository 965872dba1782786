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

/**
 * The picture with the gap comes out of ffmpeg after the complaint about it, and the one before may seem to: the parser
 * holds a picture until the next begins, and they travel on two pipes. Neither can end the damage, even as a key picture.
 */
const heldPictures = 2
const heldMs = 100

/** Times in milliseconds of one monotonic clock, except where they are the stream's. */
export function createDamageGate() {
  let damagedAt: number | undefined
  let picturesSince = 0
  let key: { seenAt: number; mediaMs: number } | undefined
  return {
    onDamage(now: number): void {
      damagedAt = now
      picturesSince = 0
      key = undefined
    },
    /** A picture begins in the stream as it came. */
    onPicture({ isKey, ptsMs }: { isKey: boolean; ptsMs: number }, now: number): void {
      if (damagedAt === undefined) return
      picturesSince++
      if (!isKey || key || picturesSince <= heldPictures || now - damagedAt < heldMs) return
      key = { seenAt: now, mediaMs: ptsMs }
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
