import {
  type Answer,
  addNotices,
  markNotices,
  type Notice,
  type Receipt,
  type Response,
  respond,
  takeReceipts,
} from './escalation.ts'
import type { Place } from './place.ts'
import { isRefusal, type Refusal, refuse } from './refusal.ts'

export { isRefusal, type Refusal } from './refusal.ts'

/**
 * Alarm life cycle after ISA-18.2 / IEC 62682.
 *
 * Two independent facts, active and acknowledged, give four states:
 *
 *   (none) ──raise──▶ active, unacknowledged ──acknowledge──▶ active, acknowledged
 *                        │ clear                                │ clear
 *                        ▼                                      ▼
 *              cleared, unacknowledged ───acknowledge──▶ normal (ended)
 *
 * Who settles an alarm (`resolved`, see escalation.ts) has acknowledged it: nobody need be told by a sound any more.
 * `repeat` counts another sighting of an active alarm; `reassess` says that it weighs more or less than it did. A person may shelve an active alarm for a time with a reason;
 * the design may suppress it (its camera is offline, its parent stands for it). A verdict (confirmed or false alarm
 * with a reason) may be given in any state, and given again: the journal keeps both.
 */
export type AlarmState = 'active-unacknowledged' | 'active-acknowledged' | 'cleared-unacknowledged' | 'normal'

export const severities = ['informational', 'low', 'medium', 'high', 'critical'] as const
export type Severity = (typeof severities)[number]

/** Whether one weighs more than the other. */
export const isHeavier = (one: Severity, other: Severity): boolean =>
  severities.indexOf(one) > severities.indexOf(other)

/** Its device was taken away, or stands somewhere else now; or it happened again after somebody had answered: a new alarm. */
export const clearReasons = ['device-removed', 'device-changed', 'happened-again'] as const
export type ClearReason = (typeof clearReasons)[number]

/** Who did something. `system` is the gateway itself; `person` somebody who answered by a link, without logging in. */
export interface Actor {
  type: 'system' | 'user' | 'bridge' | 'person'
  id: string
  organisation?: string
}

/** A sentence in data: the stable key of a message and its parameters. Who shows it puts it into words. */
export interface Phrase {
  key: string
  [parameter: string]: string | number
}

export interface Evidence {
  id: string
  /** `track`: what was measured, as JSON. */
  type: 'snapshot' | 'clip' | 'track'
  /** Shows windows and balconies unmasked: for admins only, and every look at it is recorded. */
  isRestricted?: true
  camera: string
  /** Epoch ms covered by the file, on the gateway's clock. */
  fromAt: number
  toAt: number
  contentType: string
  /** Path below the evidence folder. */
  file: string
  bytes: number
  sha256: string
  createdAt: number
  deletedAt?: number
}

export interface Alarm {
  id: string
  scene: string
  kind: string
  severity: Severity
  certainty: number
  place: Place
  source: { type: 'camera' | 'device'; id: string }
  /** Whom it concerns, where it concerns one person: the id of an elder. */
  person?: string
  /** When what was seen happened, on the clock of its frame or measurement. */
  raisedAt: number
  /** When the scene concluded it, on the gateway's clock: the start of every reaction time. */
  decidedAt?: number
  lastSeenAt: number
  count: number
  isActive: boolean
  clearedAt?: number
  /** Why it ended, where what it told of did not end by itself. */
  clearedReason?: ClearReason
  isAcknowledged: boolean
  acknowledgedAt?: number
  /** Account of the control room; person or account of who settled it where nobody had acknowledged before. */
  acknowledgedBy?: string
  shelved?: { until: number; by: string; reason: string }
  suppressedBy?: string
  verdict?: { value: 'confirmed' | 'false-alarm'; reason?: string; by: string; at: number }
  why: readonly Phrase[]
  evidence: readonly Evidence[]
  caseId?: string
  /** What the speakers answered, newest last, at most 20. */
  warnings: ReadonlyArray<{
    at: number
    speaker: string
    clip: string
    nth: number
    result: string
    /** The same as `result`, for translation; absent where only the words are known. */
    phrases?: readonly Phrase[]
    isDelivered: boolean
  }>
  /** Who is to answer, and whether somebody has; absent where nobody is told by message. */
  response?: Response
  /** Who was told on which channel and what came of it, newest last; the journal keeps what is dropped here. */
  told?: readonly Notice[]
}

export type AlarmTransition =
  | { type: 'raised'; alarm: Alarm }
  | { type: 'repeated'; at: number }
  | { type: 'acknowledged'; at: number; by: string }
  /** `reason` where it did not end by itself. */
  | { type: 'cleared'; at: number; reason?: ClearReason }
  | { type: 'shelved'; at: number; until: number; by: string; reason: string }
  | { type: 'unshelved'; at: number }
  | { type: 'suppressed'; at: number; by: string }
  | { type: 'unsuppressed'; at: number }
  /** More is known than when it was raised. */
  | { type: 'reassessed'; at: number; severity: Severity; certainty: number; why: readonly Phrase[] }
  | { type: 'verdict'; at: number; value: 'confirmed' | 'false-alarm'; reason?: string; by: string }
  | { type: 'evidence-added'; at: number; evidence: Evidence }
  | { type: 'case-opened'; at: number; caseId: string }
  | ({ type: 'warned' } & Alarm['warnings'][number])
  /** A step of the chain was taken. */
  | { type: 'told'; at: number; response: Response; notices: readonly Notice[] }
  | { type: 'receipts'; at: number; receipts: readonly Receipt[] }
  | { type: 'seen'; at: number; by: string }
  | Answer

