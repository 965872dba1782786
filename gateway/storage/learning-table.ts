import type {
  ExampleVerdict,
  LearnedVersion,
  LearningExample,
  LearningStore,
  LearningSwitch,
} from '../core/learning.ts'
import type { Database } from './database.ts'

interface ExampleRow {
  id: string
  alarm_id: string | null
  model: string
  created_at: number
  embedding: Uint8Array | null
  file: string
  document: string
}

type Rows = Pick<
  LearningStore,
  | 'example'
  | 'exampleOfAlarm'
  | 'examples'
  | 'setVerdict'
  | 'takenBackBeyond'
  | 'putVersion'
  | 'version'
  | 'versions'
  | 'putSwitch'
  | 'switches'
>

/** The rows about what a site learns; the crop store adds the files. */
export interface LearningTable extends Rows {
  add(example: LearningExample): void
  delete(id: string): void
  isNamed(file: string): boolean
  /** Oldest first: unjudged ones made before one instant, judged ones made before the other. */
  expired(before: { unjudged: number; judged: number }, limit: number): LearningExample[]
}

export function createLearningTable(database: Database): LearningTable {
  const insert = database.prepare(
    `INSERT INTO learning_example (id, alarm_id, model, created_at, verdict, embedding, file, document)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
  )
  const byId = database.prepare('SELECT * FROM learning_example WHERE id = ?')
  const byAlarm = database.prepare('SELECT * FROM learning_example WHERE alarm_id = ?')
  const listed = database.prepare(
    `SELECT * FROM learning_example
     WHERE (?1 IS NULL OR (verdict IS NOT NULL) = ?1) AND (?2 IS NULL OR model = ?2)
     ORDER BY created_at DESC, id DESC LIMIT ?3`,
  )
  const judge = database.prepare('UPDATE learning_example SET verdict = ?, document = ? WHERE id = ?')
  const takenBack = database.prepare(
    `SELECT * FROM learning_example WHERE alarm_id IS NULL AND verdict IS NULL
     ORDER BY created_at DESC LIMIT -1 OFFSET ?`,
  )
  const named = database.prepare('SELECT 1 FROM learning_example WHERE file = ?')
  const remove = database.prepare('DELETE FROM learning_example WHERE id = ?')
  const past = database.prepare(
    `SELECT * FROM learning_example
     WHERE (verdict IS NULL AND created_at < ?) OR (verdict IS NOT NULL AND created_at < ?)
     ORDER BY created_at LIMIT ?`,
  )
  const newestVersion = database.prepare('SELECT coalesce(max(version), 0) AS version FROM learning_version')
  const insertVersion = database.prepare(
    'INSERT INTO learning_version (version, model, created_at, document) VALUES (?, ?, ?, ?)',
  )
  const versionById = database.prepare('SELECT document FROM learning_version WHERE version = ?')
  const versionList = database.prepare('SELECT document FROM learning_version ORDER BY version DESC LIMIT ?')
  const insertSwitch = database.prepare(
    'INSERT INTO learning_switch (at, version, turned_by, reason) VALUES (?, ?, ?, ?)',
  )
  const switchList = database.prepare('SELECT * FROM learning_switch ORDER BY id DESC LIMIT ?')
  const one = (row: unknown) => (row ? exampleOf(row as ExampleRow) : undefined)
  const versionOf = (row: unknown) =>
    row ? (JSON.parse((row as { document: string }).document) as LearnedVersion) : undefined

  return {
    add(example) {
      const { id, alarmId, model, createdAt, embedding, file, verdict, ...rest } = example
      const blob = embedding ? new Uint8Array(embedding.buffer, embedding.byteOffset, embedding.byteLength) : null
      const document = JSON.stringify({ ...rest, ...(verdict && { verdict }) })
      insert.run(id, alarmId ?? null, model, Math.round(createdAt), verdict?.value ?? null, blob, file, document)
    },
    example: (id) => one(byId.get(id)),
    exampleOfAlarm: (alarmId) => one(byAlarm.get(alarmId)),
    examples: ({ isJudged, model, limit }) =>
      listed.all(isJudged === undefined ? null : Number(isJudged), model ?? null, limit).map(exampleOf),
    setVerdict(id, verdict: ExampleVerdict) {
      const row = byId.get(id) as ExampleRow | undefined
      if (!row) return
      const document = JSON.stringify({ ...(JSON.parse(row.document) as object), verdict })
      judge.run(verdict.value, document, id)
    },
    takenBackBeyond: (keep) => takenBack.all(keep).map(exampleOf),
    delete: (id) => void remove.run(id),
    isNamed: (file) => named.get(file) !== undefined,
    expired: ({ unjudged, judged }, limit) => past.all(unjudged, judged, limit).map(exampleOf),
    putVersion(draft) {
      const { version: newest } = newestVersion.get() as { version: number }
      const version: LearnedVersion = { version: newest + 1, ...draft }
      insertVersion.run(version.version, draft.model, Math.round(draft.createdAt), JSON.stringify(version))
      return version
    },
    version: (version) => versionOf(versionById.get(version)),
    versions: (limit) => versionList.all(limit).flatMap((row: unknown) => versionOf(row) ?? []),
    putSwitch: ({ at, version, by, reason }) => void insertSwitch.run(Math.round(at), version ?? null, by, reason),
    switches: (limit) =>
      (switchList.all(limit) as Array<{ at: number; version: number | null; turned_by: string; reason: string }>).map(
        ({ at, version, turned_by, reason }) => ({
          at,
          by: turned_by,
          reason: reason as LearningSwitch['reason'],
          ...(version === null ? {} : { version }),
        }),
      ),
  }
}

function exampleOf(row: ExampleRow): LearningExample {
  const { embedding } = row
  // SQLite's bytes need not lie on a multiple of four.
  const floats = embedding && new Float32Array(new Uint8Array(embedding).buffer)
  return {
    ...(JSON.parse(row.document) as Omit<LearningExample, 'id'>),
    id: row.id,
    ...(row.alarm_id !== null && { alarmId: row.alarm_id }),
    model: row.model,
    createdAt: row.created_at,
    file: row.file,
    ...(floats && { embedding: floats }),
  }
}
