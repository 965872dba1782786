import { type Detection, intersectionOverUnion } from '../core/detection.ts'
import type { ModelComparison } from '../core/model.ts'
import type { Inference } from '../core/ports.ts'
import { createWindow } from './window.ts'

/** Boxes of one label that share this much are the same thing. */
const sameThing = 0.5

/** Counts how a candidate and the model in use agree on the same frames. */
export interface Comparer {
  add(active: Inference, candidate: Inference): void
  passOver(): void
  report(): ModelComparison
}

export function createComparer(active: string, candidate: string, now: () => number): Comparer {
  const since = now()
  const labels: ModelComparison['labels'] = {}
  const activeMs = createWindow()
  const candidateMs = createWindow()
  let frames = 0
  let passedOver = 0

  const countsOf = (label: string) => {
    labels[label] ??= { both: 0, onlyActive: 0, onlyCandidate: 0 }
    return labels[label]
  }

  return {
    add(ours, theirs) {
      frames++
      activeMs.add(ours.preprocessMs + ours.runMs)
      candidateMs.add(theirs.preprocessMs + theirs.runMs)
      const rest = new Set(theirs.detections)
      for (const detection of ours.detections) {
        const same = nearest(detection, rest)
        if (same) rest.delete(same)
        countsOf(detection.label)[same ? 'both' : 'onlyActive']++
      }
      for (const { label } of rest) countsOf(label).onlyCandidate++
    },
    passOver() {
      passedOver++
    },
    report: () => ({
      ...{ active, candidate, since, at: now(), frames, passedOver },
      labels: structuredClone(labels),
      activeMs: activeMs.spread().p50,
      candidateMs: candidateMs.spread().p50,
    }),
  }
}

function nearest(detection: Detection, others: ReadonlySet<Detection>): Detection | undefined {
  let best: Detection | undefined
  let overlap = sameThing
  for (const other of others) {
    const share = other.label === detection.label ? intersectionOverUnion(other.box, detection.box) : 0
    if (share >= overlap) [best, overlap] = [other, share]
  }
  return best
}
