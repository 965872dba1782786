import { type Static, Type } from 'typebox'
import type { Phrase, Severity } from '../core/alarm.ts'
import { type Baseline, createBaseline } from '../core/baseline.ts'
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

/** What says that somebody is there to be measured. */
const presenceMetrics: ReadonlySet<string> = new Set(['isWorn', 'isInBed', 'isOccupied'])

/** One vital sign as one device measures it: what it scores when it stays so. */
interface Source {
  value: number
  heardAt: number
  /** Dwells of a score of at least 1, 2, 3. */
  scores: readonly Dwell[]
  /** Of a pulse: far from what is usual for this person. */
  unusual: Dwell
  /** What is usual, of a pulse as this kind of device measures it. */
  usual: Baseline
}

interface Sign {
  why: string
  score(value: number): number
  /** By device. */
  sources: Map<string, Source>
}

/**
 * Pulse, oxygen and breath of one person, scored by the parts of NEWS2 (Royal College of Physicians, 2017) that a band
 * or a bed can measure, and held against what is usual for this person. A score counts when it persists. The sum is
 * called partial: temperature, pressure and consciousness are missing, and the temperature of the skin at a wrist is
 * not that of the body, so it has no part in it.
 *
 * A band and a bed that measure the same sign are followed side by side, and the worse of them counts: a value is not
 * taken back by another device that measures something else, or another person.
 *
 * A zero beside nobody is no value: of a bed or a room that is empty, of a band in a drawer. A pulse or breath of zero
 * counts only where the same device says that it is worn or lain on, because there it may be the truth; of a radar it
 * never does, which finds no breath in whoever moves. It is never part of what is usual.
 */
