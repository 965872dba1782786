import { type BackoffBounds, backoffMs } from '../gateway/core/backoff.ts'
import type { Clock } from '../gateway/core/clock.ts'
import type { CaseTaker } from './case.ts'
import { atomically, type Database } from './database.ts'
import type { Gateway, JournalPage } from './gateway.ts'
import type { ReachabilityWatch } from './reachability.ts'

/*
 * Tails the gateway's journal. The rows of a page and the cursor behind them are one transaction of the bridge's own
 * database: after kill -9 the page was either taken in or will be read again.
 */

export interface FeedOptions {
  database: Database
  gateway: Gateway
  cases: CaseTaker
  watch: ReachabilityWatch
  clock: Clock
  random: () => number
  backoff: BackoffBounds
  /** How long the gateway may hold the answer when there is nothing new. */
  waitMs: number
  /** Called after rows were committed. */
  onRows(): void
  /** The gateway's journal is not the one the cursor belongs to: it is read again from the start. */
  onRewind(reason: string): void
}

export interface FeedStatus {
  /** The last row taken in. */
  cursor: number
  /** The last row the gateway has, as far as the bridge knows. */
  lastSeq: number
}

export interface Feed {
  status(): FeedStatus
  /** One connection's worth: checks that the journal is the known one, then tails it until something fails. */
  runOnce(signal: AbortSignal): Promise<void>
  /** Tails until aborted. */
  run(signal: AbortSignal): Promise<void>
}

const pageRows = 500
const topics = ['case', 'alarm'] as const

export function createFeed(options: FeedOptions): Feed {
  const { database, gateway, cases, watch } = options
  const sql = {
    cursor: database.prepare('SELECT journal_seq AS seq, journal_hash AS hash FROM bridge'),
    move: database.prepare('UPDATE bridge SET journal_seq = ?, journal_hash = ?'),
  }
  const cursor = () => sql.cursor.get() as { seq: number; hash: string }
  let lastSeq = 0
  let failures = 0

  function read(after: number, waitMs: number, signal: AbortSignal): Promise<JournalPage> {
    return gateway.journal({ after, limit: pageRows, topics, waitMs, signal })
  }

  /** A restored backup or a new gateway on old cursor would silently hide cases; idempotency keys make a re-read safe. */
  function isKnown(page: JournalPage, at: { seq: number; hash: string }): boolean {
    if (page.lastSeq < at.seq) return false
    const [row] = page.rows
    return row?.seq === at.seq && row.hash === at.hash
  }

  function take(page: JournalPage): void {
    atomically(database, () => {
      const from = cursor().seq
      for (const row of page.rows) if (row.seq > from) cases.take(row)
      const last = page.rows.at(-1)
      if (last && last.seq > from) sql.move.run(last.seq, last.hash)
    })
  }

  async function runOnce(signal: AbortSignal): Promise<void> {
    const known = cursor()
    if (known.seq > 0) {
      const page = await read(known.seq - 1, 0, signal)
      if (!isKnown(page, known)) {
        options.onRewind(`row ${known.seq} of the journal is not the one that was read before`)
        sql.move.run(0, '')
      }
    }
    while (true) {
      signal.throwIfAborted()
      const { seq } = cursor()
      const page = await read(seq, options.waitMs, signal)
      if (page.lastSeq < seq) return
      lastSeq = page.lastSeq
      take(page)
      failures = 0
      watch.up()
      if (page.rows.length > 0) options.onRows()
    }
  }

  return {
    status: () => ({ cursor: cursor().seq, lastSeq: Math.max(lastSeq, cursor().seq) }),
    runOnce,
    async run(signal) {
      while (!signal.aborted) {
        try {
          await runOnce(signal)
        } catch (error) {
          if (signal.aborted) return
          watch.down(error)
          const pauseMs = backoffMs(failures, options.backoff, options.random)
          failures += 1
          await options.clock.sleep(pauseMs, signal).catch(() => undefined)
        }
      }
    },
  }
}
