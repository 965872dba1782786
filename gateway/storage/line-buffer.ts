import { atomically, closeDatabase, openDatabase } from './database.ts'
import { storageError } from './storage-error.ts'

/** Lines that wait for a server, in the order they came; bounded, the oldest go first. */
export interface LineBuffer {
  /** Lines that wait, without those that were taken. */
  readonly size: number
  /** Returns how many older lines had to go for these. */
  push(lines: readonly string[]): number
  /** The oldest lines, about `count` of them; one batch at a time. */
  take(count: number): string[]
  /** What was taken is done with. */
  settle(): void
  /** What was taken waits again, before all others. Of a batch that was accepted in part, `rest` is enough. */
  putBack(rest: readonly string[]): number
  close(): void
}

/** In memory: lost with the process. */
export function createMemoryBuffer(maxLines: number): LineBuffer {
  let lines: string[] = []
  const trim = () => {
    const gone = Math.max(0, lines.length - maxLines)
    if (gone > 0) lines.splice(0, gone)
    return gone
  }
  return {
    get size() {
      return lines.length
    },
    push(more) {
      for (const line of more) lines.push(line)
      return trim()
    },
    take: (count) => lines.splice(0, count),
    settle() {},
    putBack(rest) {
      lines = [...rest, ...lines]
      return trim()
    },
    close() {},
  }
}

/** "GrGl" in ASCII. */
const applicationId = 0x4772476c
const migrations = [new URL('./migrations/line-buffer/001-lines.sql', import.meta.url)]

/**
 * On disk: what the server has not taken outlives the gateway. A power cut may cost the last moments, a killed process
 * costs nothing. After a crash a batch may be sent twice; for InfluxDB a point written twice is one point.
 * @throws StartError when the file cannot be opened, with the cure
 */
export function openDiskBuffer(file: string, maxLines: number): LineBuffer {
  const database = openDatabase({ file, migrations, applicationId, synchronous: 'NORMAL' })
  const insert = database.prepare('INSERT INTO lines (count, text) VALUES (?, ?)')
  const oldest = database.prepare('SELECT id, count, text FROM lines WHERE id > ? ORDER BY id LIMIT 1')
  const remove = database.prepare('DELETE FROM lines WHERE id <= ?')
  const total: { count: number | null } = database.prepare('SELECT sum(count) AS count FROM lines').get()
  let size = total.count ?? 0
  /** Rows that were taken are those up to here. */
  let takenTo = 0
  let taken = 0

  function guarded<T>(work: () => T): T {
    try {
      return atomically(database, work)
    } catch (error) {
      throw storageError(file, error)
    }
  }

  /** Whole rows go, as few as make room. Rows that are on their way stay. */
  function trim(): number {
    let gone = 0
    while (size > maxLines) {
      const row: { id: number; count: number } | undefined = oldest.get(takenTo)
      if (!row || row.count === size) break
      database.prepare('DELETE FROM lines WHERE id = ?').run(row.id)
      size -= row.count
      gone += row.count
    }
    return gone
  }

  return {
    get size() {
      return size
    },
    push(lines) {
      if (lines.length === 0) return 0
      return guarded(() => {
        insert.run(lines.length, lines.join('\n'))
        size += lines.length
        return trim()
      })
    },
    take(count) {
      const lines: string[] = []
      for (;;) {
        const row: { id: number; count: number; text: string } | undefined = oldest.get(takenTo)
        if (!row || (lines.length > 0 && lines.length + row.count > count)) break
        lines.push(...row.text.split('\n'))
        takenTo = row.id
        size -= row.count
        taken += row.count
        if (lines.length >= count) break
      }
      return lines
    },
    settle() {
      if (takenTo > 0) guarded(() => remove.run(takenTo))
      takenTo = 0
      taken = 0
    },
    putBack() {
      size += taken
      takenTo = 0
      taken = 0
      return guarded(trim)
    },
    close: () => closeDatabase(database),
  }
}
