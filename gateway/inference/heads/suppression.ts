import type { Candidate } from './head.ts'

/** Best candidates looked at: bounds the quadratic work when a threshold is set very low. */
const maxCandidates = 1000
/** Boxes reported per picture. */
const maxKept = 100

/**
 * Non-maximum suppression per label: of the boxes of one label that overlap by more than `maxIou`, only the best
 * stays. Boxes of different labels never remove each other. Returns best first, at most 100.
 */
export function suppress(candidates: Candidate[], maxIou: number): Candidate[] {
  const sorted = candidates.sort((a, b) => b.score - a.score)
  if (sorted.length > maxCandidates) sorted.length = maxCandidates
  const kept: Candidate[] = []
  for (const candidate of sorted) {
    if (kept.length >= maxKept) break
    if (!kept.some((better) => better.label === candidate.label && overlap(better, candidate) > maxIou)) {
      kept.push(candidate)
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
