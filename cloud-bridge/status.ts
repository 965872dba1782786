import { type BackoffBounds, backoffMs } from '../gateway/core/backoff.ts'
import type { Clock } from '../gateway/core/clock.ts'
import type { Bell } from './bell.ts'
import { definedOnly } from './defined.ts'
import type { Gate } from './gate.ts'
import type { Gateway, GatewayTransition } from './gateway.ts'
import { GatewayError } from './gateway.ts'
import type { Inbox, InboxRow } from './inbox.ts'
import type { Outbox } from './outbox.ts'
import { describe, type ReachabilityWatch } from './reachability.ts'
import { type UnreadableEvent, type Upstream, UpstreamError, type UpstreamEvent } from './upstream.ts'

/*
 * The way back: asks each platform what became of the cases, and tells the gateway.
 */

const pagesAtOnce = 100

export interface PollerOptions {
  upstream: Upstream
  inbox: Inbox
  outbox: Outbox
  stream: string
  watch: ReachabilityWatch
  clock: Clock
  random: () => number
  backoff: BackoffBounds
  pollMs: number
  onEvents(added: number): void
  /** One that was not known yet. */
  onUnreadable(event: UnreadableEvent): void
}

export interface Poller {
  /** Reads every page there is now, up to a limit; the rest follows with the next poll. */
  runOnce(signal: AbortSignal): Promise<void>
  run(signal: AbortSignal): Promise<void>
}

export function createPoller(options: PollerOptions): Poller {
  const { upstream, inbox, outbox, clock, watch } = options

  async function runOnce(signal: AbortSignal): Promise<void> {
    for (let pages = 0; pages < pagesAtOnce; pages += 1) {
      const cursor = inbox.cursor(upstream.name)
      const head = outbox.head(upstream.name)
      const page = await upstream.poll({ cursor, stream: options.stream, head, signal })
      const now = clock.now()
      // Before the cursor moves on: a crash in between reads them again, and they are known.
      const unreadable = inbox.receiveUnreadable(upstream.name, page.unreadable ?? [], now)
      const added = inbox.receive(upstream.name, page.events, now, page.cursor)
      watch.up()
      for (const event of unreadable) options.onUnreadable(event)
      if (page.events.length > 0) options.onEvents(added)
      // A platform that always says there is more must not be asked without a pause.
      if (!page.hasMore || page.cursor === cursor) return
    }
  }

  return {
    runOnce,
    async run(signal) {
      let failures = 0
      while (!signal.aborted) {
        let pauseMs = options.pollMs
        try {
          await runOnce(signal)
          failures = 0
        } catch (error) {
          if (signal.aborted) return
          watch.down(error)
          const askedMs = error instanceof UpstreamError ? (error.retryAfterMs ?? 0) : 0
          pauseMs = Math.max(pauseMs, askedMs, backoffMs(failures, options.backoff, options.random))
          failures += 1
        }
        await clock.sleep(pauseMs, signal).catch(() => undefined)
      }
    },
  }
}

export interface ApplierOptions {
  gateway: Gateway
  inbox: Inbox
  gate: Gate
  watch: ReachabilityWatch
  clock: Clock
  random: () => number
  backoff: BackoffBounds
  bell: Bell
  lookEveryMs: number
  onApplied(row: InboxRow): void
  onRefused(row: InboxRow, why: string): void
  onBroken(error: unknown): void
}

export interface Applier {
  /** Tells the gateway the next thing, if one is due; false when there is nothing to do. */
  runOnce(signal: AbortSignal): Promise<boolean>
  run(signal: AbortSignal): Promise<void>
}

export function createApplier(options: ApplierOptions): Applier {
  const { gateway, inbox, gate, clock, watch } = options

  const tell = (row: InboxRow, signal: AbortSignal) =>
    row.kind === 'link'
      ? gateway.link(row.caseId, { upstream: row.upstream, ...(row.body as { upstreamRef: string }) }, signal)
      : gateway.transition(row.caseId, toTransition(row, clock.now()), signal)

  async function runOnce(signal: AbortSignal): Promise<boolean> {
    const row = gate.isOpen(clock.now()) ? inbox.next(clock.now()) : undefined
    if (!row) return false
    try {
      const foreign = inbox.whyForeign(row)
      const refusal = foreign === undefined ? await tell(row, signal) : { refused: foreign }
      if (foreign === undefined) {
        gate.succeeded()
        watch.up()
      }
      if (refusal) {
        inbox.refused(row.id, clock.now(), refusal.refused)
        options.onRefused(row, refusal.refused)
      } else {
        inbox.applied(row.id, clock.now())
        options.onApplied(row)
      }
    } catch (error) {
      if (signal.aborted) return false
      if (!(error instanceof GatewayError)) throw error
      const now = clock.now()
      watch.down(error)
      gate.failed(now, error.retryAfterMs)
      inbox.failed(row.id, now + backoffMs(row.attempts, options.backoff, options.random), describe(error))
    }
    return true
  }

  return {
    runOnce,
    async run(signal) {
      while (!signal.aborted) {
        try {
          if (await runOnce(signal)) continue
        } catch (error) {
          options.onBroken(error)
        }
        await options.bell.wait(options.lookEveryMs, signal)
      }
    },
  }
}

const iso = (at: number | undefined) =>
  at === undefined || !Number.isFinite(at) ? undefined : new Date(at).toISOString()

/** The gateway moves no case without these; a status must not get lost because an office gave no reason. */
const notGiven = '（平台未说明 not given by the platform）'
const timeOfReceipt =
  '（平台给出的时间无法识别，此处为收到时间 the platform gave no valid time; this is the time of receipt）'
const noteLimit = 4000
const nameLimit = 200

function toTransition({ upstream, body, receivedAt }: InboxRow, now: number): GatewayTransition {
  const { id, to, role, at, note, reason, unit, respondBy, resolveBy, actorName, organisation } = body as UpstreamEvent
  // Rows may be older than this program: what was no instant stands in them as null.
  const isInstant = typeof at === 'number' && Number.isFinite(at) && at > 0
  const said = note?.trim() || (to === 'handled' ? notGiven : '')
  const needsReason = to === 'rejected' || to === 'returned' || to === 'rework'
  return definedOnly({
    to,
    role,
    // A platform whose clock is ahead must not write into the site's future.
    at: iso(Math.min(isInstant ? at : receivedAt, now)),
    note: (isInstant ? said : said.slice(0, noteLimit - timeOfReceipt.length) + timeOfReceipt) || undefined,
    reason: reason?.trim() || (needsReason ? notGiven : undefined),
    unit: unit?.slice(0, nameLimit),
    respondBy: iso(respondBy),
    resolveBy: iso(resolveBy),
    actorName: actorName.slice(0, nameLimit) || undefined,
    organisation: organisation.slice(0, nameLimit) || undefined,
    idempotencyKey: `${upstream}:${id}`,
  })
}
