import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync, type DatabaseSyncInstance } from '@photostructure/sqlite'
import type { Logger } from 'pino'
import { StartError } from '../core/errors.ts'

const schema = `
-- One row per client with a persistent session. last_seen: epoch ms of its last login or departure.
CREATE TABLE IF NOT EXISTS session (
  client_id TEXT PRIMARY KEY,
  last_seen INTEGER NOT NULL
) WITHOUT ROWID;
-- What those clients subscribed to. options: JSON of the whole subscription.
CREATE TABLE IF NOT EXISTS subscription (
  client_id TEXT NOT NULL,
  topic TEXT NOT NULL,
  options TEXT NOT NULL,
  PRIMARY KEY (client_id, topic)
) WITHOUT ROWID;
-- Messages a client has not acknowledged yet, oldest first by seq.
-- broker_id, broker_counter: the broker's own name of the message. message_id: the packet id it was last sent with.
-- command: 'publish', or 'pubrel' once the client has received a QoS 2 message and only the release is owed.
CREATE TABLE IF NOT EXISTS queued_message (
  seq INTEGER PRIMARY KEY,
  client_id TEXT NOT NULL,
  broker_id TEXT NOT NULL,
  broker_counter INTEGER NOT NULL,
  message_id INTEGER,
  command TEXT NOT NULL,
  topic TEXT NOT NULL,
  qos INTEGER NOT NULL,
  payload BLOB NOT NULL,
  stored_at INTEGER NOT NULL
);
-- packet: JSON of the message without its payload; the same in will.
CREATE TABLE IF NOT EXISTS retained_message (
  topic TEXT PRIMARY KEY,
  packet TEXT NOT NULL,
  payload BLOB NOT NULL
) WITHOUT ROWID;
-- Wills of clients that were connected to the broker broker_id.
CREATE TABLE IF NOT EXISTS will (
  client_id TEXT PRIMARY KEY,
  broker_id TEXT NOT NULL,
  packet TEXT NOT NULL,
  payload BLOB NOT NULL
) WITHOUT ROWID;
-- QoS 2 messages received and not yet released by their sender: a second copy must not be passed on.
CREATE TABLE IF NOT EXISTS incoming_message (
  client_id TEXT NOT NULL,
  message_id INTEGER NOT NULL,
  PRIMARY KEY (client_id, message_id)
) WITHOUT ROWID;
`

const schemaVersion = 1

// Deletes and the like wait this long for a commit to ride along with: a lost one costs a repeated message, not a lost
// one, and a message that is stored and acknowledged at once costs one flush of the disk instead of two.
const lazyMs = 200
const retryMs = 1_000
// A commit holds the event loop for as long as the disk takes. So many times that long the loop then belongs to the
// sockets, of which it accepts one each turn: else a storm of logins would wait for the disk once for each.
const restFactor = 2
const maxRestMs = 20
// Operations kept while the disk refuses them.
const maxPending = 50_000

/**
 * The sessions' database and its group commit.
 *
 * Writes are collected and go down in one transaction per turn of the event loop; while commits follow each other, in one
 * after each rest. WAL with synchronous=FULL: when
 * {@link committed} resolves the write has been flushed to the disk and survives both kill -9 and power loss (as far as
 * the disk honours a flush). Writes nobody waits for follow within 200 ms.
 *
 * When the disk refuses, nothing is thrown at the broker: the writes stay queued and are tried again every second,
 * `failing` is true, and whoever waits on {@link committed} learns of it.
 */
export class SessionDatabase {
  readonly db: DatabaseSyncInstance
  failing = false
  commits = 0
  #pending: Array<() => void> = []
  #waiters: { promise: Promise<void>; settle: (error?: Error) => void } | undefined
  #immediate: NodeJS.Immediate | undefined
  #timer: NodeJS.Timeout | undefined
  /** No commit before, of performance.now(). */
  #restUntil = 0
  #isResting = false
  // A connection's last words may come after the end of the store.
  #closed = false
  readonly #logger: Logger

