import { type Severity, severities } from '../gateway/core/alarm.ts'
import { atomically, type Database } from './database.ts'
import { longestPauseMs } from './gate.ts'

/**
 * What the platforms still have to be told. One row is one change of one case, or one piece of evidence.
 *
 *                 case lifted            picked             answered
 *   held ─────────────────────▶ waiting ───────▶ sending ─────────────▶ delivered
 *                                 ▲  ▲              │  │
 *                                 │  └── failed ────┘  │ refused for what it says
 *                                 │      (next_at)     ▼
 *                                 └───── resend ──── parked
 *
 *   held       The case lives at the property (level P). Its rows are kept, because a later journal row may lift it:
 *              then the whole history becomes due, in order, in the same transaction.
 *   waiting    Due, not before next_at (a clock that was set back does not count). Gets its place in the upstream's
 *              sequence (seq) when it enters this state for the first time and keeps it for ever.
 *   sending    A worker of this process holds it. After a crash or kill -9 nobody knows whether the platform got it:
 *              it goes back to waiting at the next start and is sent again under the same idempotency key.
 *   delivered  The platform answered. An opened case also stores the platform's number and puts the link into the
 *              inbox, all in one transaction.
 *   parked     The platform refused what the row says (its schema), or the evidence file is gone: nobody can deliver
 *              it without a person. Shown, counted, and sent again by `resend`. Later steps of this case wait behind
 *              it; evidence never holds up a step; other cases do not notice.
 *
 * Order. Within a case steps are sent strictly by id, the next one only after the one before was delivered; evidence
 * needs only the opened case. Between cases: priority (severity, opening before later steps), then age. So a fresh
 * incident never waits behind a backlog.
 *
 * Nothing leaves this table undelivered, whatever `attempts` says. Rows of ended cases are pruned long afterwards.
 */
export type OutboxState = 'held' | 'waiting' | 'sending' | 'delivered' | 'parked'
export type OutboxKind = 'open' | 'transition' | 'evidence'
/** Steps and evidence travel apart: a slow upload never holds up an incident. */
export type Lane = 'step' | 'evidence'

export interface OutboxRow {
  id: number
  caseId: string
  kind: OutboxKind
  idempotencyKey: string
  body: unknown
  /** The platform's number, for every kind but `open`. */
  ref?: string
  seq: number
  attempts: number
}

export interface ParkedRow {
  id: number
  caseId: string
  kind: OutboxKind
  upstream: string
  idempotencyKey: string
  attempts: number
  lastError: string
  hint?: string
  enqueuedAt: number
}

export interface OutboxCounts {
  waiting: number
  sending: number
  delivered: number
  parked: number
  /** Epoch ms; of what is waiting, sending or parked. */
  oldestAt?: number
}

export interface Outbox {
  /** Adds a row of a case already known; due at once when the case is routed. A key seen before changes nothing. */
  append(row: { caseId: string; kind: OutboxKind; idempotencyKey: string; body: unknown; at: number }): void
  /** Makes everything held of this case due at this upstream, in order. */
  release(caseId: string, upstream: string): void
  /** After the severity of a case changed. */
  reprioritise(caseId: string): void
  /** Picks the next row that may be sent now and marks it `sending`. */
  take(request: { upstream: string; lane: Lane; now: number; freshSince?: number }): OutboxRow | undefined
  delivered(id: number, at: number, ref?: string): void
  failed(id: number, nextAt: number, error: string, hint?: string): void
  /** Not an attempt: the process is stopping. */
  putBack(id: number): void
  park(id: number, error: string, hint?: string): void
  /** Sends a parked or waiting row again now. False when there is no such row. */
  resend(id: number): boolean
  /** Rows left `sending` by a process that died go back to waiting. Call it before the workers start. */
  recover(): number
  parked(limit: number): ParkedRow[]
  /** Rows that were tried often and have waited long while, it may be, everything else goes: somebody should look. */
  stuck(now: number, limit: number): ParkedRow[]
  counts(upstream: string): OutboxCounts
  /** Rows kept for cases that live at the property. */
  held(): number
  /** Highest sequence number given out to this upstream. */
  head(upstream: string): number
  /** Forgets cases that ended before `endedBefore` and have nothing left to deliver, and evidence no case asked for. */
  prune(endedBefore: number): number
}

/** Opening a case of at least this severity knocks once at a closed gate. */
const freshSeverity: Severity = 'high'
export const severityRank = (severity: Severity): number => severities.indexOf(severity)
const freshPriority = severityRank(freshSeverity) * 2

/** A row that was tried so often, and is so old, is not waiting for better times any more. */
export const stuckAttempts = 5
export const stuckAfterMs = 3600_000

