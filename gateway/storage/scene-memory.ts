import type { SceneMemory } from '../core/ports.ts'
import { atomically, closeDatabase, openDatabase } from './database.ts'
import { storageError } from './storage-error.ts'

export interface SceneMemoryOptions {
  /** Path of the SQLite file; `:memory:` for a test that needs no disk. */
  file: string
  /** Epoch ms. */
  now: () => number
}

/** "GrGs" in ASCII. */
const applicationId = 0x47724773

const migrations = [new URL('./migrations/scene-memory/001-scene-memory.sql', import.meta.url)]

/**
 * Keeps what scenes have learnt in a SQLite file of its own. Only what has changed is written.
 * @throws StartError when the file cannot be opened, with the cure
 */
export function openSceneMemory({ file, now }: SceneMemoryOptions): SceneMemory {
  const database = openDatabase({ file, migrations, applicationId, synchronous: 'NORMAL' })
  const put = database.prepare(`
    INSERT INTO scene_memory (scene, saved_at, learnt) VALUES (?, ?, ?)
    ON CONFLICT DO UPDATE SET saved_at = excluded.saved_at, learnt = excluded.learnt`)
  const remove = database.prepare('DELETE FROM scene_memory WHERE scene = ?')
  const rows: Array<{ scene: string; learnt: string }> = database
    .prepare('SELECT scene, learnt FROM scene_memory')
    .all()
  const stored = new Map(rows.map(({ scene, learnt }) => [scene, learnt]))

  return {
    load: () => new Map([...stored].map(([scene, learnt]) => [scene, JSON.parse(learnt) as unknown])),
    save(learnt) {
      const changed: Array<[scene: string, text: string]> = []
      for (const [scene, value] of learnt) {
        const text = JSON.stringify(value)
        if (stored.get(scene) !== text) changed.push([scene, text])
      }
      const gone = [...stored.keys()].filter((scene) => !learnt.has(scene))
      if (changed.length + gone.length === 0) return
      try {
        atomically(database, () => {
          for (const [scene, text] of changed) put.run(scene, now(), text)
          for (const scene of gone) remove.run(scene)
        })
      } catch (error) {
        throw storageError(file, error)
      }
      for (const [scene, text] of changed) stored.set(scene, text)
      for (const scene of gone) stored.delete(scene)
    },
    close: () => closeDatabase(database),
  }
}
