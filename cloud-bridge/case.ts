import { type Static, Type } from 'typebox'
import { Value } from 'typebox/value'
import { severities } from '../gateway/core/alarm.ts'
import { caseLevels, caseStates, isEnded } from '../gateway/core/case.ts'
import { atomically, type Database } from './database.ts'
import { definedOnly } from './defined.ts'
import { type Outbox, severityRank } from './outbox.ts'
import type { CaseReport, SiteTransition, TransitionReport } from './upstream.ts'

/*
 * From a row of the gateway's journal to rows of the outbox. Which cases go up is the gateway's decision: those it
 * lifted above level P. What the bridge itself wrote into a case never goes back up.
 */

const Instant = Type.String({ pattern: '^\\d{4}-\\d\\d-\\d\\dT.*Z$' })
const Actor = Type.Object({
  type: Type.Union(['system', 'user', 'bridge', 'person'].map((type) => Type.Literal(type))),
  id: Type.String(),
  organisation: Type.Optional(Type.String()),
})
const State = Type.Union(caseStates.map((state) => Type.Literal(state)))
const Step = Type.Object({
  to: State,
  at: Instant,
  role: Type.Union([Type.Literal('issuer'), Type.Literal('unit'), Type.Literal('reporter')]),
  note: Type.Optional(Type.String()),
  reason: Type.Optional(Type.String()),
  attachments: Type.Optional(Type.Array(Type.String())),
  unit: Type.Optional(Type.String()),
  respondBy: Type.Optional(Instant),
  resolveBy: Type.Optional(Instant),
})
const text = Type.Optional(Type.String())
const SiteCase = Type.Object({
  id: Type.String({ minLength: 1 }),
  number: Type.String(),
  type: Type.String(),
  code: text,
  title: Type.String(),
  severity: Type.Union(severities.map((severity) => Type.Literal(severity))),
  place: Type.Object({ site: Type.String(), building: text, unit: text, floor: text, lift: text, gridCell: text }),
  alarmIds: Type.Array(Type.String()),
  state: State,
  level: Type.Union(caseLevels.map((level) => Type.Literal(level))),
  upstream: text,
  unit: text,
  openedAt: Instant,
  respondBy: Type.Optional(Instant),
  resolveBy: Type.Optional(Instant),
})

/** One journal entry as the gateway's API gives it: instants are ISO 8601. */
export const JournalRow = Type.Object({
  seq: Type.Integer({ minimum: 1 }),
  at: Instant,
  topic: Type.String(),
  subject: Type.String(),
  transition: Type.String(),
  actor: Actor,
  data: Type.Record(Type.String(), Type.Unknown()),
  hash: Type.String(),
})
export type JournalRow = Static<typeof JournalRow>

/** A step has `to`; anything else that happens to a case (lifted, linked, urged) has only a type. */
const CaseRow = Type.Object({
  case: SiteCase,
  transition: Type.Union([Step, Type.Object({ type: Type.String() })]),
})

const EvidenceAdded = Type.Object({
  transition: Type.Object({
    type: Type.Literal('evidence-added'),
    evidence: Type.Object({
      id: Type.String({ minLength: 1 }),
      type: Type.Union([Type.Literal('snapshot'), Type.Literal('clip')]),
      contentType: Type.String(),
      camera: Type.String(),
      fromAt: Instant,
      toAt: Instant,
      sha256: Type.String({ pattern: '^[0-9a-f]{64}$' }),
      isRestricted: Type.Optional(Type.Boolean()),
    }),
  }),
})

/** What the outbox keeps of a piece of evidence; the file itself stays at the gateway until it is sent. */
export interface EvidenceFacts {
  caseId: string
  evidenceId: string
  type: 'snapshot' | 'clip' | 'photo'
  contentType?: string
  sha256?: string
  camera?: string
  fromAt?: number
  toAt?: number
}

export interface CaseTakerOptions {
  site: string
  /** Configured upstreams, in order; cases for which the gateway names none go to the first. */
  upstreams: readonly string[]
  /** What of the cameras' evidence may leave the site. */
  evidence: 'none' | 'snapshot' | 'all'
}

