import { type Static, Type } from 'typebox'
import {
  alarmState,
  type ClearReason,
  type Alarm as CoreAlarm,
  type AlarmTransition as CoreAlarmTransition,
  clearReasons,
  severities,
} from '../../core/alarm.ts'
import { Evidence, evidenceToWire } from './evidence.ts'
import { Instant, withInstants } from './instant.ts'
import { Id, Place } from './place.ts'
import { type Answer, answerToWire, Notice, noticeToWire, Response, responseToWire } from './response.ts'
import { Why } from './why.ts'

export const Severity = Type.Enum([...severities])
export type Severity = Static<typeof Severity>

/** The ISA-18.2 state that `isActive` and `isAcknowledged` give. */
export const AlarmState = Type.Enum([
  'active-unacknowledged',
  'active-acknowledged',
  'cleared-unacknowledged',
  'normal',
])
export type AlarmState = Static<typeof AlarmState>

export const verdictValues = ['confirmed', 'false-alarm'] as const

export { Why } from './why.ts'

/** What a speaker reported, for translation; keys in docs/reference/speakers.md. */
export const Phrases = Type.Array(Type.Unsafe<Why>(Why), {
  description: 'the same for translation; absent where only the words are known',
})

export const Warning = Type.Object({
  at: Instant,
  speaker: Type.String(),
  clip: Type.String(),
  nth: Type.Integer(),
  result: Type.String({ description: "the speaker's own words, or what is not known" }),
  phrases: Type.Optional(Phrases),
  isDelivered: Type.Boolean(),
})
export type Warning = Static<typeof Warning>

export const Alarm = Type.Object(
  {
    id: Id,
    scene: Type.String(),
    kind: Type.String({ description: 'key of the disposal list' }),
    severity: Severity,
    certainty: Type.Number({ minimum: 0, maximum: 1 }),
    place: Place,
    source: Type.Object({ type: Type.Enum(['camera', 'device']), id: Type.String() }),
    person: Type.Optional(Type.String({ description: 'whom it concerns: the id of an elder' })),
    raisedAt: Instant,
    decidedAt: Type.Optional(Instant),
    lastSeenAt: Instant,
    count: Type.Integer({ minimum: 1 }),
    isActive: Type.Boolean(),
    clearedAt: Type.Optional(Instant),
    clearedReason: Type.Optional(Type.Enum([...clearReasons], { description: 'where it did not end by itself' })),
    isAcknowledged: Type.Boolean(),
    acknowledgedAt: Type.Optional(Instant),
    acknowledgedBy: Type.Optional(Type.String()),
    state: AlarmState,
    shelved: Type.Optional(Type.Object({ until: Instant, by: Type.String(), reason: Type.String() })),
    suppressedBy: Type.Optional(Type.String()),
    verdict: Type.Optional(
      Type.Object({
        value: Type.Enum([...verdictValues]),
        reason: Type.Optional(Type.String()),
        by: Type.String(),
        at: Instant,
      }),
    ),
    why: Type.Array(Type.Unsafe<Why>(Why)),
    evidence: Type.Array(Evidence),
    caseId: Type.Optional(Id),
    warnings: Type.Array(Warning, { description: 'newest last, at most 20' }),
    response: Type.Optional(Response),
    told: Type.Optional(
      Type.Array(Notice, {
        description: 'who was told on which channel, newest last, at most 40; the journal has all',
      }),
    ),
  },
  { title: 'Alarm' },
)
export type Alarm = Static<typeof Alarm>

/** Body of `POST /alarms/:id/verdict`; a false alarm needs a reason. */
export const VerdictRequest = Type.Object(
  { value: Type.Enum([...verdictValues]), reason: Type.Optional(Type.String({ maxLength: 2000 })) },
  { additionalProperties: false, title: 'VerdictRequest' },
)
export type VerdictRequest = Static<typeof VerdictRequest>

