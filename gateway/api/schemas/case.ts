import { type Static, Type } from 'typebox'
import {
  type Case as CoreCase,
  type CaseTransition as CoreCaseTransition,
  caseLevels,
  caseStates,
  isEnded,
  nextStates,
} from '../../core/case.ts'
import { Actor } from './actor.ts'
import { Severity } from './alarm.ts'
import { Instant, withInstants } from './instant.ts'
import { Id, Place } from './place.ts'

export const CaseState = Type.Enum([...caseStates])
export type CaseState = Static<typeof CaseState>

export const CaseLevel = Type.Enum([...caseLevels], {
  description: 'P property, X neighbourhood station, S street centre, D district centre',
})
export type CaseLevel = Static<typeof CaseLevel>

export const CaseRole = Type.Enum(['issuer', 'unit', 'reporter'])
export type CaseRole = Static<typeof CaseRole>

export const CaseTransition = Type.Object(
  {
    to: CaseState,
    at: Instant,
    actor: Actor,
    role: CaseRole,
    note: Type.Optional(Type.String()),
    reason: Type.Optional(Type.String()),
    attachments: Type.Optional(Type.Array(Type.String())),
    unit: Type.Optional(Type.String()),
    respondBy: Type.Optional(Instant),
    resolveBy: Type.Optional(Instant),
    idempotencyKey: Type.Optional(Type.String()),
  },
  { title: 'CaseTransition' },
)
export type CaseTransition = Static<typeof CaseTransition>

export const Case = Type.Object(
  {
    id: Id,
    number: Type.String({ description: 'running number of the site and year, for people: 2026-000123' }),
    type: Type.String({ description: 'key of the disposal list' }),
    code: Type.Optional(Type.String({ description: "matter code of the city's scheme" })),
    title: Type.String(),
    severity: Severity,
    place: Place,
    alarmIds: Type.Array(Id),
    state: CaseState,
    isOpen: Type.Boolean({ description: 'whether anything can still move it' }),
    nextStates: Type.Object(
      { issuer: Type.Array(CaseState), unit: Type.Array(CaseState) },
      { description: 'where each side may move it now' },
    ),
    level: CaseLevel,
    upstream: Type.Optional(
      Type.String({ description: 'the platform that issues it; absent while the property does' }),
    ),
    upstreamRef: Type.Optional(Type.String()),
    unit: Type.Optional(Type.String()),
    openedAt: Instant,
    respondBy: Type.Optional(Instant),
    resolveBy: Type.Optional(Instant),
    closedAt: Type.Optional(Instant),
    overdueAt: Type.Optional(Instant),
    returnedCount: Type.Integer({ minimum: 0 }),
    reworkCount: Type.Integer({ minimum: 0 }),
    isUrged: Type.Optional(Type.Boolean()),
    history: Type.Array(CaseTransition, { description: 'newest last, all of them' }),
  },
  { title: 'Case' },
)
export type Case = Static<typeof Case>

/** What a case row of the journal did: a step, or something else that changed the case (opened, linked, reported). */
export type CaseJournalTransition = CaseTransition | { type: string; at: Instant; [parameter: string]: unknown }

/** Body of `POST /cases/:id/transitions`. `at` and `actorName` are for the bridge, which speaks for others. */
export const TransitionRequest = Type.Object(
  {
    to: CaseState,
    role: Type.Optional(CaseRole),
    note: Type.Optional(Type.String({ maxLength: 4000 })),
    reason: Type.Optional(Type.String({ maxLength: 4000 })),
    attachments: Type.Optional(Type.Array(Id, { maxItems: 32 })),
    unit: Type.Optional(Type.String({ maxLength: 200 })),
    respondBy: Type.Optional(Instant),
    resolveBy: Type.Optional(Instant),
    at: Type.Optional(Instant),
    idempotencyKey: Type.Optional(Type.String({ minLength: 1, maxLength: 200 })),
    actorName: Type.Optional(Type.String({ minLength: 1, maxLength: 200 })),
    organisation: Type.Optional(Type.String({ minLength: 1, maxLength: 200 })),
  },
  { additionalProperties: false, title: 'TransitionRequest' },
)
export type TransitionRequest = Static<typeof TransitionRequest>

/** Body of `POST /cases/:id/upstream`: the platform took the case over under its own number. */
export const UpstreamLink = Type.Object(
  {
    upstream: Type.String({ minLength: 1, maxLength: 128 }),
    upstreamRef: Type.String({ minLength: 1, maxLength: 200 }),
  },
  { additionalProperties: false, title: 'UpstreamLink' },
)
export type UpstreamLink = Static<typeof UpstreamLink>

export function caseTransitionToWire(transition: CoreCaseTransition): CaseTransition {
  const { attachments, ...rest } = transition
  return {
    ...withInstants(rest, 'at', 'respondBy', 'resolveBy'),
    ...(attachments ? { attachments: [...attachments] } : {}),
  }
}

export function caseToWire(current: CoreCase): Case {
  const { alarmIds, history, ...rest } = current
  return {
    ...withInstants(rest, 'openedAt', 'respondBy', 'resolveBy', 'closedAt', 'overdueAt'),
    alarmIds: [...alarmIds],
    isOpen: !isEnded(current.state),
    nextStates: { issuer: nextStates(current.state, 'issuer'), unit: nextStates(current.state, 'unit') },
    history: history.map(caseTransitionToWire),
  }
}
