import type { Alarm } from '../core/alarm.ts'
import type { Alarm as AlarmWire, JournalEntry as EntryWire } from './schemas/index.ts'

/*
 * What leaves the site for the city must not say who somebody is or how they are. The bridge may stand in another
 * network zone, so it is not shown what it must not send.
 */

/** An alarm as the bridge may see it: of one that concerns a person neither who, nor the home, nor who was told. */
export function withoutPerson<T extends AlarmWire | Alarm>(alarm: T): T {
  const { response, told: __, ...whole } = alarm
  // Who settles an alarm has acknowledged it, and may be a person of the site file.
  const isByPerson = response?.answers.some(({ by, via }) => via !== 'console' && by === alarm.acknowledgedBy)
  const rest = isByPerson ? { ...whole, acknowledgedBy: 'withheld' } : whole
  if (alarm.person === undefined) return rest as T
  const { person: _, ...other } = rest
  const { flat: ___, ...place } = alarm.place
  return { ...other, place, source: { ...alarm.source, id: 'withheld' }, why: [] } as unknown as T
}

/** A journal row as the bridge may see it; the hash stays that of the whole row. */
export function entryWithoutPerson(entry: EntryWire): EntryWire {
  // Events name the flat, the elder and the device they wear; no case is made of them, so the city needs none.
  if (entry.topic === 'audit' || entry.topic === 'event')
    return { ...entry, actor: withoutName(entry.actor), subject: 'withheld', data: {} }
  if (entry.topic !== 'alarm') return entry
  const { alarm, transition } = entry.data as {
    alarm: AlarmWire
    transition: { type: string } & Record<string, unknown>
  }
  const isAboutPeople = ['told', 'receipts', 'seen', 'answered', 'arrived', 'resolved'].includes(transition.type)
  const shown = isAboutPeople
    ? { type: transition.type, at: entry.at }
    : transition.type === 'raised'
      ? { ...transition, alarm: withoutPerson(transition.alarm as AlarmWire) }
      : transition
  const data = { alarm: withoutPerson(alarm), transition: shown }
  return { ...entry, actor: withoutName(entry.actor), data } as EntryWire
}

const withoutName = (actor: EntryWire['actor']) => (actor.type === 'person' ? { ...actor, id: 'withheld' } : actor)
