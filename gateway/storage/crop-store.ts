import { createHash } from 'node:crypto'
import { existsSync, mkdirSync } from 'node:fs'
import { mkdir, open, readdir, rename, rm, rmdir, stat } from 'node:fs/promises'
import { join, resolve, sep } from 'node:path'
import type { LearningExample, LearningStore } from '../core/learning.ts'
import { openError, StorageError } from './storage-error.ts'
import type { OpenStore } from './store.ts'

export interface CropStoreOptions {
  /** Folder of the crops; made when it is missing. */
  dir: string
  /** Where the rows are. */
  store: Pick<OpenStore, 'learningRows'>
  /** A file that no row names is left alone for so long. Default 10 minutes. */
  graceMs?: number
}

const batch = 100

/**
 * What a site learns from: rows in the store, crops as files.
 *
 *   crop written, fsynced ─rename─▶ <day>/<id>.jpg ─row─▶ unjudged ─verdict─▶ judged
 *                                        │ crash                 └─ retention or a person ─┴─▶ row and file deleted
 *                                        └─ swept: no row names it
 *
 * @throws StartError when the folder cannot be made
 */
export function createCropStore({ dir: given, store, graceMs = 600_000 }: CropStoreOptions): LearningStore {
  const dir = resolve(given)
  const rows = store.learningRows
  try {
    mkdirSync(dir, { recursive: true, mode: 0o750 })
  } catch (error) {
    throw openError(dir, dir, error)
  }

  function within(file: string): string {
    const path = resolve(dir, file)
    if (!path.startsWith(dir + sep)) throw new StorageError(`crop ${file} lies outside ${dir}`)
    return path
  }

  /** Row first: a file without a row is swept, a row without a file would be believed. */
  async function remove({ id, file }: LearningExample): Promise<void> {
    rows.delete(id)
    await rm(within(file), { force: true })
  }

  async function sweepUnnamed(): Promise<number> {
    let found = 0
    for (const day of await readdir(dir)) {
      const names = await readdir(join(dir, day)).catch(() => [])
      for (const name of names) {
        const facts = rows.isNamed(`${day}/${name}`)
          ? undefined
          : await stat(join(dir, day, name)).catch(() => undefined)
        if (!facts?.isFile() || Date.now() - facts.mtimeMs <= graceMs) continue
        await rm(join(dir, day, name), { force: true })
        found++
      }
      if (names.length === 0) await rmdir(join(dir, day)).catch(() => {})
    }
    return found
  }

  return {
    ...rows,
    async putExample(draft, jpeg) {
      const day = new Date(draft.createdAt).toISOString().slice(0, 10)
      const file = `${day}/${draft.id}.jpg`
      const path = within(file)
      await mkdir(join(dir, day), { recursive: true, mode: 0o750 })
      const handle = await open(`${path}.part`, 'w', 0o640)
      try {
        await handle.writeFile(jpeg)
        await handle.sync()
      } finally {
        await handle.close()
      }
      await rename(`${path}.part`, path)
      const example = { ...draft, file, sha256: createHash('sha256').update(jpeg).digest('hex') }
      rows.add(example)
      return example
    },
    cropPath({ file }) {
      const path = within(file)
      return existsSync(path) ? path : undefined
    },
    async removeExample(id) {
      const example = rows.example(id)
      if (example) await remove(example)
      return example !== undefined
    },
    async sweep(before) {
      let removed = await sweepUnnamed()
      for (let past = rows.expired(before, batch); past.length > 0; past = rows.expired(before, batch)) {
        for (const example of past) await remove(example)
        removed += past.length
      }
      return removed
    },
  }
}
