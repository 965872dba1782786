import type { AccelerationBatch } from '../../core/acceleration.ts'
import { type FallEvidence, type FallEvidenceOptions, fallEvidence } from './evidence.ts'
import { fallFeatures, gravityBefore, impactRow, windowRows } from './features.ts'
import type { FallModel } from './model.ts'
import { createSampleRing, type SampleLosses, slotMs } from './sample-ring.ts'
import { findCandidates, peakApartSlots } from './trigger.ts'

/** After an impact so many slots are wanted: the window ends 1.98 s after it. */
const slotsAfter = windowRows - impactRow - 1
/** When the samples stay away, a candidate is judged by what there is so long after its impact. */
const patienceMs = 2400
/** Peaks so soon after a fall belong to it. */
const sameFallMs = 10_000
/** Candidates that wait for the rest of their window; they are a second apart, so three are the rule. */
const maxWaiting = 16
/** Batches that wait while earlier ones are judged. */
const maxQueued = 8

/** What the model says of one impact. */
export interface FallDecision {
  /** Of the peak, epoch ms. */
  impactAt: number
  /** Time of the newest sample that counted: the decision could not have come earlier, epoch ms. */
  decidedAt: number
  /** Height of the peak, g. */
  peakG: number
  /** 0…1. */
  score: number
  /** The score reaches the threshold. */
  isFall: boolean
  /** Of the window's samples, the share that arrived; the rest was filled in. */
  observedShare: number
}

export interface FallDetectorOptions {
  model: FallModel
  /** Instead of the model's own, 0…1. */
  threshold?: number
}

export interface FallDetectorStats extends SampleLosses {
  /** Batches refused because earlier ones were still being judged; the device should be told to send larger ones. */
  droppedBatches: number
  /** Candidates given up because too many waited. */
  droppedCandidates: number
}

/**
 * Watches one wearable.
 *
 *   sample ring ──peak──▶ candidate ──2 s of samples, or 2.4 s without──▶ decision
 *                             └── within 10 s of a fall: part of it, no decision of its own
 *
 * Memory is bounded: 9 kB of samples and a handful of candidates. Time is the samples' own.
 */
export interface FallDetector {
  /**
   * Takes samples of any rate from 20 to 100 Hz, in any order, with gaps; at least two samples a second apart at most
   * 250 ms make a signal. Returns a decision for every impact that could be judged, falls or not. Rejects only when
   * the model fails.
   */
  add(batch: AccelerationBatch): Promise<FallDecision[]>
  /** Time goes by without samples: judges what has waited for too long. `at` in the samples' own time, epoch ms. */
  tick(at: number): Promise<FallDecision[]>
  /**
   * What happened after an impact, as far as the samples go, at most 20 s. The samples are held for 25 s: ask when the
   * cancel window ends. Undefined when the impact is no longer held.
   */
  evidence(impactAt: number, options?: FallEvidenceOptions): FallEvidence | undefined
  stats(): FallDetectorStats
}

interface Candidate {
  slot: number
  /** Once, without its whole window. */
  isJudged: boolean
}

/** Creates the detector of one device; the model is shared between all. */
export function createFallDetector({ model, threshold = model.threshold }: FallDetectorOptions): FallDetector {
  const ring = createSampleRing()
  /** Impacts whose window is not complete, ascending. */
  let waiting: Candidate[] = []
  /** Slots up to here were searched for peaks. */
  let searched = Number.NaN
  let lastFallAt = Number.NEGATIVE_INFINITY
  let restarts = 0
  let queued = 0
  let droppedBatches = 0
  let droppedCandidates = 0
  let turn: Promise<unknown> = Promise.resolve()

  /** Looks for peaks from where something changed; `to` inclusive. */
  function search(from: number, to: number): void {
    for (const slot of findCandidates(ring.norm, Math.max(from, ring.oldest), to, model.triggerG)) {
      if (!waiting.some((candidate) => candidate.slot === slot)) waiting.push({ slot, isJudged: false })
    }
    waiting.sort((a, b) => a.slot - b.slot)
    droppedCandidates += Math.max(0, waiting.length - maxWaiting)
    waiting = waiting.slice(-maxWaiting)
    searched = Math.max(to, Number.isNaN(searched) ? to : searched)
  }

  async function judge({ slot }: Candidate): Promise<FallDecision | undefined> {
    const impactAt = slot * slotMs
    if (Math.abs(impactAt - lastFallAt) < sameFallMs) return undefined
    const { values, observedShare } = ring.window(slot)
    const score = await model.score(fallFeatures(values))
    const isFall = score >= threshold
    if (isFall) lastFallAt = impactAt
    const decidedAt = Math.min(ring.last, slot + slotsAfter) * slotMs
    return { impactAt, decidedAt, peakG: ring.norm(slot), score, isFall, observedShare }
  }

  async function take(batch: AccelerationBatch): Promise<FallDecision[]> {
    const changed = ring.add(batch)
    if (ring.losses.restarts !== restarts) {
      restarts = ring.losses.restarts
      waiting = []
      searched = Number.NaN
    }
    if (changed === Number.POSITIVE_INFINITY) return []
    // A peak is one only in sight of the second after it.
    const to = ring.last - peakApartSlots
    const from = Number.isNaN(searched) ? ring.oldest : Math.min(searched + 1, changed - peakApartSlots)
    if (from <= to) search(from, to)
    const decisions: FallDecision[] = []
    while (waiting.length > 0 && waiting[0]!.slot <= ring.last - slotsAfter) {
      const decision = await judge(waiting.shift()!)
      if (decision) decisions.push(decision)
    }
    return decisions
  }

  /** A candidate judged without its whole window is judged again when the rest arrives. */
  async function hurry(at: number): Promise<FallDecision[]> {
    const due = Math.min(ring.last, Math.floor((at - patienceMs) / slotMs))
    if (!(due >= ring.oldest)) return []
    const from = Number.isNaN(searched) ? ring.oldest : searched + 1
    if (from <= due) search(from, due)
    const decisions: FallDecision[] = []
    for (const candidate of waiting) {
      if (candidate.isJudged || candidate.slot > due) continue
      candidate.isJudged = true
      const decision = await judge(candidate)
      if (decision) decisions.push(decision)
    }
    return decisions
  }

  /** One after the other, and only so many. */
  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = turn.then(work)
    queued++
    const done = () => {
      queued--
    }
    turn = result.then(done, done)
    return result
  }

  return {
    add(batch) {
      if (queued >= maxQueued) {
        droppedBatches++
        return Promise.resolve([])
      }
      return inTurn(() => take(batch))
    },
    tick: (at) => inTurn(() => hurry(at)),
    evidence(impactAt, options) {
      const slot = Math.round(impactAt / slotMs)
      const from = slot + slotsAfter + 1
      if (!(slot >= ring.oldest && slot <= ring.last)) return undefined
      const count = Math.max(0, Math.min(ring.last - from + 1, 900))
      return fallEvidence(gravityBefore(ring.window(slot).values), ring.span(from, count).values, options)
    },
    stats: () => ({ ...ring.losses, droppedBatches, droppedCandidates }),
  }
}
