import { setTimeout as sleep } from 'node:timers/promises'
import { type BackoffBounds, backoffMs } from '../core/backoff.ts'
import type { CameraProblem } from '../core/ports.ts'
import type { ReaderEnd } from './failure.ts'

/** A session that held so long starts the delays over. */
const stableMs = 60_000

/** After a refusal the delay is drawn from the widest range at once: cameras lock accounts after a few attempts. */
const refusedAttempt = 30

export interface KeepReadingOptions {
  /** One session, from connection to exit. */
  readOnce(signal: AbortSignal): Promise<ReaderEnd>
  /** The session ended and another will follow. */
  onFailed(reason: string, problem?: CameraProblem): void
  backoff: BackoffBounds
  random(): number
  signal: AbortSignal
}

/** Reads session after session, one at a time, until a file is finished or the signal aborts. */
export async function keepReading({ readOnce, onFailed, backoff, random, signal }: KeepReadingOptions): Promise<void> {
  let attempt = 0
  while (!signal.aborted) {
    const startedAt = performance.now()
    const end = await readOnce(signal)
    if (end.type !== 'failed') return
    if (performance.now() - startedAt >= stableMs) attempt = 0
    onFailed(end.reason, end.problem)
    const delayMs = backoffMs(end.isRefused ? refusedAttempt : attempt, backoff, random)
    attempt++
    await sleep(delayMs, undefined, { signal }).catch(() => {})
  }
}
