import type { FrameTime } from './scene.ts'

/** Where on a building something was thrown from. */
export interface ThrowOrigin {
  /** Storey, 1 at the ground; with the band in which it lies. */
  floor: number
  floorFrom: number
  floorTo: number
  /** Flat from the left edge, 1 first; absent where the calibration names no columns. */
  column?: number
  /** 0…1 across the facade; outside it beside the building. */
  across: number
}

export interface ThrowPoint {
  /** Stream milliseconds. */
  atMs: number
  /** Middle and size, fractions of the picture. */
  x: number
  y: number
  width: number
  height: number
}

/** One thing that was thrown, as a facade camera saw it. Stream milliseconds; fractions of the picture. */
export interface ThrowReport {
  /** The last picture it is seen in, on both clocks. */
  frame: FrameTime
  fromMs: number
  toMs: number
  /** 0…1 of the classifier. */
  score: number
  /** The object first, then its mirror image or parts where there were any. */
  paths: ReadonlyArray<{ points: readonly ThrowPoint[]; score: number }>
  /** Absent where the camera is not calibrated. */
  origin?: ThrowOrigin
  /** Where it comes down, with the radius of its uncertainty. */
  landing?: { x: number; y: number; radius: number }
  /** Downwards at the last sight, m/s. */
  endSpeedMs?: number
  /** From the last sight to the ground, seconds, without air. */
  toGroundS?: number
  /** What the classifier went by. */
  features: Readonly<Record<string, number>>
}