/**
 * Whether a row's pause is over; takes :now and :longest, ms. A pause that ends further away than any is long was set by a
 * clock that has been set back since: waiting it out could take years.
 */
export const isDue = (row: string) => `(${row}.next_at <= :now OR ${row}.next_at > :now + :longest)`

const nextSql = (fresh: boolean) => `
  SELECT o.id, o.case_id AS caseId, o.kind, o.idempotency_key AS idempotencyKey, o.body, o.seq, o.attempts,
         c.upstream_ref AS ref
  FROM outbox o JOIN site_case c USING (case_id)
  WHERE o.state = 'waiting' AND o.upstream = :upstream AND (o.kind = 'evidence') = :isEvidence AND ${isDue('o')}
    AND (o.kind = 'open' OR c.upstream_ref IS NOT NULL)
    AND (o.kind = 'evidence' OR NOT EXISTS (
      SELECT 1 FROM outbox e
      WHERE e.case_id = o.case_id AND e.id < o.id AND e.state <> 'delivered' AND e.kind <> 'evidence'))
    ${fresh ? `AND o.kind = 'open' AND o.attempts = 0 AND o.priority >= ${freshPriority} AND o.enqueued_at >= :freshSince` : ''}
  ORDER BY o.priority DESC, o.id LIMIT 1`

const listSql = `
  SELECT id, case_id AS caseId, kind, upstream, idempotency_key AS idempotencyKey, attempts,
         coalesce(last_error, '') AS lastError, hint, enqueued_at AS enqueuedAt
  FROM outbox`

type ListedRow = Omit<ParkedRow, 'hint'> & { hint: string | null }
const toParked = ({ hint, ...row }: ListedRow): ParkedRow => ({ ...row, ...(hint === null ? {} : { hint }) })

