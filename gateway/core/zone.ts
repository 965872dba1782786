import type { Box } from './detection.ts'

/** A polygon in fractions of the picture, at least three points. */
export type Zone = ReadonlyArray<readonly [x: number, y: number]>

/** Whether the middle of the box lies in the polygon (even-odd rule). */
export function isInZone(box: Box, zone: Zone): boolean {
  const x = box.x + box.width / 2
  const y = box.y + box.height / 2
  let inside = false
  for (let i = 0, j = zone.length - 1; i < zone.length; j = i++) {
    const [xi, yi] = zone[i]!
    const [xj, yj] = zone[j]!
    if (yi > y !== yj > y && x < ((xj - xi) * (y - yi)) / (yj - yi) + xi) inside = !inside
  }
  return inside
}