/** Body of `POST /alarms/:id/shelve`. */
export const ShelveRequest = Type.Object(
  { until: Instant, reason: Type.String({ minLength: 1, maxLength: 2000 }) },
  { additionalProperties: false, title: 'ShelveRequest' },
)
export type ShelveRequest = Static<typeof ShelveRequest>

/** Body of `POST /alarms/:id/voice`. */
export const VoiceRequest = Type.Object(
  { action: Type.Enum(['repeat', 'stop']) },
  { additionalProperties: false, title: 'VoiceRequest' },
)
export type VoiceRequest = Static<typeof VoiceRequest>

/** The transition of an alarm's journal row: the core's, with instants. */
export type AlarmTransition =
  | { type: 'raised'; alarm: Alarm }
  | { type: 'repeated' | 'unshelved' | 'unsuppressed'; at: Instant }
  | { type: 'cleared'; at: Instant; reason?: ClearReason }
  | { type: 'acknowledged' | 'suppressed'; at: Instant; by: string }
  | { type: 'shelved'; at: Instant; until: Instant; by: string; reason: string }
  | { type: 'reassessed'; at: Instant; severity: Alarm['severity']; certainty: number; why: Alarm['why'] }
  | { type: 'verdict'; at: Instant; value: 'confirmed' | 'false-alarm'; reason?: string; by: string }
  | { type: 'evidence-added'; at: Instant; evidence: Evidence }
  | { type: 'case-opened'; at: Instant; caseId: string }
  | ({ type: 'warned' } & Warning)
  | { type: 'told'; at: Instant; response: Response; notices: Notice[] }
  | { type: 'receipts'; at: Instant; receipts: Array<Partial<Notice> & Pick<Notice, 'id' | 'state'>> }
  | { type: 'seen'; at: Instant; by: string }
  | Answer

export function alarmToWire(alarm: CoreAlarm): Alarm {
  const { shelved, verdict, why, evidence, warnings, response, told, ...rest } = alarm
  return {
    ...withInstants(rest, 'raisedAt', 'decidedAt', 'lastSeenAt', 'clearedAt', 'acknowledgedAt'),
    state: alarmState(alarm),
    ...(shelved ? { shelved: withInstants(shelved, 'until') } : {}),
    ...(verdict ? { verdict: withInstants(verdict, 'at') } : {}),
    why: [...why],
    evidence: evidence.map(evidenceToWire),
    warnings: warnings.map(warningToWire),
    ...(response ? { response: responseToWire(response) } : {}),
    ...(told ? { told: told.map(noticeToWire) } : {}),
  }
}

function warningToWire({ phrases, ...warning }: CoreAlarm['warnings'][number]): Warning {
  return { ...withInstants(warning, 'at'), ...(phrases ? { phrases: [...phrases] } : {}) }
}

export function alarmTransitionToWire(transition: CoreAlarmTransition): AlarmTransition {
  switch (transition.type) {
    case 'raised':
      return { ...transition, alarm: alarmToWire(transition.alarm) }
    case 'evidence-added':
      return { ...withInstants(transition, 'at'), evidence: evidenceToWire(transition.evidence) }
    case 'shelved':
      return withInstants(transition, 'at', 'until')
    case 'reassessed':
      return { ...withInstants(transition, 'at'), why: [...transition.why] }
    case 'warned': {
      const { type, ...warning } = transition
      return { type, ...warningToWire(warning) }
    }
    case 'told':
      return {
        ...withInstants(transition, 'at'),
        response: responseToWire(transition.response),
        notices: transition.notices.map(noticeToWire),
      }
    case 'receipts':
      return {
        ...withInstants(transition, 'at'),
        receipts: transition.receipts.map((receipt) =>
          withInstants(receipt, 'triedAt', 'acceptedAt', 'deliveredAt', 'failedAt'),
        ),
      }
    case 'answered':
    case 'arrived':
    case 'resolved':
      return answerToWire(transition)
    default:
      return withInstants(transition, 'at')
  }
}
