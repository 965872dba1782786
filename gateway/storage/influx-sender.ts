import { HttpError } from '@influxdata/influxdb-client'
import { type BackoffBounds, backoffMs } from '../core/backoff.ts'
import type { Clock } from '../core/clock.ts'
import { hintFor, type InfluxRequests, type InfluxServer, retryAfterMs, withoutSecrets } from './influx-requests.ts'
import type { LineBuffer } from './line-buffer.ts'

/** A pino logger fits. */
export interface InfluxLogger {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
}

export interface InfluxSenderOptions extends InfluxServer {
  /** Where points wait while the server is away; the sender closes it. What it pushes out is counted as dropped. */
  buffer: LineBuffer
  /** What is left at the end is sent after the next start. */
  isDurable: boolean
  /** Points in one request. */
  batchPoints: number
  /** How long a point waits for company. */
  flushMs: number
  requests: InfluxRequests
  /** How long close() tries to send what is left. */
  closeMs: number
  retry: BackoffBounds
  clock: Clock
  random: () => number
  logger?: InfluxLogger
}

export interface InfluxStatus {
  /** False from a failed request until one succeeds. */
  isUp: boolean
  /** Why it is not up, for an operator; never with the token. */
  reason?: string
  bufferedPoints: number
  writtenPoints: number
  /** Lost since the start: pushed out of the full buffer, refused by the server, or left over at the end. */
  droppedPoints: number
}

export interface InfluxSender {
  /** Takes lines of the line protocol, milliseconds. */
  add(lines: readonly string[]): void
  /** Sends everything; rejects with the first failure, what was not sent stays. */
  flush(): Promise<void>
  status(): InfluxStatus
  close(): Promise<void>
}

/** The server refused these lines themselves; sending them again would change nothing. */
const refusedLines: ReadonlySet<number> = new Set([400, 413, 422])

/**
 * Sends lines to an InfluxDB write API, in the order they came.
 *
 *   empty ──add──▶ gathering ──flushMs over, or a full batch──▶ sending ──accepted──▶ empty or gathering
 *                                                              ▲   │
 *                                     Retry-After or back-off  │   ├─ failed: the batch goes back to the front
 *                                                    waiting ◀─┼───┘
 *                                                              └─ lines refused: the batch is halved until the refused
 *                                                                 line stands alone; that one is dropped and counted
 *
 * Retrying is done here and not by the client: its own retries give a point up after three minutes and read Retry-After
 * as milliseconds. Lost and back are logged once each.
 */
export function createInfluxSender(options: InfluxSenderOptions): InfluxSender {
  const { batchPoints, buffer, flushMs, closeMs, clock, random, logger, requests } = options

  /** The batch on its way: parts still to be accepted. */
  let sending: { parts: string[][]; done: Promise<void> } | undefined
  let written = 0
  let dropped = 0
  let droppedWhenLost = 0
  let hasReportedRefusal = false
  let failure: { reason: string; hint: string } | undefined
  let wake = () => {}
  const stop = new AbortController()
  /** Aborted when close() has waited long enough: ends the request that still hangs. */
  const end = new AbortController()

  const pending = () => (sending?.parts ?? []).reduce((sum, part) => sum + part.length, buffer.size)

  function lost(error: Error): void {
    if (failure) return
    failure = { reason: withoutSecrets(error.message, options), hint: hintFor(error, options) }
    droppedWhenLost = dropped
    logger?.warn({ ...failure }, 'the telemetry server does not take our points; they are kept meanwhile')
  }

  function back(): void {
    if (!failure) return
    failure = undefined
    logger?.info({ droppedPoints: dropped - droppedWhenLost }, 'the telemetry server takes our points again')
  }

  function refused(error: Error, line: string): void {
    dropped++
    if (hasReportedRefusal) return
    hasReportedRefusal = true
    // The series is enough to find the device; the value is nobody's business in a log.
    const series = line.slice(0, 200).split(/(?<!\\) /)[0]
    logger?.warn(
      { reason: withoutSecrets(error.message, options), series },
      'the telemetry server refused a point; further refusals are only counted',
    )
  }

  async function sendParts(parts: string[][]): Promise<void> {
    for (let part = parts[0]; part; part = parts[0]) {
      try {
        await requests.write(part, end.signal)
        written += part.length
        parts.shift()
      } catch (error) {
        if (!(error instanceof HttpError) || !refusedLines.has(error.statusCode)) throw error
        parts.shift()
        // Writing a point twice changes nothing, so halves that were partly accepted may be sent again.
        const middle = part.length >> 1
        if (middle > 0) parts.unshift(part.slice(0, middle), part.slice(middle))
        else refused(error, part[0]!)
      }
    }
  }

  async function sendBatch(parts: string[][]): Promise<void> {
    try {
      await sendParts(parts)
      buffer.settle()
      sending = undefined
      back()
    } catch (error) {
      sending = undefined
      dropped += buffer.putBack(parts.flat())
      lost(error as Error)
      throw error
    }
  }

  /** One request's worth; joins the one that is on its way. */
  function sendNext(): Promise<void> {
    if (sending) return sending.done
    const lines = buffer.take(batchPoints)
    if (lines.length === 0) return Promise.resolve()
    sending = { parts: [lines], done: Promise.resolve() }
    sending.done = sendBatch(sending.parts)
    return sending.done
  }

  async function gather(): Promise<void> {
    if (pending() === 0 && !stop.signal.aborted)
      await new Promise<void>((resolve) => {
        wake = resolve
      })
    if (pending() < batchPoints) await clock.sleep(flushMs, stop.signal)
  }

  async function run(): Promise<void> {
    let attempt = 0
    while (!stop.signal.aborted) {
      try {
        await gather()
        await sendNext()
        attempt = 0
      } catch (error) {
        if (stop.signal.aborted) return
        const waitMs = retryAfterMs(error, clock.now()) ?? backoffMs(attempt++, options.retry, random)
        await clock.sleep(waitMs, stop.signal).catch(() => {})
      }
    }
  }
  const running = run()

  async function flush(): Promise<void> {
    while (pending() > 0 && !end.signal.aborted) await sendNext()
  }

  return {
    add(lines) {
      dropped += buffer.push(lines)
      if (lines.length > 0) wake()
    },
    flush,
    status: () => ({
      isUp: failure === undefined,
      ...(failure ? { reason: `${failure.reason} (${failure.hint})` } : {}),
      bufferedPoints: pending(),
      writtenPoints: written,
      droppedPoints: dropped,
    }),
    async close() {
      if (stop.signal.aborted) return running
      stop.abort()
      wake()
      const late = new AbortController()
      const sent = flush().catch(() => {})
      await Promise.race([sent, clock.sleep(closeMs, late.signal).catch(() => {})])
      late.abort()
      end.abort()
      await Promise.all([sent, running])
      const left = buffer.size
      buffer.close()
      if (left === 0) return
      if (options.isDurable) {
        logger?.info({ waitingPoints: left }, 'telemetry waits on disk for the next start')
        return
      }
      dropped += left
      logger?.warn({ droppedPoints: left }, 'telemetry was left unsent at the end')
    },
  }
}