/** Why a journal row cannot be understood. The bridge stops at it rather than leave a case out. */
export class UnreadableRowError extends Error {
  constructor(row: JournalRow, problem: string) {
    super(`journal row ${row.seq} (${row.topic} ${row.transition}) cannot be read: ${problem}`)
    this.name = 'UnreadableRowError'
  }
}

export interface CaseTaker {
  /** Takes one journal row in. Part of the caller's transaction. */
  take(row: JournalRow): void
  /** Makes cases due whose upstream has been configured since; returns how many still have nowhere to go. */
  routeAll(): number
}

export function createCaseTaker(database: Database, outbox: Outbox, options: CaseTakerOptions): CaseTaker {
  const sql = {
    known: database.prepare('SELECT upstream, severity FROM site_case WHERE case_id = ?'),
    put: database.prepare(`
      INSERT INTO site_case (case_id, is_due, wanted_upstream, severity, ended_at)
      VALUES (:id, :isDue, :wanted, :severity, :endedAt)
      ON CONFLICT (case_id) DO UPDATE SET is_due = max(is_due, excluded.is_due), severity = excluded.severity,
        wanted_upstream = coalesce(excluded.wanted_upstream, wanted_upstream), ended_at = excluded.ended_at`),
    route: database.prepare('UPDATE site_case SET upstream = ? WHERE case_id = ?'),
    unrouted: database.prepare(`
      SELECT case_id AS id, wanted_upstream AS wanted FROM site_case WHERE is_due = 1 AND upstream IS NULL`),
    putAlarm: database.prepare('INSERT OR IGNORE INTO case_alarm (alarm_id, case_id) VALUES (?, ?)'),
    putEvidence: database.prepare(
      'INSERT OR IGNORE INTO alarm_evidence (evidence_id, alarm_id, facts, created_at) VALUES (?, ?, ?, ?)',
    ),
    evidenceOfCase: database.prepare(`
      SELECT e.evidence_id AS id, e.facts FROM alarm_evidence e JOIN case_alarm a USING (alarm_id)
      WHERE a.case_id = ? ORDER BY e.created_at, e.evidence_id`),
    casesOfAlarm: database.prepare('SELECT case_id AS id FROM case_alarm WHERE alarm_id = ?'),
  }

  function takeCase(row: JournalRow): void {
    const data = row.data
    if (!Value.Check(CaseRow, data))
      throw new UnreadableRowError(row, Value.Errors(CaseRow, data)[0]?.message ?? 'not a case row')
    const { case: current, transition } = data
    const known = sql.known.get(current.id) as { upstream: string | null; severity: number } | undefined
    const severity = severityRank(current.severity)
    sql.put.run({
      id: current.id,
      isDue: current.level === 'P' ? 0 : 1,
      wanted: current.upstream ?? null,
      severity,
      endedAt: isEnded(current.state) ? Date.parse(row.at) : null,
    })
    if (known && known.severity !== severity) outbox.reprioritise(current.id)
    for (const alarmId of current.alarmIds) sql.putAlarm.run(alarmId, current.id)
    const key = `${options.site}:${current.id}:${row.seq}`
    const at = Date.parse(row.at)
    if (row.actor.type !== 'bridge') {
      const step = toStep(row, current, transition)
      if (!known) {
        const body: CaseReport = toReport(current, step ?? { ...base(row), to: current.state, role: 'reporter', at })
        outbox.append({ caseId: current.id, kind: 'open', idempotencyKey: key, body, at })
      } else if (step) {
        const body: TransitionReport = { caseId: current.id, transition: step }
        outbox.append({ caseId: current.id, kind: 'transition', idempotencyKey: key, body, at })
      }
      for (const id of step?.attachments ?? [])
        appendEvidence({ caseId: current.id, evidenceId: id, type: 'photo' }, at)
    }
    if (current.level !== 'P' && !known?.upstream) route(current.id, current.upstream)
    for (const { id, facts } of sql.evidenceOfCase.all(current.id) as Array<{ id: string; facts: string }>)
      appendEvidence({ ...JSON.parse(facts), caseId: current.id, evidenceId: id }, at)
  }

  function takeAlarm(row: JournalRow): void {
    if (!Value.Check(EvidenceAdded, row.data)) return
    const { id, fromAt, toAt, sha256, type, contentType, camera, isRestricted } = row.data.transition.evidence
    // What shows windows unmasked leaves the site only in an admin's hands.
    if (isRestricted) return
    const facts = { type, contentType, camera, sha256, fromAt: Date.parse(fromAt), toAt: Date.parse(toAt) }
    const at = Date.parse(row.at)
    sql.putEvidence.run(id, row.subject, JSON.stringify(facts), at)
    for (const { id: caseId } of sql.casesOfAlarm.all(row.subject) as Array<{ id: string }>)
      appendEvidence({ ...facts, caseId, evidenceId: id }, at)
  }

  function appendEvidence(facts: EvidenceFacts, at: number): void {
    // Photographs of the handling are asked for by name; what cameras saw goes up only as far as the site allows.
    const { evidence } = options
    if (facts.type !== 'photo' && (evidence === 'none' || (evidence === 'snapshot' && facts.type === 'clip'))) return
    const idempotencyKey = `${options.site}:${facts.caseId}:evidence-${facts.evidenceId}`
    outbox.append({ caseId: facts.caseId, kind: 'evidence', idempotencyKey, body: facts, at })
  }

  function route(caseId: string, wanted: string | undefined): boolean {
    // A name nobody knows waits for its configuration: the wrong city must not get the case.
    const name =
      wanted === undefined ? options.upstreams[0] : options.upstreams.find((candidate) => candidate === wanted)
    if (name === undefined) return false
    sql.route.run(name, caseId)
    outbox.release(caseId, name)
    return true
  }

  return {
    take(row) {
      if (row.topic === 'case') takeCase(row)
      else if (row.topic === 'alarm') takeAlarm(row)
    },
    routeAll() {
      return atomically(database, () => {
        const cases = sql.unrouted.all() as Array<{ id: string; wanted: string | null }>
        return cases.filter(({ id, wanted }) => !route(id, wanted ?? undefined)).length
      })
    },
  }
}

