import type { AccelerationBatch, FallReport } from '../../core/acceleration.ts'
import { createFallDetector, type FallDecision, type FallDetector, type FallDetectorStats } from './detector.ts'
import type { FallModel } from './model.ts'

export interface FallWatchOptions {
  /** Bands that are watched, and the model of where each is worn. Others' batches are counted and dropped. */
  modelOf(device: string): FallModel | undefined
  /**
   * Told at the decision, and again with second evidence when the seconds after the impact were seen. Instants are the
   * gateway's own, whatever the band's clock says.
   */
  onFall(report: FallReport): void
  onError(error: unknown, what: string): void
  /** Epoch ms. */
  now: () => number
}

export interface FallWatchStats extends FallDetectorStats {
  /** Bands that have sent samples. */
  bands: number
  batches: number
  /** Impacts that were judged, and those found to be falls. */
  judged: number
  falls: number
  /** Batches of devices that are no bands, or whose time was not believed: told again, or hours late. */
  unusedBatches: number
}

export interface FallWatch {
  /** Takes samples of a band in its own time; never rejects. */
  add(device: string, batch: AccelerationBatch, clockTrusted: boolean): void
  /** Judges what waited too long for its samples, and looks for second evidence; call it every second. */
  tick(): void
  stats(): FallWatchStats
}

/** Second evidence looks at 20 s from 2 s after the impact on; samples take a moment to arrive. */
const evidenceAfterMs = 23_000
/** Without samples for so long a band has nothing left to judge. */
const idleMs = 60_000
/** Falls whose evidence is awaited, of all bands together; the oldest gives way. */
const maxAwaiting = 1000

interface Band {
  detector: FallDetector
  /** Gateway's clock minus the band's, with the way of the newest sample. */
  aheadMs: number
  heardAt: number
}

/** Watches every band for falls: one detector each, 9 kB of samples, one model for all that are worn alike. */
export function createFallWatch({ modelOf, onFall, onError, now }: FallWatchOptions): FallWatch {
  const bands = new Map<string, Band>()
  let awaiting: Array<{ device: string; decision: FallDecision; dueAt: number }> = []
  const counts = { batches: 0, judged: 0, falls: 0, unusedBatches: 0 }

  function bandOf(device: string): Band | undefined {
    const known = bands.get(device)
    if (known) return known
    const model = modelOf(device)
    if (!model) return undefined
    const band = { detector: createFallDetector({ model }), aheadMs: 0, heardAt: 0 }
    bands.set(device, band)
    return band
  }

  function report(device: string, { aheadMs }: Band, { impactAt, peakG, score }: FallDecision): FallReport {
    return { device, impactAt: Math.round(impactAt + aheadMs), peakG, score }
  }

  async function judge(device: string, band: Band, decisions: Promise<FallDecision[]>): Promise<void> {
    try {
      for (const decision of await decisions) {
        counts.judged++
        if (!decision.isFall) continue
        counts.falls++
        awaiting.push({ device, decision, dueAt: decision.impactAt + band.aheadMs + evidenceAfterMs })
        awaiting = awaiting.slice(-maxAwaiting)
        onFall(report(device, band, decision))
      }
    } catch (error) {
      onError(error, `acceleration of ${device} could not be judged`)
    }
  }

  function lookBack(device: string, decision: FallDecision): void {
    const band = bands.get(device)!
    const evidence = band.detector.evidence(decision.impactAt)
    if (!evidence) return
    const { verdict, stillShare, longestStillS, postureChangeDeg } = evidence
    onFall({
      ...report(device, band, decision),
      evidence: { verdict, stillShare, longestStillS, postureChangeDeg },
    })
  }

  return {
    add(device, batch, clockTrusted) {
      const band = clockTrusted && batch.times.length > 0 ? bandOf(device) : undefined
      if (!band) {
        counts.unusedBatches++
        return
      }
      counts.batches++
      const at = now()
      let newest = batch.times[0]!
      for (let i = 1; i < batch.times.length; i++) newest = Math.max(newest, batch.times[i]!)
      band.heardAt = at
      if (Number.isFinite(newest)) band.aheadMs = at - newest
      void judge(device, band, band.detector.add(batch))
    },
    tick() {
      const at = now()
      for (const [device, band] of bands)
        if (at - band.heardAt <= idleMs) void judge(device, band, band.detector.tick(at - band.aheadMs))
      const due = awaiting.filter(({ dueAt }) => dueAt <= at)
      if (due.length === 0) return
      awaiting = awaiting.filter(({ dueAt }) => dueAt > at)
      for (const { device, decision } of due) lookBack(device, decision)
    },
    stats() {
      const sum: FallDetectorStats = {
        ...{ unreadable: 0, duplicate: 0, tooLate: 0, restarts: 0, droppedBatches: 0, droppedCandidates: 0 },
      }
      for (const { detector } of bands.values())
        for (const [name, count] of Object.entries(detector.stats())) sum[name as keyof FallDetectorStats] += count
      return { ...sum, ...counts, bands: bands.size }
    },
  }
}
