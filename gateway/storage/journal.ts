import { createHash } from 'node:crypto'
import type { Actor } from '../core/alarm.ts'
import type { JournalEntry, JournalTopic } from '../core/journal.ts'
import { canonicalJson } from './canonical-json.ts'
import type { Database } from './database.ts'

/** What the caller knows of an entry; the journal adds seq and hashes. */
export type JournalDraft = Omit<JournalEntry, 'seq' | 'previousHash' | 'hash'>

/** A row as SQLite holds it; actor and data are canonical JSON text. */
interface JournalRow {
  seq: number
  at: number
  topic: JournalTopic
  subject: string
  transition: string
  actor: string
  data: string
  previous_hash: string
  hash: string
}

export interface Journal {
  /** Appends one row; only inside a transaction. */
  append(draft: JournalDraft): JournalEntry
  read(query: { after: number; limit: number; topics?: readonly JournalTopic[] }): JournalEntry[]
  /** Every row of one subject, oldest first. */
  of(subject: string): JournalEntry[]
  /** 0 while empty. Inside a transaction, the newest row of that transaction. */
  lastSeq(): number
  /** The first seq that is missing or does not fit its hash; undefined when the chain holds from 1 to the end. */
  verify(): number | undefined
}

/**
 * The append-only journal. Hash chain:
 *
 *   hash(n) = SHA-256( hash(n-1) + "\n" + canonical JSON of { actor, at, data, seq, subject, topic, transition } )
 *
 * in UTF-8 and lower-case hexadecimal; the row before the first has the empty hash.
 */
export function createJournal(database: Database): Journal {
  const columns = 'seq, at, topic, subject, transition, actor, data, previous_hash, hash'
  const insert = database.prepare(`INSERT INTO journal (${columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`)
  const newest = database.prepare('SELECT seq, hash FROM journal ORDER BY seq DESC LIMIT 1')
  const readAll = database.prepare(`SELECT ${columns} FROM journal WHERE seq > ? ORDER BY seq LIMIT ?`)
  const ofSubject = database.prepare(`SELECT ${columns} FROM journal WHERE subject = ? ORDER BY seq`)
  const readTopic = database.prepare(`SELECT ${columns} FROM journal WHERE topic = ? AND seq > ? ORDER BY seq LIMIT ?`)

  return {
    append(draft) {
      const last: { seq: number; hash: string } | undefined = newest.get()
      const row: Omit<JournalRow, 'hash'> = {
        seq: (last?.seq ?? 0) + 1,
        at: Math.round(draft.at),
        topic: draft.topic,
        subject: draft.subject,
        transition: draft.transition,
        actor: canonicalJson(draft.actor),
        data: canonicalJson(draft.data),
        previous_hash: last?.hash ?? '',
      }
      const hash = hashOf(row)
      insert.run(row.seq, row.at, row.topic, row.subject, row.transition, row.actor, row.data, row.previous_hash, hash)
      // Parsed back, so that a listener is told exactly what a reader will read, and no caller can change it later.
      return entryOf({ ...row, hash })
    },

    read({ after, limit, topics }) {
      if (limit <= 0) return []
      if (!topics) return readAll.all(after, limit).map(entryOf)
      const found = [...new Set(topics)].flatMap((topic) => readTopic.all(topic, after, limit) as JournalRow[])
      return found
        .sort((a, b) => a.seq - b.seq)
        .slice(0, limit)
        .map(entryOf)
    },

    of: (subject) => (ofSubject.all(subject) as JournalRow[]).map(entryOf),

    lastSeq: () => newest.get()?.seq ?? 0,

    verify() {
      let previous = { seq: 0, hash: '' }
      for (const row of readAll.iterate(0, -1) as Iterable<JournalRow>) {
        if (row.seq !== previous.seq + 1) return previous.seq + 1
        if (row.previous_hash !== previous.hash || row.hash !== hashOf(row)) return row.seq
        previous = row
      }
      return undefined
    },
  }
}

// Built from the stored texts, so that checking a million rows parses none of them.
function hashOf(row: Omit<JournalRow, 'hash'>): string {
  const { seq, at, topic, subject, transition, actor, data, previous_hash } = row
  const text =
    `{"actor":${actor},"at":${at},"data":${data},"seq":${seq},"subject":${JSON.stringify(subject)},` +
    `"topic":${JSON.stringify(topic)},"transition":${JSON.stringify(transition)}}`
  return createHash('sha256').update(`${previous_hash}\n${text}`).digest('hex')
}

function entryOf(row: JournalRow): JournalEntry {
  return {
    seq: row.seq,
    at: row.at,
    topic: row.topic,
    subject: row.subject,
    transition: row.transition,
    actor: JSON.parse(row.actor) as Actor,
    data: JSON.parse(row.data) as Record<string, unknown>,
    previousHash: row.previous_hash,
    hash: row.hash,
  }
}