/** The ISA-18.2 state the two facts give. */
export function alarmState(alarm: Alarm): AlarmState {
  if (alarm.isActive) return alarm.isAcknowledged ? 'active-acknowledged' : 'active-unacknowledged'
  return alarm.isAcknowledged ? 'normal' : 'cleared-unacknowledged'
}

/** So long an alarm is repeated as often as its scene sees it. */
const freshMs = 10 * 60_000
const longestUnrepeatedMs = 30 * 60_000

/**
 * Whether a further sight of an alarm is to be written down: each time while it is fresh, then at a tenth of its age, at
 * most half an hour apart. Each repeat is a row of the journal that is kept for ever, and a bin may be full for a week.
 */
export function isRepeatDue({ raisedAt, lastSeenAt }: Alarm, at: number): boolean {
  const ageMs = lastSeenAt - raisedAt
  return ageMs < freshMs || at - lastSeenAt >= Math.min(ageMs / 10, longestUnrepeatedMs)
}

const keptWarnings = 20

/** The alarm after a transition, or why the transition is refused. The alarm given is not changed. */
export function applyAlarm(alarm: Alarm, transition: Exclude<AlarmTransition, { type: 'raised' }>): Alarm | Refusal {
  switch (transition.type) {
    case 'repeated':
      if (!alarm.isActive) return refuse('alarm-cannot-repeat')
      return { ...alarm, count: alarm.count + 1, lastSeenAt: Math.max(alarm.lastSeenAt, transition.at) }
    case 'acknowledged':
      if (alarm.isAcknowledged) return refuse('alarm-acknowledged', { by: alarm.acknowledgedBy ?? '' })
      return {
        ...answeredBy(alarm, 'answered', transition),
        isAcknowledged: true,
        acknowledgedAt: transition.at,
        acknowledgedBy: transition.by,
      }
    case 'cleared': {
      if (!alarm.isActive) return refuse('alarm-cleared')
      const { shelved: _, suppressedBy: __, ...rest } = alarm
      const { at, reason } = transition
      return { ...rest, isActive: false, clearedAt: at, ...(reason === undefined ? {} : { clearedReason: reason }) }
    }
    case 'shelved':
      if (!alarm.isActive) return refuse('shelving-inactive')
      if (!transition.reason.trim()) return refuse('shelving-without-reason')
      if (transition.until <= transition.at) return refuse('shelving-in-the-past')
      return { ...alarm, shelved: { until: transition.until, by: transition.by, reason: transition.reason } }
    case 'unshelved': {
      if (!alarm.shelved) return refuse('not-shelved')
      const { shelved: _, ...rest } = alarm
      return rest
    }
    case 'suppressed':
      return { ...alarm, suppressedBy: transition.by }
    case 'unsuppressed': {
      if (!alarm.suppressedBy) return refuse('not-suppressed')
      const { suppressedBy: _, ...rest } = alarm
      return rest
    }
    case 'reassessed': {
      if (!alarm.isActive) return refuse('alarm-not-reassessed')
      const { severity, certainty, why, at } = transition
      const lastSeenAt = Math.max(alarm.lastSeenAt, at)
      return { ...alarm, severity, certainty, why, lastSeenAt, ...withWorst(alarm, severity) }
    }
    case 'verdict': {
      if (transition.value === 'false-alarm' && !transition.reason?.trim()) return refuse('verdict-without-reason')
      const { value, by, at, reason } = transition
      const answered = answeredBy(alarm, value === 'false-alarm' ? 'resolved' : 'answered', { by, at })
      return { ...answered, verdict: { value, by, at, ...(reason ? { reason } : {}) } }
    }
    case 'evidence-added':
      return { ...alarm, evidence: [...alarm.evidence, transition.evidence] }
    case 'case-opened':
      if (alarm.caseId) return refuse('alarm-has-case', { id: alarm.caseId })
      return { ...alarm, caseId: transition.caseId }
    case 'warned': {
      const { type: _, ...warning } = transition
      return { ...alarm, warnings: [...alarm.warnings, warning].slice(-keptWarnings) }
    }
    case 'told':
      return { ...alarm, response: transition.response, told: addNotices(alarm.told ?? [], transition.notices) }
    case 'receipts':
      return { ...alarm, ...takeReceipts(alarm, transition.receipts, transition.at) }
    case 'seen':
      return { ...alarm, told: markNotices(alarm.told, transition.by, 'seenAt', transition.at) }
    case 'answered':
    case 'arrived':
    case 'resolved': {
      if (!alarm.response) return refuse('nobody-asked')
      const response = respond(alarm.response, transition)
      if (isRefusal(response)) return response
      const { type, by, at } = transition
      const told = markNotices(markNotices(alarm.told, by, 'seenAt', at), by, 'answeredAt', at)
      const isFirst = type === 'resolved' && !alarm.isAcknowledged
      const acknowledged = isFirst ? { isAcknowledged: true, acknowledgedAt: at, acknowledgedBy: by } : {}
      return { ...alarm, response, told, ...acknowledged }
    }
  }
}

/** Whoever settles an alarm judges what it was until then. */
function withWorst({ response, severity: before }: Alarm, severity: Severity): Pick<Alarm, 'response'> {
  if (!response) return {}
  const worst = response.worst ?? before
  return {
    response: { ...response, worst: response.state !== 'resolved' && isHeavier(severity, worst) ? severity : worst },
  }
}

/** What the control room does at its console is an answer too. */
function answeredBy(alarm: Alarm, type: Answer['type'], { by, at }: { by: string; at: number }): Alarm {
  if (!alarm.response || (type === 'answered' && alarm.response.state !== 'calling')) return alarm
  const response = respond(alarm.response, { type, at, by, via: 'console' })
  return isRefusal(response) ? alarm : { ...alarm, response }
}
