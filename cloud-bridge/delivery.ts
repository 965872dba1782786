import { type BackoffBounds, backoffMs } from '../gateway/core/backoff.ts'
import type { Clock } from '../gateway/core/clock.ts'
import type { Bell } from './bell.ts'
import type { EvidenceFacts } from './case.ts'
import { type Gate, longestPauseMs } from './gate.ts'
import { type Gateway, GatewayError } from './gateway.ts'
import type { Lane, Outbox, OutboxRow } from './outbox.ts'
import { describe, type ReachabilityWatch } from './reachability.ts'
import { sha256 } from './sha256.ts'
import { type CaseReport, type Delivery, type TransitionReport, type Upstream, UpstreamError } from './upstream.ts'

/*
 * Carries outbox rows of one upstream to it. The only place where a delivery is retried: dialects fail, this decides.
 * Several workers carry steps of different cases side by side, so that one slow answer does not hold up the others;
 * one worker carries evidence.
 */

export interface DeliveryOptions {
  upstream: Upstream
  outbox: Outbox
  gateway: Gateway
  stream: string
  gate: Gate
  watch: ReachabilityWatch
  clock: Clock
  random: () => number
  /** Of one row; the gate has its own. */
  backoff: BackoffBounds
  /** Rung when rows were added; how often to look without it. */
  bell: Bell
  lookEveryMs: number
  stepWorkers: number
  onDelivered(row: OutboxRow, startedAt: number): void
  onParked(row: OutboxRow, reason: string): void
  onFailed(row: OutboxRow, reason: string): void
  /** The bridge's own database failed; the worker goes on. */
  onBroken(error: unknown): void
}

export interface DeliveryService {
  /** Sends the next row of a lane, if one may be sent now; false when there is nothing to do. */
  runOnce(lane: Lane, signal: AbortSignal): Promise<boolean>
  /** Sends until aborted. */
  run(signal: AbortSignal): Promise<void>
}

/** The evidence was to be sent, but the gateway has it no more. */
class EvidenceGoneError extends Error {}

export function createDelivery(options: DeliveryOptions): DeliveryService {
  const { upstream, outbox, gateway, gate, clock, watch } = options
  // Sent, but what came of it could not be written (disk full): to be sent again as soon as it can be.
  const unsettled = new Set<number>()

  function take(lane: Lane): OutboxRow | undefined {
    const now = clock.now()
    if (gate.isOpen(now)) return outbox.take({ upstream: upstream.name, lane, now })
    const freshSince = gate.shutSince(now)
    if (freshSince === undefined || lane === 'evidence') return undefined
    // An incident that happened since then knocks once: the platform may be back before our patience is.
    return outbox.take({ upstream: upstream.name, lane, now, freshSince })
  }

  async function send(row: OutboxRow, signal: AbortSignal): Promise<string | undefined> {
    const delivery: Delivery = { idempotencyKey: row.idempotencyKey, stream: options.stream, seq: row.seq, signal }
    if (row.kind === 'open') return (await upstream.openCase(row.body as CaseReport, delivery)).ref
    const ref = row.ref
    if (ref === undefined) throw new Error(`case ${row.caseId} has no number at ${upstream.name} yet`)
    if (row.kind === 'transition') await upstream.transition(ref, row.body as TransitionReport, delivery)
    else await sendEvidence(ref, row.body as EvidenceFacts, delivery)
    return undefined
  }

  async function sendEvidence(ref: string, facts: EvidenceFacts, delivery: Delivery): Promise<void> {
    const file = await gateway.evidence(facts.evidenceId, delivery.signal)
    if ('refused' in file)
      throw new EvidenceGoneError(`the gateway has no evidence ${facts.evidenceId}: ${file.refused}`)
    const hash = sha256(file.bytes)
    if (facts.sha256 !== undefined && facts.sha256 !== hash)
      throw new GatewayError(`evidence ${facts.evidenceId} does not match the hash in the journal`, {
        hint: 'the file was changed or damaged after it was recorded',
      })
    const contentType = facts.contentType ?? file.contentType
    await upstream.evidence(ref, { ...facts, contentType, sha256: hash, bytes: file.bytes }, delivery)
  }

  function afterFailure(row: OutboxRow, error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error)
    const hint = error instanceof UpstreamError || error instanceof GatewayError ? error.hint : undefined
    const now = clock.now()
    if (error instanceof EvidenceGoneError || (error instanceof UpstreamError && !error.retryable)) {
      outbox.park(row.id, reason, hint)
      options.onParked(row, reason)
      return
    }
    const retryAfterMs = error instanceof UpstreamError || error instanceof GatewayError ? (error.retryAfterMs ?? 0) : 0
    if (error instanceof UpstreamError && error.isPlatformWide) {
      gate.failed(now, error.retryAfterMs)
      watch.down(error)
    }
    const pauseMs = Math.max(
      Math.min(retryAfterMs, longestPauseMs),
      backoffMs(row.attempts - 1, options.backoff, options.random),
    )
    outbox.failed(row.id, now + pauseMs, reason, hint)
    options.onFailed(row, describe(error))
  }

  async function runOnce(lane: Lane, signal: AbortSignal): Promise<boolean> {
    for (const id of unsettled) {
      outbox.failed(id, clock.now(), 'the outcome of the last attempt could not be written')
      unsettled.delete(id)
    }
    const row = take(lane)
    if (!row) return false
    const startedAt = clock.now()
    try {
      const ref = await send(row, signal)
      outbox.delivered(row.id, clock.now(), ref)
    } catch (error) {
      unsettled.add(row.id)
      if (signal.aborted) outbox.putBack(row.id)
      else afterFailure(row, error)
      unsettled.delete(row.id)
      return true
    }
    gate.succeeded()
    watch.up()
    options.onDelivered(row, startedAt)
    return true
  }

  async function work(lane: Lane, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        if (await runOnce(lane, signal)) continue
      } catch (error) {
        options.onBroken(error)
      }
      await options.bell.wait(options.lookEveryMs, signal)
    }
  }

  return {
    runOnce,
    async run(signal) {
      const lanes: Lane[] = [...Array<Lane>(options.stepWorkers).fill('step'), 'evidence']
      await Promise.all(lanes.map((lane) => work(lane, signal)))
    },
  }
}
