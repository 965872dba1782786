import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync, type DatabaseSyncInstance } from '@photostructure/sqlite'
import { StartError } from '../gateway/core/errors.ts'

export type Database = DatabaseSyncInstance

const migrations = ['001-bridge.sql'].map((file) => new URL(`./migrations/${file}`, import.meta.url))
/** "GGBr": another program's SQLite file is never migrated. */
const applicationId = 0x47474272

/**
 * Opens `bridge.sqlite` in the data directory: WAL, every commit on the disk before it returns.
 * @throws StartError when the directory cannot be written or the file is damaged, newer or another program's
 */
export function openDatabase(dataDir: string): Database {
  const file = join(dataDir, 'bridge.sqlite')
  let database: Database | undefined
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o750 })
    database = new DatabaseSync(file)
    database.exec('PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL')
    database.exec('PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF; PRAGMA journal_size_limit = 67108864')
    migrate(database, file)
    return database
  } catch (error) {
    database?.close()
    if (error instanceof StartError) throw error
    throw new StartError(
      `cannot open ${file}: ${(error as Error).message}`,
      'make the data directory writable, or restore the file; without it the bridge reads the journal again from the start',
      error,
    )
  }
}

/**
 * Keeps a second bridge off the same data directory for as long as this process lives.
 * The operating system lets go of the lock however the process ends.
 * @returns the function that lets go
 */
export function lockDataDirectory(dataDir: string): () => void {
  const file = join(dataDir, 'bridge.lock')
  let lock: Database | undefined
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o750 })
    lock = new DatabaseSync(file)
    lock.exec('BEGIN EXCLUSIVE')
    const held = lock
    return () => held.close()
  } catch (error) {
    lock?.close()
    const isHeld = /locked|busy/i.test((error as Error).message)
    throw new StartError(
      isHeld ? `another bridge is running on ${dataDir}` : `cannot write in ${dataDir}: ${(error as Error).message}`,
      isHeld ? 'stop it first, or give this one its own dataDir' : 'make the data directory writable for this user',
      error,
    )
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
    // A full disk has already rolled back by itself.
    if (database.isTransaction) database.exec('ROLLBACK')
    throw error
  }
}

function migrate(database: Database, file: string): void {
  const pragma = (name: string) => Number(Object.values(database.prepare(`PRAGMA ${name}`).get() as object)[0])
  atomically(database, () => {
    const version = pragma('user_version')
    const isNew = database.prepare('SELECT 1 FROM sqlite_schema LIMIT 1').get() === undefined
    if (!isNew && pragma('application_id') !== applicationId)
      throw new StartError(`${file} belongs to another program`, 'move it away, or choose another dataDir')
    if (version > migrations.length)
      throw new StartError(`${file} was written by a newer version`, 'install that version again')
    for (const migration of migrations.slice(version)) database.exec(readFileSync(migration, 'utf8'))
    database.exec(`PRAGMA user_version = ${migrations.length}; PRAGMA application_id = ${applicationId}`)
  })
}