/** @param pauseLimitMs no row is ever put off for longer */
export function createOutbox(database: Database, pauseLimitMs = longestPauseMs): Outbox {
  const sql = {
    caseOf: database.prepare('SELECT upstream, severity FROM site_case WHERE case_id = ?'),
    insert: database.prepare(`
      INSERT INTO outbox (case_id, kind, idempotency_key, body, state, priority, enqueued_at)
      SELECT :caseId, :kind, :idempotencyKey, :body, 'held', 2 * severity + (:kind = 'open'), :at
      FROM site_case WHERE case_id = :caseId
      ON CONFLICT (idempotency_key) DO NOTHING`),
    heldOf: database.prepare(`SELECT id FROM outbox WHERE case_id = ? AND state = 'held' ORDER BY id`),
    nextSeq: database.prepare('UPDATE upstream SET head = head + 1 WHERE name = ? RETURNING head'),
    release: database.prepare(`UPDATE outbox SET state = 'waiting', upstream = ?, seq = ? WHERE id = ?`),
    reprioritise: database.prepare(`
      UPDATE outbox SET priority = 2 * (SELECT severity FROM site_case c WHERE c.case_id = outbox.case_id) + (kind = 'open')
      WHERE case_id = ? AND state <> 'delivered'`),
    next: database.prepare(nextSql(false)),
    nextFresh: database.prepare(nextSql(true)),
    sending: database.prepare(`UPDATE outbox SET state = 'sending', attempts = attempts + 1 WHERE id = ?`),
    delivered: database.prepare(`
      UPDATE outbox SET state = 'delivered', delivered_at = ?, last_error = NULL, hint = NULL WHERE id = ?`),
    ref: database.prepare(`
      UPDATE site_case SET upstream_ref = ? WHERE case_id = (SELECT case_id FROM outbox WHERE id = ?)`),
    link: database.prepare(`
      INSERT INTO inbox (upstream, event_id, kind, case_id, case_seq, body, is_in_order, received_at)
      SELECT upstream, 'link', 'link', case_id, 0, json_object('upstreamRef', :ref), 1, :at FROM outbox WHERE id = :id
      ON CONFLICT DO NOTHING`),
    failed: database.prepare(`
      UPDATE outbox SET state = 'waiting', next_at = ?, last_error = ?, hint = ? WHERE id = ?`),
    putBack: database.prepare(`UPDATE outbox SET state = 'waiting', attempts = attempts - 1 WHERE id = ?`),
    park: database.prepare(`UPDATE outbox SET state = 'parked', last_error = ?, hint = ? WHERE id = ?`),
    resend: database.prepare(`
      UPDATE outbox SET state = 'waiting', next_at = 0 WHERE id = ? AND state IN ('parked', 'waiting')`),
    recover: database.prepare(`UPDATE outbox SET state = 'waiting' WHERE state = 'sending'`),
    parked: database.prepare(`${listSql} WHERE state = 'parked' ORDER BY id LIMIT ?`),
    stuck: database.prepare(`
      ${listSql} WHERE state = 'waiting' AND attempts >= ${stuckAttempts} AND enqueued_at <= ? ORDER BY id LIMIT ?`),
    counts: database.prepare(`
      SELECT state, count(*) AS n, min(enqueued_at) AS oldestAt FROM outbox WHERE upstream = ? GROUP BY state`),
    held: database.prepare(`SELECT count(*) AS n FROM outbox WHERE state = 'held'`),
    head: database.prepare('SELECT head FROM upstream WHERE name = ?'),
    prune: database.prepare(`
      DELETE FROM site_case WHERE ended_at < ?1 AND NOT EXISTS (
        SELECT 1 FROM outbox o WHERE o.case_id = site_case.case_id AND o.state IN ('waiting', 'sending', 'parked'))`),
    pruneInbox: database.prepare(`
      DELETE FROM inbox WHERE settled_at < ? AND case_id NOT IN (SELECT case_id FROM site_case)`),
    pruneEvidence: database.prepare(`
      DELETE FROM alarm_evidence WHERE created_at < ? AND alarm_id NOT IN (SELECT alarm_id FROM case_alarm)`),
  }

  function makeDue(id: number, upstream: string): void {
    const { head } = sql.nextSeq.get(upstream) as { head: number }
    sql.release.run(upstream, head, id)
  }

  return {
    append(row) {
      atomically(database, () => {
        const { changes, lastInsertRowid } = sql.insert.run({ ...row, body: JSON.stringify(row.body) })
        const { upstream } = sql.caseOf.get(row.caseId) as { upstream: string | null }
        if (changes > 0 && upstream !== null) makeDue(Number(lastInsertRowid), upstream)
      })
    },
    release(caseId, upstream) {
      atomically(database, () => {
        for (const { id } of sql.heldOf.all(caseId) as Array<{ id: number }>) makeDue(id, upstream)
      })
    },
    reprioritise: (caseId) => void sql.reprioritise.run(caseId),
    take({ upstream, lane, now, freshSince }) {
      return atomically(database, () => {
        const request = { upstream, isEvidence: lane === 'evidence' ? 1 : 0, now, longest: pauseLimitMs }
        const row = (
          freshSince === undefined ? sql.next.get(request) : sql.nextFresh.get({ ...request, freshSince })
        ) as (Omit<OutboxRow, 'ref' | 'body'> & { ref: string | null; body: string }) | undefined
        if (!row) return undefined
        sql.sending.run(row.id)
        const { ref, body, ...rest } = row
        return { ...rest, body: JSON.parse(body), attempts: row.attempts + 1, ...(ref === null ? {} : { ref }) }
      })
    },
    delivered(id, at, ref) {
      atomically(database, () => {
        sql.delivered.run(at, id)
        if (ref === undefined) return
        sql.ref.run(ref, id)
        sql.link.run({ id, ref, at })
      })
    },
    failed: (id, nextAt, error, hint) => void sql.failed.run(Math.round(nextAt), error, hint ?? null, id),
    putBack: (id) => void sql.putBack.run(id),
    park: (id, error, hint) => void sql.park.run(error, hint ?? null, id),
    resend: (id) => sql.resend.run(id).changes > 0,
    recover: () => Number(sql.recover.run().changes),
    parked: (limit) => (sql.parked.all(limit) as unknown as ListedRow[]).map(toParked),
    stuck: (now, limit) => (sql.stuck.all(now - stuckAfterMs, limit) as unknown as ListedRow[]).map(toParked),
    counts(upstream) {
      const rows = sql.counts.all(upstream) as Array<{ state: OutboxState; n: number; oldestAt: number }>
      const count = (state: OutboxState) => rows.find((row) => row.state === state)?.n ?? 0
      const open = rows.filter((row) => row.state !== 'delivered').map((row) => row.oldestAt)
      return {
        waiting: count('waiting'),
        sending: count('sending'),
        delivered: count('delivered'),
        parked: count('parked'),
        ...(open.length ? { oldestAt: Math.min(...open) } : {}),
      }
    },
    held: () => (sql.held.get() as { n: number }).n,
    head: (upstream) => (sql.head.get(upstream) as { head: number } | undefined)?.head ?? 0,
    prune(endedBefore) {
      return atomically(database, () => {
        const cases = Number(sql.prune.run(endedBefore).changes)
        sql.pruneInbox.run(endedBefore)
        sql.pruneEvidence.run(endedBefore)
        return cases
      })
    },
  }
}
