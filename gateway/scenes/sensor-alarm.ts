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

export function createSensorAlarm({
  person,
  ...key
}: AlarmKey & {
  /** The id of an elder. */
  person?: string | undefined
}): SensorAlarm {
  let current: Judgement | undefined
  let toldAt = 0

  function confirm(at: number): readonly Finding[] {
    if (at >= toldAt && at - toldAt < seenEveryMs) return nothing
    toldAt = at
    return [{ type: 'seen', at, ...key }]
  }

  return {
    key,
    get severity() {
      return current?.severity
    },
    get isOpen() {
      return current !== undefined
    },
    raise(at, judgement) {
      const before = current
      current = judgement
      if (!before) {
        toldAt = at
        return [{ type: 'raise', at, ...key, ...(person === undefined ? {} : { person }), ...judgement }]
      }
      const isSame =
        before.severity === judgement.severity && keysOf(before) === keysOf(judgement) && isNear(before, judgement)
      if (isSame) return confirm(at)
      toldAt = at
      return [{ type: 'reassess', at, ...key, ...judgement }]
    },
    confirm: (at) => (current ? confirm(at) : nothing),
    clear(at) {
      if (!current) return nothing
      current = undefined
      return [{ type: 'clear', at, ...key }]
    },
  }
}

const keysOf = ({ why }: Judgement) => why.map(({ key }) => key).join()
const isNear = (one: Judgement, other: Judgement) => Math.abs(one.certainty - other.certainty) < 0.05

/** Names the alarm of a device. */
export function deviceAlarm(kind: string, device: string, place: Place): AlarmKey {
  return { kind, place, source: { type: 'device', id: device } }
}
