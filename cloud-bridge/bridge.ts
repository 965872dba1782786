import { randomUUID } from 'node:crypto'
import type { Clock } from '../gateway/core/clock.ts'
import { createClockTrust } from '../gateway/core/clock-trust.ts'
import type { Bell } from './bell.ts'
import { createCaseTaker } from './case.ts'
import type { BridgeConfig } from './config.ts'
import { atomically, type Database } from './database.ts'
import { createDelivery } from './delivery.ts'
import { createFeed } from './feed.ts'
import { createGate, longestPauseMs } from './gate.ts'
import type { Gateway } from './gateway.ts'
import type { BridgeMetrics } from './http.ts'
import { createInbox, type RefusedRow, type StuckEvent } from './inbox.ts'
import { createOutbox, type OutboxCounts, type ParkedRow } from './outbox.ts'
import { createReachability, mergeReachability, type Reachability } from './reachability.ts'
import { createApplier, createPoller } from './status.ts'
import type { Upstream, UpstreamEvent } from './upstream.ts'

/*
 * The whole way, up and down:
 *
 *   gateway journal ──feed──▶ [ outbox ] ──delivery──▶ upstream         both boxes are tables of one SQLite file,
 *          ▲                                              │             so nothing is only in memory
 *          └──────applier──── [ inbox ] ◀──poller/webhook─┘
 */

export interface UpstreamStatus extends Reachability {
  name: string
  kind: string
  outbox: OutboxCounts
  /** Highest sequence number given out. */
  head: number
  pollCursor?: string
}

export interface BridgeStatus {
  at: number
  /** Something a person should look at: a side is away, a row is parked or stuck, an event was refused today, a case has nowhere to go. */
  isDegraded: boolean
  gateway: Reachability & { cursor: number; lastSeq: number }
  upstreams: UpstreamStatus[]
  inbox: { waiting: number; applied: number; refused: number }
  /** Events refused within a day: afterwards somebody has seen it, or nobody will. */
  recentlyRefused: number
  /** Rows and events that were tried often and have waited for more than an hour; 200 of each at most are counted. */
  stuck: number
  /** Rows kept for cases that live at the property. */
  held: number
  /** Cases that are due but whose upstream is not configured. */
  unrouted: number
  /** Set while the bridge's own database cannot be written. */
  broken?: string
}

export interface BridgeParts {
  config: BridgeConfig
  database: Database
  gateway: Gateway
  upstreams: readonly Upstream[]
  clock: Clock
  random: () => number
  bell: Bell
  metrics(): BridgeMetrics
  log: import('pino').Logger
}

export interface Bridge {
  status(): BridgeStatus
  parked(): ParkedRow[]
  refusals(): RefusedRow[]
  stuck(): { rows: ParkedRow[]; events: StuckEvent[] }
  /** Stores what a webhook brought; committed when it returns. */
  receive(upstream: string, events: UpstreamEvent[]): void
  /** What a crash or a new configuration left to be put right. Call it once, before `run`. */
  prepare(): void
  /** Runs every loop until aborted. */
  run(signal: AbortSignal): Promise<void>
}

/** The gate of a whole platform closes for at most this long: a case must not wait for our patience. */
const gateLimitMs = 30_000
/** Looked at without a ring: rows whose next_at came, and rows another process marked for sending again. */
const lookEveryMs = 1000
const pruneEveryMs = 6 * 3600_000
const listLimit = 200
const recentMs = 24 * 3600_000

