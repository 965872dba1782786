import type { AccelerationBatch } from '../../gateway/core/acceleration.ts'
import { createFallDetector, type FallDecision } from '../../gateway/inference/fall/detector.ts'
import type { FallEvidence } from '../../gateway/inference/fall/evidence.ts'
import type { FallModel } from '../../gateway/inference/fall/model.ts'
import { type Disturbance, samplesOf } from './wearable-disturbance.ts'
import type { WearableRecording } from './wearable-recordings.ts'

/** Bands send about once a second. */
const batchMs = 1000
/** The scene's cancel window: so long after the impact the second evidence is looked at. */
const evidenceAfterMs = 20_000
/** An alarm counts for a fall when it comes so soon after the impact. */
const withinMs = 10_000
/** An even start that is not a multiple of anything in the recordings. */
const epoch = 1_600_000_000_000

/** An alarm and what the seconds after it said. */
export interface FallAlarm extends FallDecision {
  evidence: FallEvidence | undefined
}

/** One recording through the gateway's own path. */
export interface FallOutcome {
  recording: WearableRecording
  alarms: FallAlarm[]
  /** Seconds from the impact to the alarm that found it; NaN where none did. */
  delayS: number
  /** Highest score that could have found the fall, or would have been a false alarm; 0 without a candidate. */
  bestScore: number
}

/** Feeds a recording in batches as a band would send it, with silence at its end. */
export async function runRecording(
  recording: WearableRecording,
  model: FallModel,
  threshold: number,
  disturb: Disturbance,
): Promise<FallOutcome> {
  const detector = createFallDetector({ model, threshold })
  const alarms: FallAlarm[] = []
  const decisions: FallDecision[] = []
  const impactAt = epoch + recording.impactMs
  const take = (found: FallDecision[]) => {
    decisions.push(...found)
    alarms.push(...found.filter(({ isFall }) => isFall).map((decision) => ({ ...decision, evidence: undefined })))
  }
  const samples = disturb(samplesOf(recording))
  let last = epoch
  for (const batch of batchesOf(samples)) {
    last = batch.times[batch.times.length - 1]!
    take(await detector.add(batch))
    collectEvidence(last - evidenceAfterMs)
  }
  take(await detector.tick(last + 3000))
  collectEvidence(Number.POSITIVE_INFINITY)

  function collectEvidence(until: number): void {
    for (const alarm of alarms) {
      if (!alarm.evidence && alarm.impactAt <= until) alarm.evidence = detector.evidence(alarm.impactAt)
    }
  }
  // Other rates move the peak by part of a sample.
  const isInTime = ({ decidedAt }: FallDecision) => decidedAt >= impactAt - 100 && decidedAt <= impactAt + withinMs
  const finder = alarms.find(isInTime)
  const counted = recording.isFall ? decisions.filter(isInTime) : decisions
  return {
    recording,
    alarms,
    delayS: finder ? (finder.decidedAt - impactAt) / 1000 : Number.NaN,
    bestScore: counted.reduce((best, { score }) => Math.max(best, score), 0),
  }
}

function* batchesOf({ times, values }: AccelerationBatch): Generator<{ times: Float64Array; values: Float32Array }> {
  for (let from = 0; from < times.length; ) {
    let to = from
    while (to < times.length && times[to]! < times[from]! + batchMs) to++
    yield {
      times: Float64Array.from({ length: to - from }, (_, i) => epoch + times[from + i]!),
      values: Float32Array.from({ length: 3 * (to - from) }, (_, i) => values[3 * from + i]!),
    }
    from = to
  }
}
