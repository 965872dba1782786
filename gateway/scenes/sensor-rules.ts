import { type Phrase, type Severity, severities } from '../core/alarm.ts'
import type { Metric } from '../core/device-kind.ts'
import { createDwell } from '../core/dwell.ts'
import type { Measurement } from '../core/measurement.ts'
import type { Finding, Scene, SceneTarget } from '../core/scene.ts'
import type { Schedule } from '../core/schedule.ts'
import { createThreshold } from '../core/threshold.ts'
import { createLiveness } from './liveness.ts'
import { createSensorAlarm, deviceAlarm, nothing } from './sensor-alarm.ts'

/** One thing that can be wrong with one metric of a device. */
export interface Rule {
  /** Kind of the alarm: a key of the disposal list. Rules of one kind share one alarm, the worst gives its severity. */
  alarm: string
  metric: Metric
  when:
    | { is: boolean | string }
    | { above: number; hysteresis?: number }
    | { below: number; hysteresis?: number }
    /** For what is more than a limit: told each value, it says whether that is wrong. */
    | { judge: (at: number, value: number) => boolean }
  /** It must be so for so long. */
  forMs?: number
  /** It must be gone for so long. */
  clearAfterMs?: number
  severity: Severity
  certainty: number
  /** Why, as the console has words for it; gets the parameters value, limit and minutes. */
  why: string
  /** More parameters for those words. */
  facts?: () => Record<string, string | number>
  /** Only in these hours. */
  during?: Schedule
}

/** Watches one device by rules. Late and replayed values change nothing; what is wrong at the start is told. */
export function createRuleScene({ place, devices: [device], elder }: SceneTarget, rules: readonly Rule[]): Scene {
  if (!device) throw new Error('a scene of rules watches one device')
  const parts = rules.map((rule) => createPart(rule))
  const alarms = [...new Set(rules.map(({ alarm }) => alarm))].map((kind) => ({
    alarm: createSensorAlarm({ ...deviceAlarm(kind, device.id, place), person: elder?.id }),
    parts: parts.filter(({ rule }) => rule.alarm === kind),
  }))
  const liveness = createLiveness()

  /** @param isNews a value confirms an open alarm, time alone does not */
  function conclude(at: number, metric: string | undefined): readonly Finding[] {
    let findings: readonly Finding[] = nothing
    for (const { alarm, parts } of alarms) {
      const active = parts.filter(({ isActive }) => isActive(at))
      let told: readonly Finding[] = nothing
      if (active.length === 0) told = alarm.clear(at)
      else if (!alarm.isOpen || metric === undefined || active.some(({ rule }) => rule.metric === metric)) {
        const worst = active.reduce((a, b) => (rank(b) > rank(a) ? b : a))
        const judgement = {
          severity: worst.rule.severity,
          certainty: Math.max(...active.map(({ rule }) => rule.certainty)),
          why: active.map((part) => part.phrase(at)),
        }
        told = metric === undefined && alarm.isOpen ? nothing : alarm.raise(at, judgement)
      }
      if (told.length > 0) findings = findings === nothing ? told : [...findings, ...told]
    }
    return findings
  }

  function take(at: number, { metric, value }: Measurement): readonly Finding[] {
    for (const part of parts) if (part.rule.metric === metric) part.take(at, value)
    return conclude(at, metric)
  }

  return {
    observe(observation) {
      switch (observation.type) {
        case 'measurement':
          return liveness.isLive(observation.measurement) ? take(observation.at, observation.measurement) : nothing
        case 'remembered': {
          const { measurement, at } = observation
          if (!liveness.isLive(measurement)) return nothing
          for (const part of parts)
            if (part.rule.metric === measurement.metric) part.take(measurement.ingestedAt, measurement.value)
          for (const part of parts) part.tick(at)
          return conclude(at, measurement.metric)
        }
        case 'tick':
          for (const part of parts) part.tick(observation.at)
          return conclude(observation.at, undefined)
        default:
          return nothing
      }
    },
    wakeAt: () => parts.reduce((earliest, part) => Math.min(earliest, part.wakeAt()), Number.POSITIVE_INFINITY),
  }
}

const rank = ({ rule }: Part) => severities.indexOf(rule.severity)

interface Part {
  rule: Rule
  take(at: number, value: Measurement['value']): void
  tick(at: number): void
  isActive(at: number): boolean
  phrase(at: number): Phrase
  wakeAt(): number
}

function createPart(rule: Rule): Part {
  const { when, forMs = 0, clearAfterMs = 0, during } = rule
  const dwell = createDwell({ onMs: forMs, offMs: clearAfterMs })
  const threshold =
    'above' in when
      ? createThreshold({ limit: when.above, side: 'above', hysteresis: when.hysteresis ?? 0 })
      : 'below' in when
        ? createThreshold({ limit: when.below, side: 'below', hysteresis: when.hysteresis ?? 0 })
        : undefined
  let last: Measurement['value'] | undefined
  let tickedAt = Number.NEGATIVE_INFINITY

  function isWrong(at: number, value: Measurement['value']): boolean | undefined {
    if ('is' in when) return value === when.is
    if (typeof value !== 'number') return undefined
    return 'judge' in when ? when.judge(at, value) : threshold!.update(value)
  }

  return {
    rule,
    take(at, value) {
      const isSo = isWrong(at, value)
      // A value of another type is a fault of the device, not news about the world.
      if (isSo === undefined) return
      last = value
      tickedAt = at
      dwell.update(at, isSo)
    },
    tick(at) {
      tickedAt = at
      dwell.tick(at)
    },
    isActive: (at) => dwell.isOn && (during?.contains(at) ?? true),
    phrase(at) {
      const limit = 'above' in when ? when.above : 'below' in when ? when.below : undefined
      return {
        key: rule.why,
        ...(typeof last === 'number' ? { value: Math.round(last * 10) / 10 } : {}),
        ...(typeof last === 'string' ? { value: last } : {}),
        ...(limit === undefined ? {} : { limit }),
        ...(forMs > 0 ? { minutes: Math.max(1, Math.round((at - dwell.sinceAt) / 60_000)) } : {}),
        ...rule.facts?.(),
      }
    },
    wakeAt() {
      const hours = during && dwell.isOn ? during.nextChange(tickedAt) : Number.POSITIVE_INFINITY
      return Math.min(dwell.wakeAt(), hours)
    },
  }
}
