import { type Static, Type } from 'typebox'
import type { Alarm as CoreAlarm, AlarmTransition as CoreAlarmTransition } from '../../core/alarm.ts'
import type { Case as CoreCase, CaseTransition as CoreCaseTransition } from '../../core/case.ts'
import type { JournalEntry as CoreJournalEntry } from '../../core/journal.ts'
import { Actor } from './actor.ts'
import { type Alarm, type AlarmTransition, alarmToWire, alarmTransitionToWire } from './alarm.ts'
import { type Case, type CaseJournalTransition, caseToWire } from './case.ts'
import { Instant, toInstant, withInstants } from './instant.ts'

export const journalTopics = ['alarm', 'case', 'event', 'audit'] as const

/** The longest a journal request waits for something new, ms. */
export const maxJournalWaitMs = 30_000

const entryBase = Type.Object({
  seq: Type.Integer({ minimum: 1, description: 'without gaps within a site; the identity of the transition' }),
  at: Instant,
  subject: Type.String({ description: 'id of the alarm or case; camera or device id; user id' }),
  transition: Type.String(),
  actor: Actor,
  previousHash: Type.String(),
  hash: Type.String(),
})

/** One journal row. `data`: `{ alarm, transition }`, `{ case, transition }`, or what the event or audit recorded. */
export const JournalEntry = Type.Object(
  {
    ...entryBase.properties,
    topic: Type.Enum([...journalTopics]),
    data: Type.Record(Type.String(), Type.Unknown()),
  },
  { title: 'JournalEntry' },
)

type EntryBase = Static<typeof entryBase>
export type AlarmEntry = EntryBase & { topic: 'alarm'; data: { alarm: Alarm; transition: AlarmTransition } }
export type CaseEntry = EntryBase & { topic: 'case'; data: { case: Case; transition: CaseJournalTransition } }
/** `data` as recorded: instants in it, where there are any, are epoch ms. */
export type EventEntry = EntryBase & { topic: 'event' | 'audit'; data: Record<string, unknown> }
export type JournalEntry = AlarmEntry | CaseEntry | EventEntry

/** Answer of `GET /journal`. */
export const JournalPage = Type.Object(
  { entries: Type.Array(JournalEntry), lastSeq: Type.Integer({ minimum: 0 }) },
  { title: 'JournalPage' },
)
export interface JournalPage {
  entries: JournalEntry[]
  lastSeq: number
}

export function entryToWire(entry: CoreJournalEntry): JournalEntry {
  const { topic, data, at, ...rest } = entry
  const base = { ...rest, at: toInstant(at) }
  if (topic === 'alarm' && data.alarm && data.transition)
    return {
      ...base,
      topic,
      data: {
        alarm: alarmToWire(data.alarm as CoreAlarm),
        transition: alarmTransitionToWire(data.transition as CoreAlarmTransition),
      },
    }
  if (topic === 'case' && data.case && data.transition)
    return {
      ...base,
      topic,
      data: {
        case: caseToWire(data.case as CoreCase),
        transition: withInstants(
          data.transition as CoreCaseTransition,
          'at',
          'respondBy',
          'resolveBy',
        ) as CaseJournalTransition,
      },
    }
  return { ...base, topic, data } as EventEntry
}
