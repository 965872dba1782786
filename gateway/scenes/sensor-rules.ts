import { type Phrase, type Severity, severities } from '../core/alarm.ts'
import type { Metric } from '../core/device-kind.ts'
import { createDwell, type Dwell } from '../core/dwell.ts'
import type { Measurement } from '../core/measurement.ts'
import type { Finding, Observation, Scene, SceneTarget } from '../core/scene.ts'
import type { Schedule } from '../core/schedule.ts'
import { createThreshold, type Threshold } from '../core/threshold.ts'
import { liveAt } from './liveness.ts'
import { createSensorAlarm, deviceAlarm, nothing, type SensorAlarm } from './sensor-alarm.ts'

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

/**
 * Watches one device by rules. Late and replayed values change nothing; what is wrong at the start is told. What a device
 * never reports costs nothing: its part is made at the first value.
 */
export function createRuleScene(target: SceneTarget, rules: readonly Rule[]): Scene & { wakeAt(): number } {
  return new RuleScene(target, rules)
}

/** Classes and no closures: a site has tens of thousands of them. */
class RuleScene implements Scene {
  readonly #target: SceneTarget
  readonly #rules: readonly Rule[]
  /** Of what the device has reported, in the order of the rules, which is that of the reasons people read. */
  #parts: readonly Part[] = []
  readonly #alarms: SensorAlarm[] = []
  #wakeAt = Number.POSITIVE_INFINITY

  constructor(target: SceneTarget, rules: readonly Rule[]) {
    this.#target = target
    this.#rules = rules
  }

  wakeAt(): number {
    return this.#wakeAt
  }

  observe(observation: Observation): readonly Finding[] {
    switch (observation.type) {
      case 'measurement':
        return this.#take(observation.at, observation.at, observation.measurement)
      case 'remembered':
        return this.#take(observation.measurement.ingestedAt, observation.at, observation.measurement)
      case 'tick':
        for (const part of this.#parts) part.tick(observation.at)
        return this.#conclude(observation.at, undefined)
      default:
        return nothing
    }
  }

  /** @param since when the value was received, before `at` only for what is remembered */
  #take(since: number, at: number, measurement: Measurement): readonly Finding[] {
    const { metric } = measurement
    let isIdle = this.#alarms.length === 0 && this.#wakeAt === Number.POSITIVE_INFINITY
    if (!this.#parts.some(({ rule }) => rule.metric === metric)) this.#makeParts(metric)
    for (const part of this.#parts) {
      if (part.rule.metric !== metric) continue
      part.take(since, measurement)
      if (since !== at) part.tick(at)
      if (part.isPending) isIdle = false
    }
    return isIdle ? nothing : this.#conclude(at, metric)
  }

  #makeParts(metric: string): void {
    if (!this.#rules.some((rule) => rule.metric === metric)) return
    const known = this.#parts
    this.#parts = this.#rules
      .filter((rule) => rule.metric === metric || known.some((part) => part.rule === rule))
      .map((rule) => known.find((part) => part.rule === rule) ?? new Part(rule))
  }

  /** @param metric of the value that is news; undefined when only time went by, which confirms no open alarm */
  #conclude(at: number, metric: string | undefined): readonly Finding[] {
    let findings: readonly Finding[] = nothing
    for (const kind of new Set(this.#parts.map((part) => part.rule.alarm))) {
      const told = this.#judge(at, kind, metric)
      if (told.length > 0) findings = findings === nothing ? told : [...findings, ...told]
    }
    this.#wakeAt = this.#parts.reduce((earliest, part) => Math.min(earliest, part.wakeAt()), Number.POSITIVE_INFINITY)
    return findings
  }

  #judge(at: number, kind: string, metric: string | undefined): readonly Finding[] {
    const open = this.#alarms.find(({ key }) => key.kind === kind)
    const active = this.#parts.filter((part) => part.rule.alarm === kind && part.isActive(at))
    if (active.length === 0) {
      if (!open) return nothing
      this.#alarms.splice(this.#alarms.indexOf(open), 1)
      return open.clear(at)
    }
    if (open && (metric === undefined ? !isGraver(open, active) : !active.some(({ rule }) => rule.metric === metric)))
      return nothing
    const alarm = open ?? this.#openAlarm(kind)
    const worst = active.reduce((a, b) => (rank(b) > rank(a) ? b : a))
    return alarm.raise(at, {
      severity: worst.rule.severity,
      certainty: Math.max(...active.map(({ rule }) => rule.certainty)),
      why: active.map((part) => part.phrase(at)),
    })
  }

