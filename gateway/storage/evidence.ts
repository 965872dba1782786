import { createHash, randomUUID } from 'node:crypto'
import { accessSync, constants, existsSync, mkdirSync, unlinkSync } from 'node:fs'
import { type FileHandle, mkdir, open, readdir, rename, rmdir, stat, unlink } from 'node:fs/promises'
import { join, resolve, sep } from 'node:path'
import type { Evidence } from '../core/alarm.ts'
import type { EvidenceStore } from '../core/ports.ts'
import type { KeptEvidence } from './evidence-table.ts'
import { openError, StorageError } from './storage-error.ts'
import type { OpenStore } from './store.ts'

export interface EvidenceStoreOptions {
  /** Folder of the files; made when it is missing. One store at a time. */
  dir: string
  /** Where the rows are. */
  store: Pick<OpenStore, 'transact' | 'evidenceRows'>
  /** Files are removed this long after they were made; Infinity keeps them. */
  retentionMs: number
  /** Epoch ms. */
  now: () => number
  /** While false nothing is removed for its age. Default always true. */
  mayDelete?: () => boolean
  /** A file that nothing names is left alone for this long, by the file's own time. Default 10 minutes. */
  graceMs?: number
  /** Milliseconds on a clock that is never set; default the process's own. */
  monotonicMs?: () => number
}

interface Reservation {
  alarmId: string
  type: Evidence['type']
  temporaryFile: string
  extension: string
  /** Set once the file is in its place. */
  file?: string
  reservedMs: number
}

/** Files being written. */
const incoming = 'incoming'
/** Finished files that no row names. */
const unclaimed = 'unclaimed'
/** A recording takes seconds; what was reserved longer ago was given up. */
const reservationMs = 3600_000
const batch = 100

/**
 * Opens the folder of evidence files. A file passes through these places, so that a crash at any moment leaves neither
 * a row without a file nor half a file that a row names:
 *
 *   reserve ─▶ incoming/<id>.<ext> ──commit: fsync, SHA-256, rename, fsync of the folder──▶ <day>/<id>.<ext>
 *                    │                                                                        │            │
 *                    │ crash                                           crash before the alarm's row        │ retention
 *                    ▼                                                                        ▼            ▼
 *              deleted by sweep                                  unclaimed/<id>.<ext>, until retention   deleted,
 *                                                                                                 row and journal say so
 *
 * Finished files that no row names wait in `unclaimed` until their retention has passed: after a database was restored
 * from a backup, all evidence made since then is such a file, and deleting it could not be undone.
 *
 * Call `sweep` at the start and every hour or so. A file that cannot be touched does not keep it from the others; it
 * rejects at the end.
 * @throws StartError when the folder cannot be written
 */
