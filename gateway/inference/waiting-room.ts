import type { Box } from '../core/detection.ts'
import type { Frame, Inference } from '../core/ports.ts'

/** A frame that waits for a worker. */
export interface WaitingFrame {
  frame: Frame
  priority: number
  /** Labels whose detections get an embedding. */
  embed?: readonly string[]
  /** Where something moves. */
  focus?: Box
  resolve(inference: Inference | undefined): void
  /** Monotonic ms. */
  arrivedAt: number
}

/** One place per camera, so its length is bounded by the number of cameras. */
export interface WaitingRoom {
  readonly size: number
  /** Returns the older frame of the same camera whose place this one took. */
  put(frame: WaitingFrame): WaitingFrame | undefined
  /** The frame to run next, not counting cameras that already have one running. */
  take(now: number, isRunning: ReadonlySet<string>): WaitingFrame | undefined
  /** Empties the room. */
  drain(): WaitingFrame[]
}

/** Every so many frames served, one goes to the camera that has waited longest, if it has lost patience. */
const impatientShare = 4

/**
 * Strict priority with a share for the impatient. The share is a fraction of what is served, not a bonus on the
 * priority: however many cameras have been overtaken, three of four frames still go to the most important ones.
 */
export function createWaitingRoom(options: { patienceMs: number }): WaitingRoom {
  const places = new Map<string, { waiting: WaitingFrame; since: number }>()
  let servedSinceImpatient = 0

  return {
    get size() {
      return places.size
    },
    put(waiting) {
      const { camera } = waiting.frame
      const place = places.get(camera)
      if (!place) {
        places.set(camera, { waiting, since: waiting.arrivedAt })
        return undefined
      }
      const older = place.waiting
      place.waiting = waiting
      // The camera's wait goes on: it has not been looked at, however fresh its frame is.
      return older
    },
    take(now, isRunning) {
      let best: { waiting: WaitingFrame; since: number } | undefined
      let oldest: { waiting: WaitingFrame; since: number } | undefined
      for (const [camera, place] of places) {
        if (isRunning.has(camera)) continue
        if (!oldest || place.since < oldest.since) oldest = place
        const ahead = best ? place.waiting.priority - best.waiting.priority : 1
        if (!best || ahead > 0 || (ahead === 0 && place.since < best.since)) best = place
      }
      if (!best || !oldest) return undefined
      servedSinceImpatient++
      const isImpatient = now - oldest.since > options.patienceMs
      const next = isImpatient && servedSinceImpatient >= impatientShare ? oldest : best
      if (next === oldest) servedSinceImpatient = 0
      places.delete(next.waiting.frame.camera)
      return next.waiting
    },
    drain() {
      const all = [...places.values()].map((place) => place.waiting)
      places.clear()
      return all
    },
  }
}
