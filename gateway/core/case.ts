import type { Actor, Refusal, Severity } from './alarm.ts'
import type { Place } from './place.ts'
import { refuse } from './refusal.ts'

/**
 * The six steps of a case (发现 立案 派遣 处置 核查 结案) and who may take them.
 *
 *   reported ─▶ filed ─▶ dispatched ─▶ accepted ─▶ handling ─▶ handled ─▶ verified ─▶ closed
 *      │          ▲           │                       ▲            │
 *      └▶rejected └──returned◀┘                       └──rework◀───┘
 *
 * Issuer: files or rejects, dispatches, verifies, sends back for rework, closes (谁发单、谁验收、谁结案).
 * Unit: accepts or returns with a reason, handles, reports handled with a note.
 * The issuer is the property while the case lives at level P and the upstream platform once it was reported to it.
 */
export const caseStates = [
  'reported',
  'filed',
  'rejected',
  'dispatched',
  'accepted',
  'returned',
  'handling',
  'handled',
  'rework',
  'verified',
  'closed',
] as const
export type CaseState = (typeof caseStates)[number]

/** Where a case lives: property, neighbourhood station, street centre, district centre. */
export const caseLevels = ['P', 'X', 'S', 'D'] as const
export type CaseLevel = (typeof caseLevels)[number]

export interface CaseTransition {
  to: CaseState
  at: number
  actor: Actor
  /** The side the actor speaks for. */
  role: 'issuer' | 'unit' | 'reporter'
  note?: string
  reason?: string
  attachments?: readonly string[]
  unit?: string
  respondBy?: number
  resolveBy?: number
  /** Same key, same transition: a repeat is answered, not applied again. */
  idempotencyKey?: string
}

export interface Case {
  id: string
  /** Per-site running number, for people: 2026-000123. */
  number: string
  /** Key of the disposal list. */
  type: string
  /** Matter code of the city's scheme, e.g. 09012. */
  code?: string
  title: string
  severity: Severity
  place: Place
  alarmIds: readonly string[]
  state: CaseState
  level: CaseLevel
  /** The upstream that issues this case; absent while the property issues it itself. */
  upstream?: string
  /** The platform's own number for it. */
  upstreamRef?: string
  unit?: string
  openedAt: number
  respondBy?: number
  resolveBy?: number
  closedAt?: number
  returnedCount: number
  reworkCount: number
  isUrged?: boolean
  /** When the limit that applied then was first found passed. */
  overdueAt?: number
  /** Newest last; all of them. */
  history: readonly CaseTransition[]
}

const moves: Record<CaseState, Partial<Record<CaseState, 'issuer' | 'unit'>>> = {
  reported: { filed: 'issuer', rejected: 'issuer' },
  filed: { dispatched: 'issuer' },
  rejected: {},
  dispatched: { accepted: 'unit', returned: 'unit' },
  returned: { filed: 'issuer', dispatched: 'issuer', rejected: 'issuer' },
  accepted: { handling: 'unit', returned: 'unit' },
  handling: { handled: 'unit' },
  handled: { verified: 'issuer', rework: 'issuer' },
  rework: { handling: 'unit' },
  verified: { closed: 'issuer' },
  closed: {},
}

const needsReason: ReadonlySet<CaseState> = new Set(['rejected', 'returned', 'rework'])

/** States from which nothing moves any more. */
export function isEnded(state: CaseState): boolean {
  return Object.keys(moves[state]).length === 0
}

/** The states this side may move the case to now. */
export function nextStates(current: CaseState, role: CaseTransition['role']): CaseState[] {
  return (Object.entries(moves[current]) as Array<[CaseState, string]>)
    .filter(([, who]) => who === role)
    .map(([state]) => state)
}

/** The case after a transition, or why it is refused. The case given is not changed. */
export function applyCase(current: Case, transition: CaseTransition): Case | Refusal {
  const who = moves[current.state][transition.to]
  if (!who) return refuse('case-step', { from: current.state, to: transition.to })
  if (who !== transition.role) return refuse('case-role', { role: who, to: transition.to })
  if (needsReason.has(transition.to) && !transition.reason?.trim())
    return refuse('case-without-reason', { to: transition.to })
  if (transition.to === 'handled' && !transition.note?.trim()) return refuse('case-without-note')
  return {
    ...current,
    state: transition.to,
    ...(transition.unit !== undefined ? { unit: transition.unit } : {}),
    ...(transition.respondBy !== undefined ? { respondBy: transition.respondBy } : {}),
    ...(transition.resolveBy !== undefined ? { resolveBy: transition.resolveBy } : {}),
    ...(transition.to === 'closed' || transition.to === 'rejected' ? { closedAt: transition.at } : {}),
    returnedCount: current.returnedCount + (transition.to === 'returned' ? 1 : 0),
    reworkCount: current.reworkCount + (transition.to === 'rework' ? 1 : 0),
    history: [...current.history, transition],
  }
}

/**
 * Hands a property's case to an upstream, which issues it from now on: it starts again as reported there, keeping its
 * history.
 */
export function escalateCase(
  current: Case,
  to: { level: Exclude<CaseLevel, 'P'>; upstream: string; at: number; actor: Actor; note: string },
): Case | Refusal {
  if (current.upstream) return refuse('case-reported', { upstream: current.upstream })
  if (isEnded(current.state)) return refuse('case-ended', { state: current.state })
  const step: CaseTransition = { to: 'reported', at: to.at, actor: to.actor, role: 'reporter', note: to.note }
  return { ...current, state: 'reported', level: to.level, upstream: to.upstream, history: [...current.history, step] }
}
