import { atomically, type Database } from './database.ts'
import { longestPauseMs } from './gate.ts'
import { isDue, stuckAfterMs, stuckAttempts } from './outbox.ts'
import type { UnreadableEvent, UpstreamEvent } from './upstream.ts'

/**
 * What the gateway still has to be told: the platform's number of a case (link) and what the platform did (event).
 *
 *   waiting ──── gateway took it (or had it already) ────▶ applied
 *      ▲ │
 *      │ └────── gateway refused it (409, 404, 422) ─────▶ refused    kept, counted and shown; never retried
 *      └ gateway away, busy or turns the bridge away (next_at)
 *
 * An event about a case that was reported to another platform, or under another number, is refused without asking.
 * A polled event that is not what the dialect's reference says is refused as it comes: it is kept and shown, and holds up
 * neither the cursor nor the other events.
 *
 * Rows are stored in the same transaction as the poll cursor, so a cursor never passes an event that is not here; a
 * webhook is answered only after its rows are stored. The same event from both is one row.
 *
 * Order. Within a case by case_seq, each after the one before was settled. The link (case_seq 0) goes first, and events
 * wait while the bridge itself has not heard the platform's answer to opening the case. A webhook may overtake another:
 * its event waits until the gap is filled, at the latest by the next poll, which leaves nothing out (is_in_order).
 */
export interface InboxRow {
  id: number
  upstream: string
  kind: 'link' | 'event'
  eventId: string
  caseId: string
  body: unknown
  attempts: number
  /** Epoch ms. */
  receivedAt: number
}

export interface RefusedRow {
  id: number
  upstream: string
  eventId: string
  caseId: string
  body: unknown
  lastError: string
  receivedAt: number
}

/** What waits for the gateway although it was tried often and long ago. */
export interface StuckEvent extends Omit<RefusedRow, 'body'> {
  attempts: number
}

export interface Inbox {
  /** Stores events and, when they came by polling, the cursor behind them. Returns how many were new. */
  receive(upstream: string, events: readonly UpstreamEvent[], at: number, cursor?: string): number
  /** Stores events nobody can read as refused. Returns those that were new. */
  receiveUnreadable(upstream: string, events: readonly UnreadableEvent[], at: number): UnreadableEvent[]
  cursor(upstream: string): string | undefined
  next(now: number): InboxRow | undefined
  /** Why an event is about a case that is not this platform's; undefined while the bridge knows nothing against it. */
  whyForeign(row: InboxRow): string | undefined
  applied(id: number, at: number): void
  refused(id: number, at: number, why: string): void
  failed(id: number, nextAt: number, error: string): void
  counts(): { waiting: number; applied: number; refused: number }
  refusals(limit: number): RefusedRow[]
  refusedSince(at: number): number
  stuck(now: number, limit: number): StuckEvent[]
}

