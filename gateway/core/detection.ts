/** Part of a picture, as fractions of its width and height; x and y are the top left corner. */
export interface Box {
  x: number
  y: number
  width: number
  height: number
}

/** One thing a model saw in one frame. */
export interface Detection {
  label: string
  /** 0…1, the model's own score; comparable only within one model. */
  score: number
  box: Box
  /** What the model makes of the place, of unit length; only where it was asked for. Comparable within one model. */
  embedding?: Float32Array
}

/** Intersection over union of two boxes, 0…1. */
export function intersectionOverUnion(a: Box, b: Box): number {
  const width = Math.min(a.x + a.width, b.x + b.width) - Math.max(a.x, b.x)
  const height = Math.min(a.y + a.height, b.y + b.height) - Math.max(a.y, b.y)
  if (width <= 0 || height <= 0) return 0
  const shared = width * height
  return shared / (a.width * a.height + b.width * b.height - shared)
}
