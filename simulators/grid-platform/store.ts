import { randomUUID } from 'node:crypto'
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync, type DatabaseSyncInstance } from '@photostructure/sqlite'
import type { CaseReport, EvidenceMeta, State, Transition } from './messages.ts'

export interface GridCase {
  ref: string
  site: string
  caseId: string
  state: State
  handledBy: '' | 'property' | 'street'
  report: CaseReport
  openedAt: number
  reworkCount: number
  nextAt: number | null
}

export interface HistoryRow {
  origin: 'site' | 'platform'
  to: State
  role: string
  at: number
  receivedAt: number
  isApplied: boolean
  details: { actorName?: string; organisation?: string; unit?: string; note?: string; reason?: string }
}

/** A step of the platform or of a street unit; the site hears of it. */
export interface Move {
  to: State
  role: 'issuer' | 'unit'
  actorName: string
  organisation: string
  unit?: string
  note?: string
  reason?: string
  respondBy?: number
  resolveBy?: number
}

export interface EventRow {
  seq: number
  id: string
  site: string
  body: string
  tries: number
}

export interface StreamReport {
  stream: string
  received: number
  highest: number
  head: number
  missing: Array<[number, number]>
}

export type Store = ReturnType<typeof createStore>

const caseColumns = `ref, site, case_id AS caseId, state, handled_by AS handledBy, report, opened_at AS openedAt,
  rework_count AS reworkCount, next_at AS nextAt`

