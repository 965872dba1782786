import type { Phrase, Severity } from '../core/alarm.ts'
import type { Place } from '../core/place.ts'
import type { AlarmKey, Finding } from '../core/scene.ts'

/** How bad, how sure, and why. */
export interface Judgement {
  severity: Severity
  certainty: number
  why: readonly Phrase[]
}

/**
 * One alarm of one source, told in the right order: raise, then `seen` at most once a minute while it is confirmed,
 * `reassess` when it weighs more or less, one `clear`.
 */
export interface SensorAlarm {
  readonly isOpen: boolean
  readonly key: AlarmKey
  /** What was told last; undefined while there is no alarm. */
  readonly severity: Severity | undefined
  /** It is so, now. */
  raise(at: number, judgement: Judgement): readonly Finding[]
  /** It is still so; nothing new. */
  confirm(at: number): readonly Finding[]
  clear(at: number): readonly Finding[]
}

/** What most observations lead to. */
export const nothing: readonly Finding[] = []

const seenEveryMs = 60_000

/** What it is the alarm of; `person`: the id of an elder. */
type AlarmSubject = AlarmKey & { person?: string | undefined }

export function createSensorAlarm(subject: AlarmSubject): SensorAlarm {
  return new ToldAlarm(subject)
}

/** A class and no closures: every device of a site has one. */
class ToldAlarm implements SensorAlarm {
  readonly key: AlarmKey
  readonly #person: string | undefined
  #current: Judgement | undefined
  #toldAt = 0

  constructor({ kind, place, source, person }: AlarmSubject) {
    this.key = { kind, place, source }
    this.#person = person
  }

  get isOpen(): boolean {
    return this.#current !== undefined
  }

  get severity(): Severity | undefined {
    return this.#current?.severity
  }

  raise(at: number, judgement: Judgement): readonly Finding[] {
    const before = this.#current
    this.#current = judgement
    if (!before) {
      this.#toldAt = at
      const person = this.#person === undefined ? {} : { person: this.#person }
      return [{ type: 'raise', at, ...this.key, ...person, ...judgement }]
    }
    const isSame =
      before.severity === judgement.severity && keysOf(before) === keysOf(judgement) && isNear(before, judgement)
    if (isSame) return this.confirm(at)
    this.#toldAt = at
    return [{ type: 'reassess', at, ...this.key, ...judgement }]
  }

  confirm(at: number): readonly Finding[] {
    if (!this.#current || (at >= this.#toldAt && at - this.#toldAt < seenEveryMs)) return nothing
    this.#toldAt = at
    return [{ type: 'seen', at, ...this.key }]
  }

  clear(at: number): readonly Finding[] {
    if (!this.#current) return nothing
    this.#current = undefined
    return [{ type: 'clear', at, ...this.key }]
  }
}

const keysOf = ({ why }: Judgement) => why.map(({ key }) => key).join()
const isNear = (one: Judgement, other: Judgement) => Math.abs(one.certainty - other.certainty) < 0.05

/** Names the alarm of a device. */
export function deviceAlarm(kind: string, device: string, place: Place): AlarmKey {
  return { kind, place, source: { type: 'device', id: device } }
}
