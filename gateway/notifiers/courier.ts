import type { Logger } from 'pino'
import { type BackoffBounds, backoffMs } from '../core/backoff.ts'
import { type ChannelReply, channelError, replyOf, tell } from '../core/channel-words.ts'
import { DeliveryError, RecipientError } from '../core/errors.ts'
import type { ChannelState, Courier, Errand, ErrandOutcome, Notifier, PersonMessage } from '../core/ports.ts'
import { createRateWindow, type RateWindow } from './rate-window.ts'

export interface CourierOptions {
  notifiers: readonly Notifier[]
  logger: Pick<Logger, 'warn' | 'info'>
  now: () => number
  /** Milliseconds on a clock that is never set; default the process's own. Queues go by it. */
  monotonicMs?: () => number
  /** Uniform in [0, 1). */
  random: () => number
  /** A channel was lost, or is back. */
  onChannel?: (state: ChannelState) => void
  backoff?: BackoffBounds
  /** When a channel that can say so is asked whether a message arrived: so long after it was accepted. */
  deliveryAfterMs?: readonly number[]
}

export interface CourierCounts {
  accepted: number
  failed: number
  /** Attempts that are tried again. */
  retried: number
  /** Messages that went along with another. */
  grouped: number
  withdrawn: number
  overflowed: number
  stopped: number
}

/** The courier with what the composition root and the metrics page need. */
export interface RunningCourier extends Courier {
  channels(): ChannelState[]
  counts(): Readonly<CourierCounts>
  /** Ends every attempt; nothing is sent afterwards. */
  close(): Promise<void>
}

/** Beyond it the newest that does not concern life is refused; its alarm stands on the console all the same. */
const maxWaiting = 2000
/** What concerns life is refused only beyond this, which no compound can fill. */
const maxWaitingCritical = 20_000
const maxInFlight = 4
const maxGrouped = 50
const attemptWithinMs = 20_000
/** Operators answer within seconds, or when the telephone is switched on. */
const deliveryAfterMs = [8_000, 30_000, 90_000, 300_000, 900_000]
/** Of more messages at once it is not asked whether they arrived. */
const maxAsked = 2000

interface Job {
  errand: Errand
  isCritical: boolean
  /** By the monotonic clock, as `expiresAt`. */
  notBefore: number
  expiresAt: number
  attempts: number
  triedAt?: number
  resolve(outcome: ErrandOutcome): void
}

interface Lane {
  notifier: Notifier
  window: RateWindow
  /** What concerns life first, then in the order they came. */
  waiting: Job[]
  /** Addresses with an attempt under way. */
  inFlight: Set<string>
  /** By the monotonic clock. */
  pausedUntil: number
  state: Omit<ChannelState, 'waiting'>
  failures: number
  timer?: NodeJS.Timeout
}

/**
 * Carries messages to people. Of each channel:
 *
 *   send ─▶ waiting ─ its turn ─▶ under way ─ accepted ─▶ delivered
 *              ▲                     ├─ may be tried again ─▶ waiting, with full jitter, until it expires
 *              └─────────────────────┘                    └─ otherwise ─▶ undelivered
 *   withdraw, overflow: from waiting ─▶ undelivered
 *
 * What concerns life goes first and may use the whole rate of the channel; the rest leaves a quarter of it free. What
 * waits for the same address when its turn comes goes as one message that keeps every place, person and link; what
 * concerns life never waits to be grouped and never shares a message with the rest.
 * A channel is `down` after an attempt that cannot be mended by trying again, or two others in a row; a person without
 * an address says nothing about the channel.
 */
