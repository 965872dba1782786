import { type Static, Type } from 'typebox'
import type { Phrase, Severity } from '../core/alarm.ts'
import { createBaseline } from '../core/baseline.ts'
import { createDwell, type Dwell } from '../core/dwell.ts'
import { defineScene, type Finding, type Scene, type SceneTarget } from '../core/scene.ts'
import { createElderAlarm, minuteMs } from './elder-alarm.ts'
import { createLiveness } from './liveness.ts'
import { breathScore, oxygenScore, pulseScore } from './news2.ts'
import { nothing } from './sensor-alarm.ts'

const options = Type.Object(
  {
    persistMs: Type.Number({
      minimum: 60_000,
      default: 300_000,
      description: 'A value must stay for so long; at once, a band is wrong 31 times a day.',
    }),
    gapMs: Type.Number({ minimum: 30_000, default: 900_000, description: 'Values further apart are not in a row.' }),
    settleMs: Type.Number({ minimum: 0, default: 180_000, description: 'After the band is put on nothing counts.' }),
    walkedSteps: Type.Number({
      minimum: 1,
      default: 30,
      description: 'So many steps within five minutes raise a pulse.',
    }),
    unusualSpreads: Type.Number({ minimum: 2, default: 5, description: 'So far from what is usual for this person …' }),
    unusualBpm: Type.Number({ minimum: 5, default: 25, description: '… and at least so many beats a minute.' }),
  },
  { additionalProperties: false },
)
type Options = Static<typeof options>

const walkMs = 5 * minuteMs
/** Values of a pulse before anything is called usual: a day or two of wearing it. */
const learnt = 500

/** One vital sign: what it scores when it stays so. */
interface Sign {
  why: string
  value: number
  /** Dwells of a score of at least 1, 2, 3. */
  scores: readonly Dwell[]
  score(value: number): number
}

/**
 * Pulse, oxygen and breath of one person, scored by the parts of NEWS2 (Royal College of Physicians, 2017) that a band
 * or a bed can measure, and held against what is usual for this person. A score counts when it persists. The sum is
 * called partial: temperature, pressure and consciousness are missing, and the temperature of the skin at a wrist is
 * not that of the body, so it has no part in it.
 */
export const elderVitals = defineScene<Options>({
  kind: 'elder-vitals',
  options,
  per: 'elder',
  deviceKinds: ['wearable', 'bed', 'presence-radar'],
  metrics: ['heartRateBpm', 'oxygenSaturationPercent', 'breathRatePerMinute', 'isWorn', 'stepCount'],
  isDefault: true,
  needsHealthConsent: true,
  create: createScene,
})

function createScene(chosen: Options, target: SceneTarget): Scene {
  const { persistMs, gapMs } = chosen
  const alarm = createElderAlarm('elder_vitals', target)
  const scale = target.elder?.oxygenScale ?? 1
  const liveness = createLiveness()
  const dwell = () => createDwell({ onMs: persistMs, offMs: persistMs, maxGapMs: gapMs })
  const sign = (why: string, score: (value: number) => number): Sign => ({
    ...{ why, score, value: Number.NaN },
    scores: [dwell(), dwell(), dwell()],
  })
  const signs: Record<string, Sign> = {
    heartRateBpm: sign('vitals-pulse', pulseScore),
    oxygenSaturationPercent: sign('vitals-oxygen', (value) => oxygenScore(value, scale)),
    breathRatePerMinute: sign('vitals-breath', breathScore),
  }
  const unusual = createDwell({ onMs: 2 * persistMs, offMs: persistMs, maxGapMs: gapMs })
  const baselineOptions = { minCount: learnt, memory: 20_000, minSpread: 4 }
  let usual = createBaseline(baselineOptions)
  const worn = new Map<string, { isWorn: boolean; since: number }>()
  let steps: Array<{ at: number; count: number }> = []

  const isWalking = (at: number) => {
    steps = steps.filter((step) => at - step.at <= walkMs)
    return steps.length > 1 && steps.at(-1)!.count - steps[0]!.count >= chosen.walkedSteps
  }

  function isSettled(device: string, at: number): boolean {
    const known = worn.get(device)
    return known === undefined || (known.isWorn && at - known.since >= chosen.settleMs)
  }

  function take(at: number, metric: string, value: number): void {
    const current = signs[metric]!
    current.value = value
    let score = current.score(value)
    if (metric === 'heartRateBpm') {
      const walks = isWalking(at)
      const away = usual.deviation(value)
      if (walks) score = 0
      else {
        // Whose pulse always is that fast is not ill because of it.
        if (score === 2 && away !== undefined && Math.abs(away) < 2) score = 1
        usual.add(value)
      }
      const isFar = away !== undefined && Math.abs(away) >= chosen.unusualSpreads
      unusual.update(at, !walks && isFar && Math.abs(value - usual.centre) >= chosen.unusualBpm)
    }
    for (const [index, each] of current.scores.entries()) each.update(at, score > index)
  }

  function conclude(at: number): readonly Finding[] {
    if (!alarm.isOpen && !dwells.some(({ isOn }) => isOn)) return nothing
    const scored = Object.values(signs).map((each) => ({
      ...each,
      points: each.scores.filter(({ isOn }) => isOn).length,
    }))
    const total = scored.reduce((sum, { points }) => sum + points, 0)
    const worst = Math.max(...scored.map(({ points }) => points))
    const why: Phrase[] = scored
      .filter(({ points }) => points > 0)
      .map(({ why: key, value, points }) => ({ key, value: Math.round(value), score: points }))
    if (why.length > 0) why.push({ key: 'vitals-partial', score: total })
    if (unusual.isOn)
      why.push({ key: 'vitals-unusual', value: Math.round(signs.heartRateBpm!.value), usual: Math.round(usual.centre) })
    const severity = severityOf(total, worst, unusual.isOn)
    return severity ? alarm.raise(at, { severity, certainty: 0.7, why }) : alarm.clear(at)
  }

  const dwells = [unusual, ...Object.values(signs).flatMap(({ scores }) => scores)]

  return {
    observe(observation) {
      const { at } = observation
      if (observation.type === 'tick') {
        for (const each of dwells) each.tick(at)
        return conclude(at)
      }
      if (observation.type !== 'measurement' || !liveness.isLive(observation.measurement)) return nothing
      const { metric, value, device } = observation.measurement
      if (metric === 'isWorn') {
        if (worn.get(device)?.isWorn !== value) worn.set(device, { isWorn: value === true, since: at })
        return nothing
      }
      if (typeof value !== 'number') return nothing
      if (metric === 'stepCount') {
        steps = [...steps.slice(-30), { at, count: value }]
        return nothing
      }
      if (!signs[metric] || !isSettled(device, at)) return nothing
      take(at, metric, value)
      return conclude(at)
    },
    wakeAt: () => dwells.reduce((earliest, each) => Math.min(earliest, each.wakeAt()), Number.POSITIVE_INFINITY),
    snapshot: () => ({ usual: usual.snapshot() }),
    restore(known) {
      usual = createBaseline(baselineOptions, (known as { usual?: unknown } | undefined)?.usual)
    },
  }
}

/** After the thresholds of NEWS2: 3 in one sign or 5 in all are urgent, 7 an emergency. */
function severityOf(total: number, worst: number, isUnusual: boolean): Severity | undefined {
  if (total >= 7 || (worst === 3 && total >= 5)) return 'critical'
  if (worst === 3 || total >= 5) return 'high'
  return worst === 2 || isUnusual ? 'medium' : undefined
}