/** @param pauseLimitMs no row is ever put off for longer */
export function createInbox(database: Database, pauseLimitMs = longestPauseMs): Inbox {
  const sql = {
    insert: database.prepare(`
      INSERT INTO inbox (upstream, event_id, kind, case_id, case_seq, body, is_in_order, received_at)
      VALUES (:upstream, :eventId, 'event', :caseId, :caseSeq, :body, :isInOrder, :at)
      ON CONFLICT DO UPDATE SET is_in_order = 1 WHERE excluded.is_in_order = 1 AND is_in_order = 0`),
    insertUnreadable: database.prepare(`
      INSERT INTO inbox (upstream, event_id, kind, case_id, case_seq, body, is_in_order, state, last_error, received_at,
                         settled_at)
      VALUES (:upstream, :id, 'event', :caseId, :caseSeq, :body, 1, 'refused', :problem, :at, :at)
      ON CONFLICT DO NOTHING`),
    exists: database.prepare('SELECT 1 FROM inbox WHERE upstream = ? AND case_id = ? AND event_id = ?'),
    setCursor: database.prepare('UPDATE upstream SET poll_cursor = ? WHERE name = ?'),
    cursor: database.prepare('SELECT poll_cursor AS cursor FROM upstream WHERE name = ?'),
    next: database.prepare(`
      SELECT i.id, i.upstream, i.kind, i.event_id AS eventId, i.case_id AS caseId, i.body, i.attempts,
             i.received_at AS receivedAt
      FROM inbox i
      WHERE i.state = 'waiting' AND ${isDue('i')}
        AND NOT EXISTS (SELECT 1 FROM inbox e WHERE e.case_id = i.case_id AND e.upstream = i.upstream
                          AND e.case_seq < i.case_seq AND e.state = 'waiting')
        AND (i.is_in_order = 1 OR i.case_seq = 1
             OR EXISTS (SELECT 1 FROM inbox e WHERE e.case_id = i.case_id AND e.upstream = i.upstream
                          AND e.case_seq = i.case_seq - 1))
        AND NOT EXISTS (SELECT 1 FROM site_case c WHERE c.case_id = i.case_id AND c.upstream = i.upstream
                          AND c.upstream_ref IS NULL)
      ORDER BY i.id LIMIT 1`),
    owner: database.prepare('SELECT upstream, upstream_ref AS ref FROM site_case WHERE case_id = ?'),
    settle: database.prepare(`
      UPDATE inbox SET state = ?, settled_at = ?, last_error = ?, attempts = attempts + 1 WHERE id = ?`),
    failed: database.prepare(`
      UPDATE inbox SET next_at = ?, last_error = ?, attempts = attempts + 1 WHERE id = ?`),
    counts: database.prepare('SELECT state, count(*) AS n FROM inbox GROUP BY state'),
    refusedSince: database.prepare(`SELECT count(*) AS n FROM inbox WHERE state = 'refused' AND settled_at >= ?`),
    stuck: database.prepare(`
      SELECT id, upstream, event_id AS eventId, case_id AS caseId, coalesce(last_error, '') AS lastError,
             received_at AS receivedAt, attempts
      FROM inbox WHERE state = 'waiting' AND attempts >= ${stuckAttempts} AND received_at <= ? ORDER BY id LIMIT ?`),
    refusals: database.prepare(`
      SELECT id, upstream, event_id AS eventId, case_id AS caseId, body, last_error AS lastError,
             received_at AS receivedAt
      FROM inbox WHERE state = 'refused' ORDER BY id DESC LIMIT ?`),
  }
  const parse = <T extends { body: unknown }>(row: T): T => ({ ...row, body: JSON.parse(row.body as string) })
  return {
    receive(upstream, events, at, cursor) {
      return atomically(database, () => {
        let added = 0
        for (const event of events) {
          if (!sql.exists.get(upstream, event.caseId, event.id)) added += 1
          sql.insert.run({
            upstream,
            eventId: event.id,
            caseId: event.caseId,
            caseSeq: event.caseSeq,
            body: JSON.stringify(event),
            isInOrder: cursor === undefined ? 0 : 1,
            at,
          })
        }
        if (cursor !== undefined) sql.setCursor.run(cursor, upstream)
        return added
      })
    },
    receiveUnreadable: (upstream, events, at) =>
      atomically(database, () =>
        events.filter(({ body, ...event }) => {
          const row = { ...event, upstream, body: JSON.stringify(body), at }
          return sql.insertUnreadable.run(row).changes > 0
        }),
      ),
    cursor: (upstream) => (sql.cursor.get(upstream) as { cursor: string | null } | undefined)?.cursor ?? undefined,
    next(now) {
      const row = sql.next.get({ now, longest: pauseLimitMs }) as InboxRow | undefined
      return row && parse(row)
    },
    whyForeign({ kind, caseId, upstream, body }) {
      const owner = sql.owner.get(caseId) as { upstream: string | null; ref: string | null } | undefined
      // Of a case that was not reported yet the gateway decides: the journal may be on its way.
      if (kind === 'link' || !owner || owner.upstream === null) return undefined
      if (owner.upstream !== upstream) return `the case was reported to ${owner.upstream}, not to ${upstream}`
      const { ref } = body as UpstreamEvent
      if (owner.ref !== null && owner.ref !== ref) return `the case is ${owner.ref} at ${upstream}, not ${ref}`
      return undefined
    },
    applied: (id, at) => void sql.settle.run('applied', at, null, id),
    refused: (id, at, why) => void sql.settle.run('refused', at, why, id),
    failed: (id, nextAt, error) => void sql.failed.run(Math.round(nextAt), error, id),
    counts() {
      const rows = sql.counts.all() as Array<{ state: string; n: number }>
      const count = (state: string) => rows.find((row) => row.state === state)?.n ?? 0
      return { waiting: count('waiting'), applied: count('applied'), refused: count('refused') }
    },
    refusedSince: (at) => (sql.refusedSince.get(at) as { n: number }).n,
    stuck: (now, limit) => sql.stuck.all(now - stuckAfterMs, limit) as unknown as StuckEvent[],
    refusals: (limit) => (sql.refusals.all(limit) as RefusedRow[]).map(parse),
  }
}