const instant = (value: string | undefined) => (value === undefined ? undefined : Date.parse(value))

function base(row: JournalRow): Pick<SiteTransition, 'id' | 'actor'> {
  return { id: String(row.seq), actor: row.actor as SiteTransition['actor'] }
}

function toStep(
  row: JournalRow,
  current: Static<typeof SiteCase>,
  transition: Static<typeof CaseRow>['transition'],
): SiteTransition | undefined {
  if (!('to' in transition)) return undefined
  const { to, role, at, note, reason, attachments } = transition
  return definedOnly({
    ...base(row),
    to,
    role,
    at: Date.parse(at),
    note,
    reason,
    attachments,
    unit: transition.unit ?? (to === 'dispatched' ? current.unit : undefined),
    respondBy: instant(transition.respondBy),
    resolveBy: instant(transition.resolveBy),
  })
}

function toReport(current: Static<typeof SiteCase>, transition: SiteTransition): CaseReport {
  const { id, number, type, title, severity, level, place, alarmIds } = current
  return definedOnly({
    case: definedOnly({
      id,
      number,
      type,
      title,
      severity,
      level,
      place: cityPlace(place),
      alarmIds,
      openedAt: Date.parse(current.openedAt),
      respondBy: instant(current.respondBy),
      resolveBy: instant(current.resolveBy),
    }),
    code: current.code,
    unit: current.unit,
    transition,
  })
}

/** Where, as far as the city is told: never the home. */
function cityPlace({ site, building, unit, floor, lift, gridCell }: Static<typeof SiteCase>['place']) {
  return definedOnly({ site, building, unit, floor, lift, gridCell })
}