  /** @throws StartError when the directory cannot be written or the file belongs to a newer version */
  constructor(file: string, logger: Logger) {
    this.#logger = logger
    try {
      if (file !== ':memory:') mkdirSync(dirname(file), { recursive: true })
      this.db = new DatabaseSync(file)
      this.db.exec('PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA busy_timeout=2000;')
    } catch (error) {
      const hint = 'make the directory writable for the user the broker runs as, or set another one'
      throw new StartError(`cannot open the session store ${file}: ${(error as Error).message}`, hint, error)
    }
    const { user_version: version } = this.db.prepare('PRAGMA user_version').get() as { user_version: number }
    if (version > schemaVersion) {
      this.db.close()
      throw new StartError(
        `${file} was written by a newer version`,
        'install that version again, or move the file away',
      )
    }
    this.db.exec(`${schema} PRAGMA user_version=${schemaVersion}`)
  }

  /** Queues a write; it is committed with the next transaction, at the latest 200 ms from now. */
  write(operation: () => void): void {
    if (this.#closed) return
    this.#pending.push(operation)
    this.#timer ??= setTimeout(() => this.flush(), this.failing ? retryMs : lazyMs).unref()
  }

  /** Resolves when all writes queued so far are on the disk; rejects when the disk refused them. */
  committed(): Promise<void> {
    if (this.#pending.length === 0) return Promise.resolve()
    if (!this.#waiters) {
      let settle: (error?: Error) => void = () => {}
      const promise = new Promise<void>((resolve, reject) => {
        settle = (error) => (error ? reject(error) : resolve())
      })
      this.#waiters = { promise, settle }
    }
    this.#hurry()
    return this.#waiters.promise
  }

  /** Somebody waits: with this turn, or after the rest. */
  #hurry(): void {
    if (this.#immediate || this.#isResting) return
    const restMs = this.#restUntil - performance.now()
    if (restMs <= 0) this.#immediate = setImmediate(() => this.flush())
    else {
      clearTimeout(this.#timer)
      this.#isResting = true
      this.#timer = setTimeout(() => this.flush(), restMs)
    }
  }

  /** Commits what is queued, now. */
  flush(): void {
    clearImmediate(this.#immediate)
    clearTimeout(this.#timer)
    this.#immediate = undefined
    this.#timer = undefined
    this.#isResting = false
    const waiters = this.#waiters
    this.#waiters = undefined
    if (this.#pending.length === 0) {
      waiters?.settle()
      return
    }
    const begunAt = performance.now()
    try {
      this.db.exec('BEGIN IMMEDIATE')
      for (const operation of this.#pending) operation()
      this.db.exec('COMMIT')
    } catch (error) {
      this.#failed(error as Error)
      waiters?.settle(error as Error)
      return
    } finally {
      const endedAt = performance.now()
      this.#restUntil = endedAt + Math.min((endedAt - begunAt) * restFactor, maxRestMs)
    }
    this.#pending = []
    this.commits++
    if (this.failing) this.#logger.info('the session store can be written again')
    this.failing = false
    waiters?.settle()
  }

  /** Commits and closes. */
  close(): void {
    this.flush()
    this.#closed = true
    clearTimeout(this.#timer)
    this.#pending = []
    this.db.close()
  }

  #failed(error: Error): void {
    if (this.db.isTransaction) this.db.exec('ROLLBACK')
    if (!this.failing) {
      this.#logger.error(
        { err: error },
        'the session store cannot be written: messages are passed on but not acknowledged to their senders; free disk space',
      )
    }
    this.failing = true
    // Half at once, so that a full backlog does not shift one element per message.
    if (this.#pending.length > maxPending) this.#pending.splice(0, maxPending / 2)
    this.#timer ??= setTimeout(() => this.flush(), retryMs).unref()
  }
}
