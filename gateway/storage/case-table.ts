import { type Case, isEnded } from '../core/case.ts'
import { placeKey } from '../core/place.ts'
import type { CaseFilter, Page } from '../core/ports.ts'
import type { Database } from './database.ts'
import { type Condition, createPageQuery } from './page-query.ts'
import { StorageError, sqliteFailure } from './storage-error.ts'

export interface CaseTable {
  put(current: Case): void
  /** Remembers which journal row an idempotency key led to. Throws when the key has been used. */
  putKey(key: string, caseId: string, seq: number): void
  get(id: string): Case | undefined
  byKey(key: string): Case | undefined
  /** Newest first. */
  list(filter: CaseFilter): Page<Case>
  count(type: string, placeKey: string, since: number): number
  nextNumber(year: number): number
}

export function createCaseTable(database: Database): CaseTable {
  const upsert = database.prepare(`
    INSERT INTO case_record (id, number, type, place_key, state, is_open, opened_at, document)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (id) DO UPDATE SET
      number = excluded.number, type = excluded.type, place_key = excluded.place_key, state = excluded.state,
      is_open = excluded.is_open, opened_at = excluded.opened_at, document = excluded.document`)
  const insertKey = database.prepare('INSERT INTO case_transition_key (key, case_id, seq) VALUES (?, ?, ?)')
  const byId = database.prepare('SELECT document FROM case_record WHERE id = ?')
  const byKey = database.prepare(`
    SELECT document FROM case_transition_key JOIN case_record ON case_record.id = case_id WHERE key = ?`)
  const count = database.prepare(
    'SELECT count(*) AS cases FROM case_record WHERE type = ? AND place_key = ? AND opened_at >= ?',
  )
  const nextNumber = database.prepare(`
    INSERT INTO case_number (year, last) VALUES (?, 1)
    ON CONFLICT (year) DO UPDATE SET last = last + 1 RETURNING last`)
  const page = createPageQuery<Case>(database, 'case_record', 'opened_at', (current) => current.openedAt)

  const caseOf = (row: { document: string } | undefined) => row && (JSON.parse(row.document) as Case)

  return {
    put(current) {
      upsert.run(
        current.id,
        current.number,
        current.type,
        placeKey(current.place),
        current.state,
        isEnded(current.state) ? 0 : 1,
        Math.round(current.openedAt),
        JSON.stringify(current),
      )
    },
    putKey(key, caseId, seq) {
      try {
        insertKey.run(key, caseId, seq)
      } catch (error) {
        if (sqliteFailure(error) !== 'constraint') throw error
        throw new StorageError(`case ${caseId}: the idempotency key ${key} has already moved a case`, { cause: error })
      }
    },
    get: (id) => caseOf(byId.get(id)),
    byKey: (key) => caseOf(byKey.get(key)),
    list({ state, isOpen, type, before, limit }) {
      const conditions: Condition[] = []
      // A literal, because SQLite uses a partial index only where the condition is written out.
      if (isOpen !== undefined) conditions.push({ sql: `is_open = ${isOpen ? 1 : 0}` })
      if (state !== undefined) conditions.push({ sql: 'state = ?', value: state })
      if (type !== undefined) conditions.push({ sql: 'type = ?', value: type })
      return page({
        conditions,
        ...(before === undefined ? {} : { before }),
        ...(limit === undefined ? {} : { limit }),
      })
    },
    count: (type, place, since) => (count.get(type, place, since) as { cases: number }).cases,
    nextNumber: (year) => (nextNumber.get(year) as { last: number }).last,
  }
}
