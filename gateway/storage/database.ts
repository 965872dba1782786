import { mkdirSync, readFileSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import { DatabaseSync, type DatabaseSyncInstance } from '@photostructure/sqlite'
import { StartError } from '../core/errors.ts'
import { openError } from './storage-error.ts'

export type Database = DatabaseSyncInstance

export interface DatabaseOptions {
  /** Path of the SQLite file, or `:memory:` for a test that needs no disk. Missing directories are made. */
  file: string
  /** Numbered SQL files, oldest first; the n-th takes the schema to version n. Forward only. */
  migrations: readonly URL[]
  /** Marks the file as ours (`PRAGMA application_id`), so that another program's file is never migrated. */
  applicationId: number
  /** FULL: a commit is on the disk before it returns. NORMAL: a power cut may cost the newest commits, never the file. */
  synchronous: 'FULL' | 'NORMAL'
}

/** Up to this size the whole file is checked at start; larger ones would cost more than the start may take. */
const checkedBytes = 64 * 1024 * 1024

/**
 * Opens a SQLite file in WAL mode and brings its schema up to date.
 * @throws StartError with a cure when the directory cannot be written, the file is in use, damaged, another program's,
 * or written by a newer version
 */
export function openDatabase(options: DatabaseOptions): Database {
  const { file } = options
  const directory = dirname(file)
  let database: Database | undefined
  try {
    // The files hold pictures' whereabouts and people's names: others on the machine have no business here.
    if (file !== ':memory:') mkdirSync(directory, { recursive: true, mode: 0o750 })
    database = new DatabaseSync(file)
    database.exec('PRAGMA busy_timeout = 5000')
    checkOwner(database, options)
    database.exec(`
      PRAGMA journal_mode = WAL;
      PRAGMA synchronous = ${options.synchronous};
      PRAGMA foreign_keys = ON;
      PRAGMA trusted_schema = OFF;
      PRAGMA cache_size = -16000;
      PRAGMA journal_size_limit = ${checkedBytes};
    `)
    checkHealth(database, file)
    migrate(database, options)
    return database
  } catch (error) {
    database?.close()
    throw openError(file, directory, error)
  }
}

/**
 * Closes the file with everything in it and nothing left in the `-wal` file.
 *
 * The driver finalizes prepared statements only when they are garbage-collected, and SQLite keeps a connection with open
 * statements half alive: without the checkpoint the newest commits would stay in the `-wal` file until then. They are
 * durable there too, but a person who copies the one file after a stop must get all of it.
 */
export function closeDatabase(database: Database): void {
  if (!database.isOpen) return
  try {
    database.exec('PRAGMA wal_checkpoint(TRUNCATE)')
  } finally {
    database.close()
  }
}

/** Runs `work` in one transaction and commits it; joins the transaction already open. Rolls back when it throws. */
export function atomically<T>(database: Database, work: () => T): T {
  if (database.isTransaction) return work()
  database.exec('BEGIN IMMEDIATE')
  try {
    const result = work()
    database.exec('COMMIT')
    return result
  } catch (error) {
    // A full disk or a read error has already rolled back by itself.
    if (database.isTransaction) database.exec('ROLLBACK')
    throw error
  }
}

function pragma(database: Database, name: string): number {
  const row: Record<string, number> = database.prepare(`PRAGMA ${name}`).get()
  return row[name] ?? 0
}

function checkOwner(database: Database, { file, applicationId, migrations }: DatabaseOptions): void {
  const version = pragma(database, 'user_version')
  const owner = pragma(database, 'application_id')
  const isEmpty = database.prepare('SELECT 1 FROM sqlite_schema LIMIT 1').get() === undefined
  if (owner !== applicationId && !(isEmpty && owner === 0))
    throw new StartError(`${file} belongs to another program`, 'move it away, or choose another data directory')
  if (version > migrations.length)
    throw new StartError(
      `${file} was written by a newer version (schema ${version}, this one knows ${migrations.length})`,
      'install that version again, or restore the backup made before the upgrade',
    )
}

function checkHealth(database: Database, file: string): void {
  if (pragma(database, 'page_count') * pragma(database, 'page_size') > checkedBytes) return
  const finding: { quick_check: string } = database.prepare('PRAGMA quick_check(1)').get()
  if (finding.quick_check === 'ok') return
  throw new StartError(
    `${file} is damaged: ${finding.quick_check}`,
    'restore it from a backup, or move it away together with its -wal and -shm files to begin with an empty one',
  )
}

function migrate(database: Database, { migrations, applicationId }: DatabaseOptions): void {
  // Also taken when nothing is left to do: a file that cannot be written shows now and not at the first alarm.
  atomically(database, () => {
    for (let version = pragma(database, 'user_version'); version < migrations.length; version++) {
      const migration = migrations[version]!
      try {
        database.exec(readFileSync(migration, 'utf8'))
      } catch (error) {
        throw new Error(`${basename(migration.pathname)}: ${(error as Error).message}`, { cause: error })
      }
      database.exec(`PRAGMA user_version = ${version + 1}`)
    }
    database.exec(`PRAGMA application_id = ${applicationId}`)
  })
}