export function createBridge({
  config,
  database,
  gateway,
  upstreams,
  clock,
  random,
  bell,
  metrics,
  log,
}: BridgeParts): Bridge {
  const pauseLimitMs = Math.max(longestPauseMs, config.retry.maxMs)
  const outbox = createOutbox(database, pauseLimitMs)
  const inbox = createInbox(database, pauseLimitMs)
  const { mayDelete } = createClockTrust({
    lastKnownAt: newestInstant(database),
    now: clock.now,
    onLeap: (leapMs) => log.warn({ leapMs }, 'the clock leapt ahead: no ended case is forgotten for a day'),
  })
  const stream = prepareTables(database, config)
  const lookMs = Math.min(lookEveryMs, config.retry.minMs * 4)
  const gateBounds = { minMs: config.retry.minMs, maxMs: Math.min(config.retry.maxMs, gateLimitMs) }
  const names = upstreams.map(({ name }) => name)
  const cases = createCaseTaker(database, outbox, { site: config.site, upstreams: names, evidence: config.evidence })
  const unroutedSql = database.prepare('SELECT count(*) AS n FROM site_case WHERE is_due = 1 AND upstream IS NULL')
  // Reading and writing apart: a platform that answers polls but refuses cases must not flap between lost and back.
  const watch = (name: string) => createReachability(log, name, clock.now)
  const gatewayWatches = { feed: watch('gateway'), applier: watch('gateway (status)') }
  const ways = upstreams.map((upstream) => ({
    upstream,
    delivery: watch(upstream.name),
    poller: watch(`${upstream.name} (status)`),
  }))
  let broken: string | undefined

  function onBroken(error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error)
    if (broken === undefined) log.error({ reason }, 'the outbox cannot be written; the bridge keeps trying')
    broken = reason
  }
  function onWritten(): void {
    if (broken !== undefined) log.info({ was: broken }, 'the outbox can be written again')
    broken = undefined
  }

  const feed = createFeed({
    database,
    gateway,
    cases,
    watch: gatewayWatches.feed,
    clock,
    random,
    backoff: gateBounds,
    waitMs: config.journalWaitMs,
    onRows() {
      onWritten()
      bell.ring()
    },
    onRewind: (reason) => log.warn({ reason }, 'another journal: reading it from the start, repeats are recognised'),
  })

  const applier = createApplier({
    gateway,
    inbox,
    gate: createGate(gateBounds, random),
    watch: gatewayWatches.applier,
    clock,
    random,
    backoff: config.retry,
    bell,
    lookEveryMs: lookMs,
    onApplied() {
      metrics().applied()
      onWritten()
    },
    onRefused(row, why) {
      metrics().refused()
      log.warn({ case: row.caseId, event: row.eventId, upstream: row.upstream, why }, 'the gateway refused a status')
    },
    onBroken,
  })

  const deliveryTo = ({ upstream, delivery }: (typeof ways)[number]) =>
    createDelivery({
      upstream,
      outbox,
      gateway,
      stream,
      gate: createGate(gateBounds, random),
      watch: delivery,
      clock,
      random,
      backoff: config.retry,
      bell,
      lookEveryMs: lookMs,
      stepWorkers: config.stepWorkers,
      onDelivered(row, startedAt) {
        metrics().delivered(upstream.name, row.kind, clock.now() - startedAt)
        onWritten()
        // The next step of this case is due now, and the link to be told to the gateway.
        bell.ring()
      },
      onParked(row, reason) {
        metrics().parked(upstream.name)
        log.error({ row: row.id, case: row.caseId, kind: row.kind, upstream: upstream.name, reason }, 'delivery parked')
      },
      onFailed: () => metrics().failed(upstream.name),
      onBroken,
    })

  const pollerOf = ({ upstream, poller }: (typeof ways)[number]) =>
    createPoller({
      upstream,
      inbox,
      outbox,
      stream,
      watch: poller,
      clock,
      random,
      backoff: gateBounds,
      pollMs: config.upstreams.find(({ name }) => name === upstream.name)?.pollMs ?? lookEveryMs,
      onEvents: bell.ring,
      onUnreadable({ id, caseId, problem }) {
        metrics().refused()
        log.warn({ case: caseId, event: id, upstream: upstream.name, problem }, 'a status cannot be read')
      },
    })

  async function pruneForever(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        if (mayDelete()) outbox.prune(clock.now() - config.keepDays * 24 * 3600_000)
      } catch (error) {
        onBroken(error)
      }
      await clock.sleep(pruneEveryMs, signal).catch(() => undefined)
    }
  }

  const stuck = () => ({ rows: outbox.stuck(clock.now(), listLimit), events: inbox.stuck(clock.now(), listLimit) })

  function status(): BridgeStatus {
    const gatewayWays = [gatewayWatches.feed.status(), gatewayWatches.applier.status()]
    const gatewayStatus = { ...mergeReachability(gatewayWays), ...feed.status() }
    const upstreamStatus = ways.map(({ upstream: { name, kind }, delivery, poller }): UpstreamStatus => {
      const pollCursor = inbox.cursor(name)
      return {
        name,
        kind,
        ...mergeReachability([delivery.status(), poller.status()]),
        outbox: outbox.counts(name),
        head: outbox.head(name),
        ...(pollCursor === undefined ? {} : { pollCursor }),
      }
    })
    const unrouted = (unroutedSql.get() as { n: number }).n
    const counts = inbox.counts()
    const { rows, events } = stuck()
    const recentlyRefused = inbox.refusedSince(clock.now() - recentMs)
    const isWaitingForSomebody = rows.length + events.length + recentlyRefused + unrouted > 0
    const isDown = [gatewayStatus, ...upstreamStatus].some(({ state }) => state === 'down')
    const isParked = upstreamStatus.some(({ outbox: rows }) => rows.parked > 0)
    return {
      at: clock.now(),
      isDegraded: isDown || isParked || isWaitingForSomebody || broken !== undefined,
      gateway: gatewayStatus,
      upstreams: upstreamStatus,
      inbox: counts,
      recentlyRefused,
      stuck: rows.length + events.length,
      held: outbox.held(),
      unrouted,
      ...(broken === undefined ? {} : { broken }),
    }
  }

  return {
    status,
    parked: () => outbox.parked(listLimit),
    stuck,
    refusals: () => inbox.refusals(listLimit),
    receive(upstream, events) {
      inbox.receive(upstream, events, clock.now())
      bell.ring()
    },
    prepare() {
      const interrupted = outbox.recover()
      if (interrupted > 0) log.info({ rows: interrupted }, 'deliveries cut short by the last stop are sent again')
      const unrouted = cases.routeAll()
      if (unrouted > 0) log.warn({ cases: unrouted }, 'cases are due but their upstream is not configured')
    },
    async run(signal) {
      await Promise.all([
        feed.run(signal),
        applier.run(signal),
        pruneForever(signal),
        ...ways.flatMap((way) => [deliveryTo(way).run(signal), pollerOf(way).run(signal)]),
      ])
    },
  }
}

/** What the clocks of gateway and bridge said last, epoch ms; undefined before the first row. */
function newestInstant(database: Database): number | undefined {
  const { at } = database
    .prepare(
      'SELECT max(at) AS at FROM (SELECT max(enqueued_at) AS at FROM outbox UNION ALL SELECT max(received_at) FROM inbox)',
    )
    .get() as { at: number | null }
  return at ?? undefined
}

/** Rows for the bridge itself and for every configured upstream. Returns the name of the sequence. */
function prepareTables(database: Database, config: BridgeConfig): string {
  return atomically(database, () => {
    database.prepare('INSERT OR IGNORE INTO bridge (id, stream) VALUES (1, ?)').run(randomUUID())
    for (const { name } of config.upstreams)
      database.prepare('INSERT OR IGNORE INTO upstream (name) VALUES (?)').run(name)
    return (database.prepare('SELECT stream FROM bridge').get() as { stream: string }).stream
  })
}