export function createCourier(options: CourierOptions): RunningCourier {
  const { now, random, logger, monotonicMs = () => performance.now() } = options
  const backoff = options.backoff ?? { minMs: 1000, maxMs: 30_000 }
  const counts: CourierCounts = {
    accepted: 0,
    failed: 0,
    retried: 0,
    grouped: 0,
    withdrawn: 0,
    overflowed: 0,
    stopped: 0,
  }
  const closing = new AbortController()
  const asking = new Set<NodeJS.Timeout>()
  const underWay = new Set<Promise<void>>()
  const lanes = new Map<string, Lane>(
    options.notifiers.map((notifier) => [
      notifier.id,
      {
        notifier,
        window: createRateWindow(notifier.limits),
        waiting: [],
        inFlight: new Set(),
        pausedUntil: Number.NEGATIVE_INFINITY,
        state: { notifier: notifier.id, channel: notifier.channel, state: 'unknown', since: now() },
        failures: 0,
      },
    ]),
  )

  function setState(lane: Lane, state: 'up' | 'down', error?: DeliveryError): void {
    if (lane.state.state === state) return
    const { notifier, channel, state: before } = lane.state
    lane.state = {
      notifier,
      channel,
      state,
      since: now(),
      ...(error ? { reason: error.message } : {}),
      ...(error?.hint ? { hint: error.hint } : {}),
      ...(error?.phrase ? { phrases: replyOf(error).phrases } : {}),
    }
    if (state === 'down') logger.warn({ notifier, err: error, hint: error?.hint }, 'channel to people lost')
    else if (before === 'down') logger.info({ notifier }, 'channel to people is back')
    options.onChannel?.({ ...lane.state, waiting: lane.waiting.length })
  }

  /** Sends what may be sent now, and wakes up when the next may. */
  function advance(lane: Lane): void {
    if (closing.signal.aborted) return
    clearTimeout(lane.timer)
    const at = monotonicMs()
    let wakeAt = Number.POSITIVE_INFINITY
    if (lane.pausedUntil > at) wakeAt = lane.pausedUntil
    else
      while (lane.inFlight.size < maxInFlight) {
        const isReady = (job: Job) => !lane.inFlight.has(addressOf(job))
        const job = lane.waiting.find((each) => isReady(each) && each.notBefore <= at)
        if (!job) {
          for (const each of lane.waiting) if (isReady(each)) wakeAt = Math.min(wakeAt, each.notBefore)
          break
        }
        const freeAt = lane.window.freeAt(at, job.isCritical)
        if (freeAt > at) {
          wakeAt = Math.min(wakeAt, freeAt)
          break
        }
        const group = takeGroup(lane, job)
        lane.window.take(at)
        const done = attempt(lane, group).finally(() => {
          underWay.delete(done)
          lane.inFlight.delete(addressOf(job))
          advance(lane)
        })
        underWay.add(done)
      }
    if (wakeAt < Number.POSITIVE_INFINITY)
      lane.timer = setTimeout(() => advance(lane), Math.max(1, Math.min(wakeAt - at, 60_000)))
  }

  /** The job, and with it what waits for the same address and fits into one message. */
  function takeGroup(lane: Lane, first: Job): [Job, ...Job[]] {
    const group: [Job, ...Job[]] = [first]
    let bytes = bytesOf(first)
    for (const job of lane.waiting) {
      if (job === first || job.isCritical !== first.isCritical || addressOf(job) !== addressOf(first)) continue
      bytes += bytesOf(job)
      if (group.length >= maxGrouped || bytes > lane.notifier.maxBytes) break
      if (lane.notifier.fitsInOne?.(messagesOf([...group, job])) === false) break
      group.push(job)
    }
    const taken = new Set(group)
    lane.waiting = lane.waiting.filter((job) => !taken.has(job))
    counts.grouped += group.length - 1
    return group
  }

  async function attempt(lane: Lane, group: [Job, ...Job[]]): Promise<void> {
    const [{ errand }] = group
    lane.inFlight.add(addressOf(group[0]))
    for (const job of group) {
      job.triedAt ??= now()
      job.attempts++
    }
    try {
      const signal = AbortSignal.any([closing.signal, AbortSignal.timeout(attemptWithinMs)])
      const report = await lane.notifier.send(messagesOf(group), errand.to, signal)
      lane.failures = 0
      setState(lane, 'up')
      counts.accepted += group.length
      for (const job of group) job.resolve({ state: 'accepted', triedAt: job.triedAt!, report })
      const { reference, acceptedAt } = report
      if (reference) ask(lane.notifier, group, { reference, acceptedAt }, 0)
    } catch (error) {
      failed(lane, group, error instanceof DeliveryError ? error : unexpected(error))
    }
  }

  /** Asks the channel, now and again, whether the telephone has it. One that does not answer is asked later. */
  function ask(
    notifier: Notifier,
    group: readonly Job[],
    taken: { reference: string; acceptedAt: number },
    turn: number,
  ): void {
    const times = options.deliveryAfterMs ?? deliveryAfterMs
    const afterMs = times[turn]
    const isWanted = notifier.delivery && group.some(({ errand }) => errand.onDelivery)
    if (!isWanted || afterMs === undefined || asking.size >= maxAsked || closing.signal.aborted) return
    const timer = setTimeout(
      () => {
        asking.delete(timer)
        const signal = AbortSignal.any([closing.signal, AbortSignal.timeout(attemptWithinMs)])
        const done = notifier.delivery!(taken, group[0]!.errand.to, signal)
          .catch(() => undefined)
          .then((delivery) => {
            if (closing.signal.aborted) return
            if (!delivery) ask(notifier, group, taken, turn + 1)
            else for (const { errand } of group) errand.onDelivery?.({ at: now(), ...delivery })
          })
          .finally(() => underWay.delete(done))
        underWay.add(done)
      },
      afterMs - (times[turn - 1] ?? 0),
    )
    asking.add(timer)
  }

  function failed(lane: Lane, group: readonly Job[], error: DeliveryError): void {
    if (closing.signal.aborted) {
      giveUp(group, 'stopped', tell('gateway-stops'))
      return
    }
    if (!(error instanceof RecipientError)) {
      lane.failures++
      if (!error.retryable || lane.failures >= 2) setState(lane, 'down', error)
    }
    const at = monotonicMs()
    if (error.retryAfterMs !== undefined) lane.pausedUntil = at + error.retryAfterMs
    for (const job of group) {
      const notBefore = at + backoffMs(job.attempts - 1, backoff, random)
      if (error.retryable && Math.max(notBefore, lane.pausedUntil) < job.expiresAt) {
        counts.retried++
        job.notBefore = notBefore
        enqueue(lane, job)
      } else giveUp([job], 'failed', replyOf(error))
    }
  }

  function giveUp(
    jobs: readonly Job[],
    why: 'failed' | 'withdrawn' | 'overflowed' | 'stopped',
    reply: ChannelReply,
  ): void {
    counts[why] += jobs.length
    for (const { resolve, triedAt } of jobs)
      resolve({
        state: why === 'overflowed' ? 'failed' : why,
        ...reply,
        ...(triedAt === undefined ? {} : { triedAt }),
      })
  }

  function enqueue(lane: Lane, job: Job): void {
    const before = job.isCritical ? lane.waiting.findIndex((other) => !other.isCritical) : -1
    lane.waiting.splice(before === -1 ? lane.waiting.length : before, 0, job)
  }

  return {
    send(errand) {
      const lane = lanes.get(errand.notifier)
      if (!lane || closing.signal.aborted) {
        return Promise.resolve(
          lane
            ? { state: 'stopped', ...tell('gateway-stops') }
            : { state: 'failed', ...tell('no-notifier', { id: errand.notifier }) },
        )
      }
      return new Promise((resolve) => {
        const isCritical = errand.message.severity === 'critical'
        const expiresAt = monotonicMs() + errand.expiresAt - now()
        const job: Job = { errand, isCritical, notBefore: Number.NEGATIVE_INFINITY, expiresAt, attempts: 0, resolve }
        if (lane.waiting.length >= (isCritical ? maxWaitingCritical : maxWaiting)) {
          giveUp([job], 'overflowed', tell('overflowed'))
          return
        }
        enqueue(lane, job)
        advance(lane)
      })
    },
    withdraw(alarm) {
      for (const lane of lanes.values()) {
        const taken = lane.waiting.filter(({ errand }) => errand.message.alarm === alarm)
        lane.waiting = lane.waiting.filter(({ errand }) => errand.message.alarm !== alarm)
        giveUp(taken, 'withdrawn', tell('answered-first'))
      }
    },
    channels: () => [...lanes.values()].map(({ state, waiting }) => ({ ...state, waiting: waiting.length })),
    counts: () => ({ ...counts }),
    async close() {
      closing.abort()
      asking.forEach(clearTimeout)
      for (const lane of lanes.values()) {
        clearTimeout(lane.timer)
        giveUp(lane.waiting.splice(0), 'stopped', tell('gateway-stops'))
        lane.notifier.close?.()
      }
      await Promise.allSettled([...underWay])
    },
  }
}

function addressOf({ errand }: Job): string {
  return errand.to.address ?? errand.to.person
}

function messagesOf([first, ...others]: readonly [Job, ...Job[]]): [PersonMessage, ...PersonMessage[]] {
  return [first.errand.message, ...others.map(({ errand }) => errand.message)]
}

/** Of one message in a group; the link is written out. */
function bytesOf({ errand: { message } }: Job): number {
  return Buffer.byteLength(message.title) + Buffer.byteLength(message.text) + Buffer.byteLength(message.link ?? '') + 8
}

function unexpected(cause: unknown): DeliveryError {
  const said = cause instanceof Error ? cause.message : String(cause)
  return channelError('driver-fault', { said }, { retryable: false, hint: 'report-it', cause })
}