/** The platform's books: SQLite, every commit on the disk before the answer leaves. */
export function createStore(dataDir: string) {
  mkdirSync(join(dataDir, 'evidence'), { recursive: true })
  const database: DatabaseSyncInstance = new DatabaseSync(join(dataDir, 'grid-platform.sqlite'))
  database.exec('PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL')
  database.exec('PRAGMA foreign_keys = ON')
  if ((database.prepare('PRAGMA user_version').get() as { user_version: number }).user_version === 0)
    transact(() => {
      database.exec(readFileSync(new URL('./migrations/001-platform.sql', import.meta.url), 'utf8'))
      database.exec('PRAGMA user_version = 1')
    })

  function transact<T>(work: () => T): T {
    if (database.isTransaction) return work()
    database.exec('BEGIN IMMEDIATE')
    try {
      const result = work()
      database.exec('COMMIT')
      return result
    } catch (error) {
      if (database.isTransaction) database.exec('ROLLBACK')
      throw error
    }
  }

  const all = <T>(sql: string, ...values: Array<string | number | null>) => database.prepare(sql).all(...values) as T[]
  const run = (sql: string, ...values: Array<string | number | null>) =>
    Number(database.prepare(sql).run(...values).changes)
  const toCase = (row: GridCase): GridCase => ({ ...row, report: JSON.parse(row.report as unknown as string) })

  return {
    transact,
    close: () => database.close(),

    openCase(ref: string, report: CaseReport, at: number, nextAt: number | null): void {
      run(
        'INSERT INTO grid_case (ref, site, case_id, state, report, opened_at, next_at) VALUES (?, ?, ?, ?, ?, ?, ?)',
        ref,
        report.site,
        report.case.id,
        'reported',
        JSON.stringify(report),
        at,
        nextAt,
      )
    },
    case: (ref: string) => all<GridCase>(`SELECT ${caseColumns} FROM grid_case WHERE ref = ?`, ref).map(toCase)[0],
    caseOfSite: (site: string, caseId: string) =>
      all<GridCase>(`SELECT ${caseColumns} FROM grid_case WHERE site = ? AND case_id = ?`, site, caseId).map(toCase)[0],
    cases: (limit: number) =>
      all<GridCase>(`SELECT ${caseColumns} FROM grid_case ORDER BY opened_at DESC, ref DESC LIMIT ?`, limit).map(
        toCase,
      ),
    countCases: () => all<{ n: number }>('SELECT count(*) AS n FROM grid_case')[0]?.n ?? 0,
    dueCases: (now: number) =>
      all<GridCase>(`SELECT ${caseColumns} FROM grid_case WHERE next_at <= ? ORDER BY next_at`, now).map(toCase),
    nextDueAt: () => all<{ at: number | null }>('SELECT min(next_at) AS at FROM grid_case')[0]?.at ?? undefined,
    setState(ref: string, state: State, handledBy: string, reworkCount: number, nextAt: number | null): void {
      run(
        'UPDATE grid_case SET state = ?, handled_by = ?, rework_count = ?, next_at = ? WHERE ref = ?',
        state,
        handledBy,
        reworkCount,
        nextAt,
        ref,
      )
    },

    addSiteStep(ref: string, step: Transition, receivedAt: number, isApplied: boolean): void {
      const { unit, note, reason, actor } = step
      run(
        `INSERT INTO history (ref, origin, to_state, role, at, received_at, is_applied, site_id, details)
         VALUES (?, 'site', ?, ?, ?, ?, ?, ?, ?)`,
        ref,
        step.to,
        step.role,
        Date.parse(step.at),
        receivedAt,
        Number(isApplied),
        step.id,
        JSON.stringify({ actorName: actor.id, organisation: actor.organisation, unit, note, reason }),
      )
    },
    /** A step of the platform: history and event in one transaction. */
    addMove(current: GridCase, move: Move, at: number): void {
      const { to, role, actorName, organisation, unit, note, reason, respondBy, resolveBy } = move
      const iso = (instant?: number) => (instant === undefined ? undefined : new Date(instant).toISOString())
      const id = `ev-${randomUUID()}`
      const [last] = all<{ n: number }>('SELECT count(*) AS n FROM event WHERE ref = ?', current.ref)
      const caseSeq = (last?.n ?? 0) + 1
      const body = {
        id,
        caseSeq,
        caseId: current.caseId,
        ref: current.ref,
        to,
        role,
        at: iso(at),
        actorName,
        organisation,
        unit,
        note,
        reason,
        respondBy: iso(respondBy),
        resolveBy: iso(resolveBy),
      }
      run(
        'INSERT INTO event (id, site, ref, case_seq, body) VALUES (?, ?, ?, ?, ?)',
        id,
        current.site,
        current.ref,
        caseSeq,
        JSON.stringify(body),
      )
      run(
        `INSERT INTO history (ref, origin, to_state, role, at, received_at, is_applied, details)
         VALUES (?, 'platform', ?, ?, ?, ?, 1, ?)`,
        current.ref,
        to,
        role,
        at,
        at,
        JSON.stringify({ actorName, organisation, unit, note, reason }),
      )
    },
    history: (ref: string): HistoryRow[] =>
      all<{ to: State; details: string; isApplied: number } & Omit<HistoryRow, 'to' | 'details' | 'isApplied'>>(
        `SELECT origin, to_state AS "to", role, at, received_at AS receivedAt, is_applied AS isApplied, details
         FROM history WHERE ref = ? ORDER BY id`,
        ref,
      ).map((row) => ({ ...row, isApplied: row.isApplied === 1, details: JSON.parse(row.details) })),

    events: (site: string, after: number, limit: number) =>
      all<EventRow>(
        'SELECT seq, id, site, body, tries FROM event WHERE site = ? AND seq > ? ORDER BY seq LIMIT ?',
        site,
        after,
        limit,
      ),
    untoldEvents: (sites: readonly string[], maxTries: number) =>
      sites.flatMap((site) =>
        all<EventRow>(
          `SELECT seq, id, site, body, tries FROM event
           WHERE site = ? AND told_at IS NULL AND tries < ? ORDER BY seq LIMIT 20`,
          site,
          maxTries,
        ),
      ),
    told: (seq: number, at: number | null) =>
      run('UPDATE event SET told_at = ?, tries = tries + 1 WHERE seq = ?', at, seq),

    /** The first answer to this key; counts the repeat. */
    repeated(key: string, at: number): unknown {
      const [row] = all<{ answer: string }>(
        'UPDATE delivery SET received = received + 1, last_at = ? WHERE key = ? RETURNING answer',
        at,
        key,
      )
      return row && JSON.parse(row.answer)
    },
    remember(key: string, site: string, kind: string, ref: string, answer: object, at: number): void {
      run(
        'INSERT INTO delivery (key, site, kind, ref, answer, first_at, last_at) VALUES (?, ?, ?, ?, ?, ?, ?)',
        key,
        site,
        kind,
        ref,
        JSON.stringify(answer),
        at,
        at,
      )
    },
    deliveries: () =>
      all<{ key: string; site: string; kind: string; ref: string; received: number; firstAt: number }>(
        'SELECT key, site, kind, ref, received, first_at AS firstAt FROM delivery ORDER BY rowid',
      ),
    arrived(site: string, stream: string, seq: number, at: number): void {
      run('INSERT OR IGNORE INTO sequence (site, stream, seq) VALUES (?, ?, ?)', site, stream, seq)
      this.heard(site, stream, seq, at)
    },
    heard(site: string, stream: string, head: number, at: number): void {
      run(
        `INSERT INTO stream (site, stream, head, seen_at) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT DO UPDATE SET head = max(head, ?3), seen_at = ?4`,
        site,
        stream,
        head,
        at,
      )
    },
    sites: () => all<{ site: string }>('SELECT DISTINCT site FROM stream ORDER BY site').map(({ site }) => site),
    sequence(site: string): StreamReport[] {
      const streams = all<{ stream: string; head: number }>(
        'SELECT stream, head FROM stream WHERE site = ? ORDER BY seen_at DESC',
        site,
      )
      return streams.map(({ stream, head }) => {
        const numbers = all<{ seq: number }>(
          'SELECT seq FROM sequence WHERE site = ? AND stream = ? ORDER BY seq',
          site,
          stream,
        )
        const missing: Array<[number, number]> = []
        let expected = 1
        for (const { seq } of numbers) {
          if (seq > expected) missing.push([expected, seq - 1])
          expected = seq + 1
        }
        if (expected <= head) missing.push([expected, head])
        return { stream, received: numbers.length, highest: numbers.at(-1)?.seq ?? 0, head, missing }
      })
    },

    addEvidence(ref: string, meta: EvidenceMeta, file: string): void {
      run(
        'INSERT OR IGNORE INTO evidence (ref, evidence_id, meta, sha256, file) VALUES (?, ?, ?, ?, ?)',
        ref,
        meta.evidenceId,
        JSON.stringify(meta),
        meta.sha256,
        file,
      )
    },
    evidence: (ref: string) =>
      all<{ evidenceId: string; sha256: string; file: string; meta: string }>(
        'SELECT evidence_id AS evidenceId, sha256, file, meta FROM evidence WHERE ref = ? ORDER BY rowid',
        ref,
      ).map((row) => ({ ...row, meta: JSON.parse(row.meta) as EvidenceMeta })),

    /** False when the nonce was used before. */
    useNonce(nonce: string, now: number, keepMs: number): boolean {
      run('DELETE FROM nonce WHERE until < ?', now)
      return run('INSERT OR IGNORE INTO nonce (nonce, until) VALUES (?, ?)', nonce, now + keepMs) === 1
    },
    countRefusal: (code: string) =>
      run('INSERT INTO refusal (code, count) VALUES (?, 1) ON CONFLICT DO UPDATE SET count = count + 1', code),
    refusals: () => all<{ code: string; count: number }>('SELECT code, count FROM refusal ORDER BY code'),
  }
}
