import { isInZone, type Zone } from '../core/zone.ts'

/** 1 where a picture counts, 0 inside the masks (trees, a road, a neighbour's facade); row by row. */
export function openPixels(masks: readonly Zone[], width: number, height: number): Uint8Array {
  const isOpen = new Uint8Array(width * height).fill(1)
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const pixel = { x: x / width, y: y / height, width: 1 / width, height: 1 / height }
      if (masks.some((mask) => isInZone(pixel, mask))) isOpen[y * width + x] = 0
    }
  return isOpen
}
