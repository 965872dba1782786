import type { Logger } from 'pino'
import { type Clock, systemClock } from '../core/clock.ts'
import { DeliveryError } from '../core/errors.ts'
import type { Announcement, Announcer, PlayReport, Speaker } from '../core/ports.ts'
import { withRetry } from './retry.ts'

export interface AnnouncerOptions {
  speakers: readonly Speaker[]
  logger: Pick<Logger, 'warn' | 'info'>
  clock?: Clock
  /** Uniform in [0, 1). */
  random?: () => number
}

/** What became of the announcements since the start. */
export interface AnnouncerCounts {
  played: number
  failed: number
  /** Cut short or removed by a higher priority. */
  interrupted: number
  /** Ended or removed by `stop`. */
  stopped: number
  /** Too old when their turn came. */
  expired: number
  /** Removed because too many waited. */
  overflowed: number
}

/** The announcer with what the composition root and the metrics page need. */
export interface RunningAnnouncer extends Announcer {
  counts(): Readonly<AnnouncerCounts>
  /** Announcements that wait for a speaker. */
  waiting(): number
  /** Ends everything that plays or waits; nothing is played afterwards. */
  close(): Promise<void>
}

/** More than this cannot be of use: with a few seconds each, the last would be told a minute late. */
const maxWaiting = 8
const retryBounds = { minMs: 250, maxMs: 4000 }
/** No warning is this long: a driver that still plays has lost its way. */
const maxPlayMs = 180_000
/** A driver that does not end when told to is given up after this, so that the speaker is free for the next warning. */
const abandonAfterMs = 2000

type End = 'interrupted' | 'stopped' | 'overflowed' | 'overdue'
const ends: Record<End, string> = {
  interrupted: 'a more urgent announcement came first',
  stopped: 'stopped',
  overflowed: `more than ${maxWaiting} announcements were waiting`,
  overdue: `it was still playing after ${maxPlayMs / 1000} s`,
}

interface Job {
  announcement: Announcement
  abort: AbortController
  endedBy?: End
  resolve(report: PlayReport): void
  reject(error: DeliveryError): void
}

interface Lane {
  speaker: Speaker
  current?: Job
  /** Most urgent first, equals in the order they came. */
  waiting: Job[]
  isLost: boolean
}

/**
 * Lets one announcement at a time be heard from each speaker.
 *
 *   announce ─▶ speaker idle ──────────────────────▶ playing ─▶ report
 *           ├─▶ more urgent than what plays ─ cut ──▶ playing
 *           └─▶ otherwise ─▶ waiting ─ its turn ────▶ playing      expired, stopped, overflowed ─▶ report, not played
 *
 * An announcement to an idle speaker reaches its driver before `announce` returns. Failures are tried again until the
 * announcement expires; then `announce` rejects with the driver's DeliveryError. Being cut short, stopped or too old is
 * no failure: the report says so, with `isAccepted: false` where nothing was heard.
 */
