import type { Box, Detection } from '../core/detection.ts'
import type { Frame } from '../core/ports.ts'
import { createMotionSensor, type MotionOptions } from './motion.ts'

export interface FrameGateOptions {
  motion?: MotionOptions
  /** At least one frame in so long is analysed, so that nothing parked unseen is missed. */
  idleIntervalMs?: number
  /** Between two looks at something that was seen and stands still. */
  occupiedIntervalMs?: number
  /** Something seen is believed to be still there for so long after the last sighting. */
  rememberMs?: number
  /** Nothing may have moved, been seen or been asked for during so long before a place counts as still. */
  stillMs?: number
  /** Full rate after the light changed at once: a thing that fills the picture looks the same to the motion sensor. */
  relitMs?: number
  /** Which detections keep a camera being looked at; all unless said otherwise. */
  isOfInterest?: (detection: Detection) => boolean
}

/** Why a frame was worth an inference. */
export type LookReason = 'first' | 'attended' | 'moving' | 'relit' | 'occupied' | 'due'

export interface FrameGateStats {
  wanted: Record<LookReason, number>
  /** Frames that cost no inference. */
  spared: number
}

/** Decides which frames of one camera are worth an inference. */
export interface FrameGate {
  /** Whether this frame is to be analysed. Reads the frame, keeps nothing of it. Call it once per frame, in order. */
  wants(frame: Frame): boolean
  /** Where something moves in the last frame that was asked about. */
  focus(): Box | undefined
  /** What the analysis of a frame taken at `at` found. */
  found(detections: readonly Detection[], at: number): void
  /** A scene asks for full rate until this instant. */
  attend(until: number): void
  /** Something of interest was seen and is believed to be still there: a spared frame does not mean "nothing there". */
  isOccupied(at: number): boolean
  /** Still and empty for a while: until something changes, fewer pictures would tell the same. */
  isStill(at: number): boolean
  stats(): FrameGateStats
}

/**
 * Spares inference where nothing can have happened.
 *
 *   unknown ──analysed──▶ empty and still: one frame in idleIntervalMs
 *      ▲                    │  ▲
 *      │ new session        │  └── nothing seen for rememberMs
 *      │                    ▼
 *      └──────────── occupied and still: one frame in occupiedIntervalMs
 *
 * `unknown` (until the first answer of a stream session), motion, a sudden change of light and a scene's demand each
 * mean every frame, in any state. Frames that were wanted but never answered (a lost worker) are wanted again.
 */
export function createFrameGate(options: FrameGateOptions = {}): FrameGate {
  const { idleIntervalMs = 10_000, occupiedIntervalMs = 1_000, rememberMs = 5_000, relitMs = 1_000 } = options
  const { stillMs = 5_000 } = options
  const isOfInterest = options.isOfInterest ?? (() => true)
  const sensor = createMotionSensor(options.motion)
  const wanted: Record<LookReason, number> = { first: 0, attended: 0, moving: 0, relit: 0, occupied: 0, due: 0 }
  let spared = 0
  let session: string | undefined
  let sessionBeganAt = 0
  let lastAt = Number.NEGATIVE_INFINITY
  let analysedAt = Number.NEGATIVE_INFINITY
  let seenAt = Number.NEGATIVE_INFINITY
  let attendUntil = Number.NEGATIVE_INFINITY
  let relitUntil = Number.NEGATIVE_INFINITY
  let focus: Box | undefined
  let busyAt = Number.NEGATIVE_INFINITY

  const isOccupied = (at: number) => at - seenAt < rememberMs

  function reasonFor(frame: Frame): LookReason | undefined {
    const { at } = frame.time
    const motion = sensor.observe(frame)
    focus = motion.place
    if (motion.isRelit) relitUntil = at + relitMs
    // A clock set back: what was remembered by the old time says nothing about now.
    const isSetBack = at < lastAt
    lastAt = at
    if (isSetBack || frame.time.session !== session) {
      session = frame.time.session
      sessionBeganAt = at
      analysedAt = Number.NEGATIVE_INFINITY
    }
    if (isSetBack) seenAt = attendUntil = relitUntil = Number.NEGATIVE_INFINITY
    if (analysedAt < sessionBeganAt) return 'first'
    if (at < attendUntil) return 'attended'
    if (motion.isMoving) return 'moving'
    if (at < relitUntil) return 'relit'
    if (isOccupied(at)) return at - analysedAt >= occupiedIntervalMs ? 'occupied' : undefined
    return at - analysedAt >= idleIntervalMs ? 'due' : undefined
  }

  return {
    wants(frame) {
      const reason = reasonFor(frame)
      if (reason) wanted[reason]++
      else spared++
      const { at } = frame.time
      if ((reason !== undefined && reason !== 'due') || isOccupied(at) || at < busyAt) busyAt = at
      return reason !== undefined
    },
    focus: () => focus,
    found(detections, at) {
      analysedAt = at
      if (detections.some(isOfInterest)) seenAt = at
    },
    attend(until) {
      attendUntil = Math.max(attendUntil, until)
    },
    isOccupied,
    isStill: (at) => at - busyAt >= stillMs && at >= attendUntil && !isOccupied(at),
    stats: () => ({ wanted: { ...wanted }, spared }),
  }
}