export function createEvidenceStore(options: EvidenceStoreOptions): EvidenceStore {
  const { store, retentionMs, now, graceMs = 600_000, monotonicMs = () => performance.now() } = options
  const { mayDelete = () => true } = options
  const dir = resolve(options.dir)
  const rows = store.evidenceRows
  const reservations = new Map<string, Reservation>()

  try {
    for (const folder of [dir, join(dir, incoming), join(dir, unclaimed)]) {
      mkdirSync(folder, { recursive: true, mode: 0o750 })
      accessSync(folder, constants.W_OK)
    }
  } catch (error) {
    throw openError(dir, dir, error)
  }

  /** Ours and still being worked on, whatever the wall clock says. */
  function isInWork(fileName: string): boolean {
    return reservations.has(fileName.slice(0, fileName.indexOf('.')))
  }

  /** Names of the files in a folder that have lain there for longer than `ageMs`. */
  async function olderThan(folder: string, ageMs: number, at: number): Promise<string[]> {
    const old: string[] = []
    for (const name of await readdir(join(dir, folder))) {
      if (isInWork(name)) continue
      const facts = await stat(join(dir, folder, name)).catch(ifGone)
      if (facts?.isFile() && at - facts.mtimeMs > ageMs) old.push(name)
    }
    return old
  }

  async function sweepIncoming(at: number): Promise<number> {
    const old = await olderThan(incoming, graceMs, at)
    for (const name of old) await unlink(join(dir, incoming, name)).catch(ifGone)
    return old.length
  }

  async function sweepUnnamed(at: number): Promise<number> {
    let found = 0
    for (const day of await dayFolders()) {
      const names = await readdir(join(dir, day))
      const unnamed = names.filter((name) => !isInWork(name) && !rows.isNamed(`${day}/${name}`))
      for (const name of unnamed) {
        const facts = await stat(join(dir, day, name)).catch(ifGone)
        if (!facts?.isFile() || at - facts.mtimeMs <= graceMs || rows.isNamed(`${day}/${name}`)) continue
        await rename(join(dir, day, name), join(dir, unclaimed, name))
        found++
      }
      // Today's folder may be waiting for its next file.
      if (day < dayOf(Math.min(at, now()) - 24 * 3600_000)) await rmdir(join(dir, day)).catch(ifInUse)
    }
    return found
  }

  async function sweepExpired(at: number): Promise<number> {
    if (!Number.isFinite(retentionMs) || !mayDelete()) return 0
    for (const name of await olderThan(unclaimed, retentionMs, at))
      await unlink(join(dir, unclaimed, name)).catch(ifGone)

    let removed = 0
    for (;;) {
      const expired = rows.expired(at - retentionMs, batch)
      if (expired.length === 0) return removed
      // The file first: should the row not follow, the next sweep finds the row again. The other way round a crash
      // would leave a picture that everyone believes deleted.
      const failures: unknown[] = []
      const gone = expired.filter(({ file }) => {
        try {
          unlinkIfThere(within(dir, file))
          return true
        } catch (error) {
          failures.push(error)
          return false
        }
      })
      if (gone.length === 0) throw failures[0]
      store.transact((transaction) => {
        for (const evidence of gone) {
          rows.markDeleted(evidence.id, at)
          transaction.append(deletionOf(evidence, at))
        }
      })
      removed += gone.length
      await new Promise((next) => setImmediate(next))
    }
  }

  async function dayFolders(): Promise<string[]> {
    const entries = await readdir(dir, { withFileTypes: true })
    return entries
      .filter((entry) => entry.isDirectory() && /^\d{4}-\d\d-\d\d$/.test(entry.name))
      .map(({ name }) => name)
  }

  return {
    reserve(alarmId, type, extension) {
      if (!/^[a-z0-9]{1,8}$/.test(extension))
        throw new RangeError(`evidence of alarm ${alarmId}: ${extension} is no file extension`)
      const id = randomUUID()
      const temporaryFile = join(dir, incoming, `${id}.${extension}`)
      reservations.set(id, { alarmId, type, extension, temporaryFile, reservedMs: monotonicMs() })
      return { id, temporaryFile }
    },

    async commit(id, facts) {
      const reservation = reservations.get(id)
      if (!reservation || reservation.file !== undefined)
        throw new StorageError(`evidence ${id} is not reserved, or has been committed already`)
      const { temporaryFile, extension, alarmId } = reservation
      try {
        const createdAt = Math.round(now())
        const { bytes, sha256 } = await syncAndHash(temporaryFile)
        if (bytes === 0) throw new StorageError('the file is empty')
        const day = dayOf(createdAt)
        const file = `${day}/${id}.${extension}`
        if (await mkdir(join(dir, day), { recursive: true, mode: 0o750 })) await syncFolder(dir)
        await rename(temporaryFile, join(dir, file))
        await syncFolder(join(dir, day))
        reservation.file = file
        return { id, ...facts, file, bytes, sha256, createdAt }
      } catch (error) {
        throw new StorageError(`${facts.type} of alarm ${alarmId} was not stored: ${(error as Error).message}`, {
          ...((error as NodeJS.ErrnoException).code === 'ENOSPC' ? { hint: `free space on the disk of ${dir}` } : {}),
          cause: error,
        })
      }
    },

    path(evidence) {
      if (evidence.deletedAt !== undefined) return undefined
      const file = within(dir, evidence.file)
      return existsSync(file) ? file : undefined
    },

    async sweep(at) {
      for (const [id, reservation] of reservations) {
        const isStored = reservation.file !== undefined && rows.isNamed(reservation.file)
        if (isStored || monotonicMs() - reservation.reservedMs > reservationMs) reservations.delete(id)
      }
      const failures: unknown[] = []
      const counted = (step: Promise<number>) =>
        step.catch((error) => {
          failures.push(error)
          return 0
        })
      const orphans = (await counted(sweepIncoming(at))) + (await counted(sweepUnnamed(at)))
      const expired = await counted(sweepExpired(at))
      if (failures.length > 0) throw failures[0]
      return { orphans, expired }
    },
  }
}

function deletionOf({ id, alarmId, file, sha256, createdAt }: KeptEvidence, at: number) {
  return {
    topic: 'audit',
    at,
    subject: alarmId,
    transition: 'evidence-deleted',
    actor: { type: 'system', id: 'retention' },
    data: { evidence: id, file, sha256, createdAt },
  } as const
}

/** Folder of a day, UTC. */
const dayOf = (at: number): string => new Date(at).toISOString().slice(0, 10)

/** The absolute path of a row's file; a row that points elsewhere is not believed. */
function within(dir: string, file: string): string {
  const path = resolve(dir, file)
  if (!path.startsWith(dir + sep)) throw new StorageError(`evidence file ${file} lies outside ${dir}`)
  return path
}

async function syncAndHash(file: string): Promise<{ bytes: number; sha256: string }> {
  const handle: FileHandle = await open(file, 'r+')
  try {
    await handle.sync()
    const hash = createHash('sha256')
    let bytes = 0
    for await (const chunk of handle.createReadStream({ autoClose: false, start: 0 })) {
      hash.update(chunk as Buffer)
      bytes += (chunk as Buffer).length
    }
    return { bytes, sha256: hash.digest('hex') }
  } finally {
    await handle.close()
  }
}

/** Makes the names in a folder durable: a rename is on the disk only after its folder was synced. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

function ifGone(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error
}

function ifInUse(error: NodeJS.ErrnoException): undefined {
  if (!['ENOTEMPTY', 'EEXIST', 'ENOENT'].includes(error.code ?? '')) throw error
}

function unlinkIfThere(file: string): void {
  try {
    unlinkSync(file)
  } catch (error) {
    ifGone(error as NodeJS.ErrnoException)
  }
}