  #openAlarm(kind: string): SensorAlarm {
    const { place, devices, elder } = this.#target
    const alarm = createSensorAlarm({ ...deviceAlarm(kind, devices[0]!.id, place), person: elder?.id })
    this.#alarms.push(alarm)
    return alarm
  }
}

const rank = ({ rule }: Part) => severities.indexOf(rule.severity)
/** Time has made something ripe that is worse than what was told. */
const isGraver = (alarm: SensorAlarm, active: readonly Part[]) =>
  active.some((part) => rank(part) > severities.indexOf(alarm.severity!))

class Part {
  readonly rule: Rule
  readonly #dwell: Dwell
  readonly #threshold: Threshold | undefined
  #last: Measurement['value'] | undefined
  #newest: number | undefined
  #tickedAt = Number.NEGATIVE_INFINITY

  constructor(rule: Rule) {
    this.rule = rule
    const { when, forMs = 0, clearAfterMs = 0 } = rule
    this.#dwell = createDwell({ onMs: forMs, offMs: clearAfterMs })
    if ('above' in when)
      this.#threshold = createThreshold({ limit: when.above, side: 'above', hysteresis: when.hysteresis ?? 0 })
    if ('below' in when)
      this.#threshold = createThreshold({ limit: when.below, side: 'below', hysteresis: when.hysteresis ?? 0 })
  }

  /** Whether it is, or may become, more than idle. */
  get isPending(): boolean {
    return this.#dwell.isOn || this.#dwell.wakeAt() !== Number.POSITIVE_INFINITY
  }

  take(at: number, measurement: Measurement): void {
    const newest = liveAt(measurement, this.#newest)
    if (newest === undefined) return
    const { value } = measurement
    const isSo = this.#isWrong(at, value)
    // A value of another type is a fault of the device, not news about the world.
    if (isSo === undefined) return
    this.#newest = newest
    this.#last = value
    this.#tickedAt = at
    this.#dwell.update(at, isSo)
  }

  tick(at: number): void {
    this.#tickedAt = at
    this.#dwell.tick(at)
  }

  isActive(at: number): boolean {
    return this.#dwell.isOn && (this.rule.during?.contains(at) ?? true)
  }

  wakeAt(): number {
    const { during } = this.rule
    const hours = during && this.#dwell.isOn ? during.nextChange(this.#tickedAt) : Number.POSITIVE_INFINITY
    return Math.min(this.#dwell.wakeAt(), hours)
  }

  phrase(at: number): Phrase {
    const { when, why, forMs = 0, facts } = this.rule
    const last = this.#last
    const limit = 'above' in when ? when.above : 'below' in when ? when.below : undefined
    return {
      key: why,
      ...(typeof last === 'number' ? { value: Math.round(last * 10) / 10 } : {}),
      ...(typeof last === 'string' ? { value: last } : {}),
      ...(limit === undefined ? {} : { limit }),
      ...(forMs > 0 ? { minutes: Math.max(1, Math.round((at - this.#dwell.sinceAt) / 60_000)) } : {}),
      ...facts?.(),
    }
  }

  #isWrong(at: number, value: Measurement['value']): boolean | undefined {
    const { when } = this.rule
    if ('is' in when) return value === when.is
    if (typeof value !== 'number') return undefined
    return 'judge' in when ? when.judge(at, value) : this.#threshold!.update(value)
  }
}
