import type { Alarm } from '../core/alarm.ts'
import { placeKey } from '../core/place.ts'
import type { AlarmFilter, Page } from '../core/ports.ts'
import type { Database } from './database.ts'
import type { EvidenceTable } from './evidence-table.ts'
import { type Condition, createPageQuery } from './page-query.ts'
import { StorageError, sqliteFailure } from './storage-error.ts'

export interface AlarmTable {
  put(alarm: Alarm): void
  get(id: string): Alarm | undefined
  /** @param source id of the camera or device */
  active(kind: string, placeKey: string, source: string): Alarm | undefined
  /** Newest first; raised at or after `since` and before `until`. */
  list(filter: AlarmFilter): Page<Alarm>
  /** Those whose shelving has ended at `at`. */
  shelvedUntil(at: number): Alarm[]
  /** Those whose next step is due at `at`, the longest due first. */
  toEscalate(at: number): Alarm[]
  withWaitingNotices(): Alarm[]
}

export function createAlarmTable(database: Database, evidence: EvidenceTable): AlarmTable {
  const upsert = database.prepare(`
    INSERT INTO alarm (id, kind, place_key, source, raised_at, is_active, is_acknowledged, case_id, document)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (id) DO UPDATE SET
      kind = excluded.kind, place_key = excluded.place_key, source = excluded.source, raised_at = excluded.raised_at,
      is_active = excluded.is_active, is_acknowledged = excluded.is_acknowledged, case_id = excluded.case_id,
      document = excluded.document`)
  const byId = database.prepare('SELECT document FROM alarm WHERE id = ?')
  const activeOne = database.prepare(
    'SELECT document FROM alarm WHERE kind = ? AND place_key = ? AND source = ? AND is_active = 1',
  )
  const shelved = database.prepare('SELECT document FROM alarm WHERE shelved_until IS NOT NULL AND shelved_until <= ?')
  const toEscalate = database.prepare(
    'SELECT document FROM alarm WHERE next_step_at IS NOT NULL AND next_step_at <= ? ORDER BY next_step_at LIMIT 500',
  )
  const withWaiting = database.prepare('SELECT document FROM alarm WHERE has_waiting_notice = 1')
  const page = createPageQuery<Alarm>(database, 'alarm', 'raised_at', (alarm) => alarm.raisedAt)

  const alarmOf = (row: { document: string } | undefined): Alarm | undefined =>
    row && evidence.withDeletions(JSON.parse(row.document) as Alarm)

  const active = (kind: string, place: string, source: string) => alarmOf(activeOne.get(kind, place, source))

  return {
    put(alarm) {
      const place = placeKey(alarm.place)
      try {
        upsert.run(
          alarm.id,
          alarm.kind,
          place,
          alarm.source.id,
          Math.round(alarm.raisedAt),
          alarm.isActive ? 1 : 0,
          alarm.isAcknowledged ? 1 : 0,
          alarm.caseId ?? null,
          JSON.stringify(alarm),
        )
      } catch (error) {
        const other = sqliteFailure(error) === 'constraint' && active(alarm.kind, place, alarm.source.id)
        if (!other) throw error
        throw new StorageError(
          `alarm ${alarm.id}: ${alarm.kind} at ${place} from ${alarm.source.id} is already active as ${other.id}`,
          { cause: error },
        )
      }
    },
    get: (id) => alarmOf(byId.get(id)),
    active,
    shelvedUntil: (at) => (shelved.all(at) as Array<{ document: string }>).flatMap((row) => alarmOf(row) ?? []),
    toEscalate: (at) => (toEscalate.all(at) as Array<{ document: string }>).flatMap((row) => alarmOf(row) ?? []),
    withWaitingNotices: () => (withWaiting.all() as Array<{ document: string }>).flatMap((row) => alarmOf(row) ?? []),
    list(filter) {
      const { isActive, isAcknowledged, isShelved, kind, person, since, until, before, limit } = filter
      const conditions: Condition[] = []
      // Literals, because SQLite uses a partial index only where the condition is written out.
      if (isActive !== undefined) conditions.push({ sql: `is_active = ${isActive ? 1 : 0}` })
      if (isAcknowledged !== undefined) conditions.push({ sql: `is_acknowledged = ${isAcknowledged ? 1 : 0}` })
      if (isShelved !== undefined) conditions.push({ sql: `shelved_until IS ${isShelved ? 'NOT ' : ''}NULL` })
      if (kind !== undefined) conditions.push({ sql: 'kind = ?', value: kind })
      if (person !== undefined) conditions.push({ sql: 'person = ?', value: person })
      if (since !== undefined) conditions.push({ sql: 'raised_at >= ?', value: since })
      if (until !== undefined) conditions.push({ sql: 'raised_at < ?', value: until })
      const { items, nextBefore } = page({
        conditions,
        ...(before === undefined ? {} : { before }),
        ...(limit === undefined ? {} : { limit }),
      })
      return {
        items: items.map((alarm) => evidence.withDeletions(alarm)),
        ...(nextBefore === undefined ? {} : { nextBefore }),
      }
    },
  }
}
