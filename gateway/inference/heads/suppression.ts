import type { Candidate } from './head.ts'

/** Best sightings looked at: bounds the quadratic work when a threshold is set very low. */
const maxSightings = 1000
/** Sightings reported per picture. */
const maxKept = 100

/**
 * Non-maximum suppression per label: of the boxes of one label that overlap by more than `maxIou`, only the best
 * stays. Boxes of different labels never remove each other. Returns best first, at most 100.
 */
export function suppress(candidates: readonly Candidate[], maxIou: number): Candidate[] {
  return withoutOverlaps(candidates, maxIou, overlap)
}

/** The same of whatever has a label and a score. `overlapOf` is intersection over union, 0…1. */
export function withoutOverlaps<Sighting extends { label: number | string; score: number }>(
  sightings: readonly Sighting[],
  maxIou: number,
  overlapOf: (a: Sighting, b: Sighting) => number,
): Sighting[] {
  const sorted = [...sightings].sort((a, b) => b.score - a.score)
  if (sorted.length > maxSightings) sorted.length = maxSightings
  const kept: Sighting[] = []
  for (const sighting of sorted) {
    if (kept.length >= maxKept) break
    if (!kept.some((better) => better.label === sighting.label && overlapOf(better, sighting) > maxIou)) {
      kept.push(sighting)
    }
  }
  return kept
}

function overlap(a: Candidate, b: Candidate): number {
  const width = Math.min(a.right, b.right) - Math.max(a.left, b.left)
  const height = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top)
  if (width <= 0 || height <= 0) return 0
  const shared = width * height
  return shared / (area(a) + area(b) - shared)
}

function area(box: Candidate): number {
  return (box.right - box.left) * (box.bottom - box.top)
}
