import type * as THREE from 'three'
import type { Point } from './part.ts'

/** Class names, in the order of the detector's labels. */
export const labels = ['e-bike', 'bicycle', 'stroller', 'wheelchair', 'trolley', 'person'] as const
export type Label = (typeof labels)[number]

/** Something with wheels that a person takes into a lift. */
export type Vehicle = {
  readonly label: Exclude<Label, 'person'>
  readonly group: THREE.Group
  /** Extent along x and z, metres; the group's origin is on the floor in its middle. */
  readonly length: number
  readonly width: number
  /** Where hands go: left, right. */
  readonly grips: readonly [Point, Point]
  /** Where a person's hips can rest. */
  readonly seat?: Point
  /** Where feet rest while sitting. */
  readonly feet?: readonly [Point, Point]
  /** Where the person stands who moves it (feet, on the floor). */
  readonly pusher: Point
}
