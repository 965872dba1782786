import type { Alarm, Evidence } from '../core/alarm.ts'
import type { Database } from './database.ts'

interface EvidenceRow {
  id: string
  type: Evidence['type']
  camera: string
  from_at: number
  to_at: number
  content_type: string
  file: string
  bytes: number
  sha256: string
  created_at: number
  deleted_at: number | null
  is_restricted: 0 | 1
}

/** A committed file with the alarm it belongs to. */
export interface KeptEvidence extends Evidence {
  alarmId: string
}

/** The rows about evidence files; the evidence store asks them which files are still named. */
export interface EvidenceTable {
  /** Adds what the alarm names and the table does not know yet. Runs in the transaction that stores the alarm. */
  add(alarmId: string, evidence: readonly Evidence[]): void
  get(id: string): Evidence | undefined
  /** The alarm with its evidence as it is today: what retention removed carries `deletedAt`. */
  withDeletions(alarm: Alarm): Alarm
  /** Whether some row names this file and has not been marked deleted. */
  isNamed(file: string): boolean
  /**
   * Oldest first: evidence made before this instant whose file still exists. What belongs to an active alarm or an open
   * case is kept until that has ended.
   */
  expired(createdBefore: number, limit: number): KeptEvidence[]
  markDeleted(id: string, at: number): void
}

export function createEvidenceTable(database: Database): EvidenceTable {
  const insert = database.prepare(`
    INSERT INTO evidence (id, alarm_id, type, camera, from_at, to_at, content_type, file, bytes, sha256, created_at,
      is_restricted)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`)
  const byId = database.prepare('SELECT * FROM evidence WHERE id = ?')
  const deletions = database.prepare(
    'SELECT id, deleted_at FROM evidence WHERE alarm_id = ? AND deleted_at IS NOT NULL',
  )
  const named = database.prepare('SELECT 1 FROM evidence WHERE file = ? AND deleted_at IS NULL')
  const past = database.prepare(`
    SELECT evidence.* FROM evidence
    JOIN alarm ON alarm.id = evidence.alarm_id
    LEFT JOIN case_record ON case_record.id = alarm.case_id
    WHERE evidence.deleted_at IS NULL AND evidence.created_at < ?
      AND alarm.is_active = 0 AND coalesce(case_record.is_open, 0) = 0
    ORDER BY evidence.created_at LIMIT ?`)
  const mark = database.prepare('UPDATE evidence SET deleted_at = ? WHERE id = ? AND deleted_at IS NULL')

  return {
    add(alarmId, evidence) {
      for (const one of evidence)
        insert.run(
          one.id,
          alarmId,
          one.type,
          one.camera,
          Math.round(one.fromAt),
          Math.round(one.toAt),
          one.contentType,
          one.file,
          one.bytes,
          one.sha256,
          Math.round(one.createdAt),
          one.isRestricted ? 1 : 0,
        )
    },
    get(id) {
      const row: EvidenceRow | undefined = byId.get(id)
      return row && evidenceOf(row)
    },
    withDeletions(alarm) {
      if (alarm.evidence.length === 0) return alarm
      const rows: Array<{ id: string; deleted_at: number }> = deletions.all(alarm.id)
      if (rows.length === 0) return alarm
      const deletedAt = new Map(rows.map((row) => [row.id, row.deleted_at]))
      return {
        ...alarm,
        evidence: alarm.evidence.map((one) => {
          const at = deletedAt.get(one.id)
          return at === undefined ? one : { ...one, deletedAt: at }
        }),
      }
    },
    isNamed: (file) => named.get(file) !== undefined,
    expired: (createdBefore, limit) =>
      (past.all(createdBefore, limit) as Array<EvidenceRow & { alarm_id: string }>).map((row) => ({
        ...evidenceOf(row),
        alarmId: row.alarm_id,
      })),
    markDeleted: (id, at) => void mark.run(Math.round(at), id),
  }
}

function evidenceOf(row: EvidenceRow): Evidence {
  return {
    id: row.id,
    type: row.type,
    camera: row.camera,
    fromAt: row.from_at,
    toAt: row.to_at,
    contentType: row.content_type,
    file: row.file,
    bytes: row.bytes,
    sha256: row.sha256,
    createdAt: row.created_at,
    ...(row.is_restricted === 1 ? { isRestricted: true } : {}),
    ...(row.deleted_at === null ? {} : { deletedAt: row.deleted_at }),
  }
}