export function createAnnouncer(options: AnnouncerOptions): RunningAnnouncer {
  const { logger, clock = systemClock, random = Math.random } = options
  const lanes = new Map<string, Lane>(
    options.speakers.map((speaker) => [speaker.id, { speaker, waiting: [], isLost: false }]),
  )
  const counts: AnnouncerCounts = { played: 0, failed: 0, interrupted: 0, stopped: 0, expired: 0, overflowed: 0 }
  const running = new Set<Promise<void>>()
  let isClosed = false

  const notPlayed = (job: Job, by: End | 'expired') => {
    const at = clock.now()
    const why = by === 'expired' ? 'it had expired before its turn came' : ends[by]
    job.resolve({
      isAccepted: false,
      bytesSent: 0,
      startedAt: at,
      endedAt: at,
      phrases: [{ key: `not-played-${by}` }],
      deviceReply: `not played: ${why}`,
    })
  }

  const end = (lane: Lane, job: Job, by: End) => {
    if (job !== lane.current) {
      lane.waiting.splice(lane.waiting.indexOf(job), 1)
      if (by !== 'overdue') counts[by]++
      return notPlayed(job, by)
    }
    job.endedBy ??= by
    job.abort.abort()
  }

  async function play(lane: Lane, job: Job): Promise<void> {
    const { announcement, abort } = job
    const { signal } = abort
    const overdue = setTimeout(() => end(lane, job, 'overdue'), maxPlayMs)
    let giveUp: NodeJS.Timeout | undefined
    const abandoned = new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => {
        giveUp = setTimeout(
          () =>
            reject(
              new DeliveryError(`${announcement.speaker} did not stop in time`, {
                retryable: false,
                phrase: { key: 'did-not-stop' },
              }),
            ),
          abandonAfterMs,
        )
      })
    })
    try {
      const clip = { id: announcement.clip, language: announcement.language }
      const retry = { clock, random, bounds: retryBounds, until: announcement.expiresAt, signal }
      const report = await Promise.race([withRetry(() => lane.speaker.play(clip, signal), retry), abandoned])
      if (job.endedBy) {
        if (job.endedBy !== 'overdue') counts[job.endedBy]++
        job.resolve({
          ...report,
          deviceReply: `${report.deviceReply} (${ends[job.endedBy]})`,
          ...(report.phrases ? { phrases: [...report.phrases, { key: `ended-${job.endedBy}` }] } : {}),
        })
      } else {
        counts.played++
        job.resolve(report)
      }
      if (lane.isLost) logger.info({ speaker: announcement.speaker }, 'speaker is back')
      lane.isLost = false
    } catch (error) {
      if (job.endedBy && job.endedBy !== 'overdue') {
        counts[job.endedBy]++
        return notPlayed(job, job.endedBy)
      }
      counts.failed++
      const failure = error instanceof DeliveryError ? error : unexpected(error)
      if (!lane.isLost) logger.warn({ speaker: announcement.speaker, err: failure, hint: failure.hint }, 'speaker lost')
      lane.isLost = true
      job.reject(failure)
    } finally {
      clearTimeout(overdue)
      clearTimeout(giveUp)
    }
  }

  const dropExpired = (lane: Lane) => {
    for (const job of lane.waiting.filter((waiting) => waiting.announcement.expiresAt <= clock.now())) {
      lane.waiting.splice(lane.waiting.indexOf(job), 1)
      counts.expired++
      notPlayed(job, 'expired')
    }
  }

  const advance = (lane: Lane) => {
    dropExpired(lane)
    const next = lane.waiting.shift()
    if (!next) return
    lane.current = next
    const playing = play(lane, next).finally(() => {
      running.delete(playing)
      delete lane.current
      advance(lane)
    })
    running.add(playing)
  }

  return {
    announce(announcement) {
      const lane = lanes.get(announcement.speaker)
      if (!lane || isClosed) {
        const why = isClosed ? 'the announcer has been closed' : `there is no speaker ${announcement.speaker}`
        const phrase = { key: isClosed ? 'gateway-stops' : 'no-speaker' }
        return Promise.reject(new DeliveryError(why, { retryable: false, phrase }))
      }
      return new Promise((resolve, reject) => {
        const job: Job = { announcement, abort: new AbortController(), resolve, reject }
        const { priority } = announcement
        const before = lane.waiting.findIndex((other) => other.announcement.priority < priority)
        lane.waiting.splice(before === -1 ? lane.waiting.length : before, 0, job)
        if (!lane.current) return advance(lane)
        if (priority > lane.current.announcement.priority) end(lane, lane.current, 'interrupted')
        if (lane.waiting.length > maxWaiting) dropExpired(lane)
        if (lane.waiting.length > maxWaiting) end(lane, lane.waiting.at(-1)!, 'overflowed')
      })
    },
    stop(reference) {
      for (const lane of lanes.values())
        for (const job of [...lane.waiting, ...(lane.current ? [lane.current] : [])])
          if (job.announcement.reference === reference) end(lane, job, 'stopped')
    },
    counts: () => ({ ...counts }),
    waiting: () => [...lanes.values()].reduce((sum, lane) => sum + lane.waiting.length, 0),
    async close() {
      isClosed = true
      for (const lane of lanes.values())
        for (const job of [...lane.waiting, ...(lane.current ? [lane.current] : [])]) end(lane, job, 'stopped')
      await Promise.allSettled([...running])
    },
  }
}

function unexpected(cause: unknown): DeliveryError {
  return new DeliveryError(cause instanceof Error ? cause.message : String(cause), {
    retryable: false,
    cause,
    hint: 'This is a fault of the driver; please report it.',
  })
}