export const elderVitals = defineScene<Options>({
  kind: 'elder-vitals',
  options,
  per: 'elder',
  deviceKinds: ['wearable', 'bed', 'presence-radar'],
  metrics: [
    'heartRateBpm',
    'oxygenSaturationPercent',
    'breathRatePerMinute',
    'isWorn',
    'isInBed',
    'isOccupied',
    'stepCount',
  ],
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
  const kinds = new Map(target.devices.map(({ id, kind }) => [id, kind]))
  const sign = (why: string, score: (value: number) => number): Sign => ({ why, score, sources: new Map() })
  const signs: Record<string, Sign> = {
    heartRateBpm: sign('vitals-pulse', pulseScore),
    oxygenSaturationPercent: sign('vitals-oxygen', (value) => oxygenScore(value, scale)),
    breathRatePerMinute: sign('vitals-breath', breathScore),
  }
  const baselineOptions = { minCount: learnt, memory: 20_000, minSpread: 4 }
  /** Of the pulse, by kind of device: a bed measures it in sleep, a band by day. */
  const baselines = new Map<string, Baseline>()
  /** Whether somebody is there, and since when, by device and metric. */
  const presence = new Map<string, Map<string, { isThere: boolean; since: number }>>()
  let steps: Array<{ at: number; count: number }> = []

  const isWalking = (at: number) => {
    steps = steps.filter((step) => at - step.at <= walkMs)
    return steps.length > 1 && steps.at(-1)!.count - steps[0]!.count >= chosen.walkedSteps
  }

  function notePresence(at: number, device: string, metric: string, isThere: boolean): void {
    const known = presence.get(device) ?? new Map<string, { isThere: boolean; since: number }>()
    presence.set(device, known)
    if (known.get(metric)?.isThere !== isThere) known.set(metric, { isThere, since: at })
  }

  function isSettled(device: string, at: number): boolean {
    const said = [...(presence.get(device)?.values() ?? [])]
    return said.every(({ isThere, since }) => isThere && at - since >= chosen.settleMs)
  }

  function isMeasured(device: string, metric: string, value: number): boolean {
    if (value > 0) return true
    const said = presence.get(device)
    return metric !== 'oxygenSaturationPercent' && (said?.has('isWorn') || said?.has('isInBed')) === true
  }

  function usualOf(device: string): Baseline {
    const kind = kinds.get(device) ?? ''
    const known = baselines.get(kind) ?? createBaseline(baselineOptions)
    baselines.set(kind, known)
    return known
  }

  function sourceOf({ sources }: Sign, device: string): Source {
    const unusual = createDwell({ onMs: 2 * persistMs, offMs: persistMs, maxGapMs: gapMs })
    const known = sources.get(device) ?? {
      ...{ value: Number.NaN, heardAt: Number.NEGATIVE_INFINITY },
      ...{ scores: [dwell(), dwell(), dwell()], unusual, usual: usualOf(device) },
    }
    sources.set(device, known)
    return known
  }

  const allSources = () => Object.values(signs).flatMap(({ sources }) => [...sources.values()])
  const allDwells = () => allSources().flatMap(({ scores, unusual }) => [unusual, ...scores])

  function take(at: number, metric: string, device: string, value: number): void {
    const current = signs[metric]!
    const source = sourceOf(current, device)
    const { usual, unusual } = source
    Object.assign(source, { value, heardAt: at })
    let score = current.score(value)
    if (metric === 'heartRateBpm') {
      const walks = isWalking(at)
      const away = usual.deviation(value)
      if (walks) score = 0
      else {
        // Whose pulse always is that fast is not ill because of it.
        if (score === 2 && away !== undefined && Math.abs(away) < 2) score = 1
        if (value > 0) usual.add(value)
      }
      const isFar = away !== undefined && Math.abs(away) >= chosen.unusualSpreads
      unusual.update(at, !walks && isFar && Math.abs(value - usual.centre) >= chosen.unusualBpm)
    }
    for (const [index, each] of source.scores.entries()) each.update(at, score > index)
  }

  /** The devices that still measure it; where none does, the one that did last: silence does not end an alarm. */
  function present({ sources }: Sign, at: number): Source[] {
    const newestFirst = [...sources.values()].sort((one, other) => other.heardAt - one.heardAt)
    const live = newestFirst.filter(({ heardAt }) => at - heardAt <= gapMs)
    return live.length > 0 ? live : newestFirst.slice(0, 1)
  }

  const pointsOf = ({ scores }: Source) => scores.filter(({ isOn }) => isOn).length

  function conclude(at: number): readonly Finding[] {
    if (!alarm.isOpen && !allDwells().some(({ isOn }) => isOn)) return nothing
    const scored = Object.values(signs).flatMap((each) => {
      const [worst] = present(each, at)
        .map((source) => ({ key: each.why, value: Math.round(source.value), score: pointsOf(source) }))
        .sort((one, other) => other.score - one.score)
      return worst && worst.score > 0 ? [worst] : []
    })
    const total = scored.reduce((sum, { score }) => sum + score, 0)
    const worst = Math.max(0, ...scored.map(({ score }) => score))
    const why: Phrase[] = [...scored]
    if (why.length > 0) why.push({ key: 'vitals-partial', score: total })
    const unusual = present(signs.heartRateBpm!, at).find((source) => source.unusual.isOn)
    if (unusual)
      why.push({
        ...{ key: 'vitals-unusual', value: Math.round(unusual.value) },
        usual: Math.round(unusual.usual.centre),
      })
    const severity = severityOf(total, worst, unusual !== undefined)
    return severity ? alarm.raise(at, { severity, certainty: 0.7, why }) : alarm.clear(at)
  }

  return {
    observe(observation) {
      const { at } = observation
      if (observation.type === 'tick') {
        for (const each of allDwells()) each.tick(at)
        return conclude(at)
      }
      if (observation.type !== 'measurement' || !liveness.isLive(observation.measurement)) return nothing
      const { metric, value, device } = observation.measurement
      if (presenceMetrics.has(metric)) {
        notePresence(at, device, metric, value === true)
        return nothing
      }
      if (typeof value !== 'number') return nothing
      if (metric === 'stepCount') {
        steps = [...steps.slice(-30), { at, count: value }]
        return nothing
      }
      if (!signs[metric] || !isSettled(device, at) || !isMeasured(device, metric, value)) return nothing
      take(at, metric, device, value)
      return conclude(at)
    },
    wakeAt: () => allDwells().reduce((earliest, each) => Math.min(earliest, each.wakeAt()), Number.POSITIVE_INFINITY),
    snapshot: () => ({
      usual: Object.fromEntries([...baselines].map(([kind, baseline]) => [kind, baseline.snapshot()])),
    }),
    restore(known) {
      const usual = (known as { usual?: Record<string, unknown> } | undefined)?.usual
      // An older version knew one baseline for all devices.
      for (const kind of new Set(kinds.values()))
        baselines.set(kind, createBaseline(baselineOptions, usual?.[kind] ?? usual))
    },
  }
}

/** After the thresholds of NEWS2: 3 in one sign or 5 in all are urgent, 7 an emergency. */
function severityOf(total: number, worst: number, isUnusual: boolean): Severity | undefined {
  if (total >= 7 || (worst === 3 && total >= 5)) return 'critical'
  if (worst === 3 || total >= 5) return 'high'
  return worst === 2 || isUnusual ? 'medium' : undefined
}
