import { setTimeout as sleep } from 'node:timers/promises'
import type { Worker } from 'node:worker_threads'
import type { Logger } from 'pino'
import { type BackoffBounds, backoffMs } from '../../core/backoff.ts'
import { startWorker } from '../worker-slot.ts'
import { createFallModel, type FallManifest, type FallModel } from './model.ts'

/** To the thread. */
export type FallRequest = { type: 'score'; features: Float32Array } | { type: 'stop' }

/** From the thread. */
export type FallReply = { type: 'ready' } | { type: 'score'; score: number } | { type: 'failed'; message: string }

/** Windows that wait for the thread; at a tenth of a millisecond each they are never that many. */
const maxPending = 1024
/** A window whose run ended the thread so many times is given up. */
const maxAttempts = 2
/** For the thread to end a run and go. */
const stopWithinMs = 3000

export interface FallWorkerOptions {
  manifest: FallManifest
  logger: Pick<Logger, 'info' | 'warn'>
  /** Between a thread's loss and the next. */
  restart?: BackoffBounds
  random?: () => number
  /** Entry point of the thread. */
  file?: URL
}

interface Pending {
  features: Float32Array
  attempts: number
  resolve(score: number): void
  reject(reason: Error): void
}

/**
 * A fall model in a thread of its own: inference blocks the thread it runs on, and the gateway's event loop never waits.
 *
 *   starting ──ready──▶ up ──thread lost──▶ waiting ──back-off──▶ starting; `close` ends it from any state
 *
 * Windows survive a lost thread and are sent again, twice at most. `score` rejects when a window fails, when too many
 * wait, and after `close`. Rejects with a ConfigError when the manifest does not fit its weights.
 */
export async function createFallWorker(options: FallWorkerOptions): Promise<FallModel & { readonly losses: number }> {
  const { manifest, logger, random = Math.random } = options
  const restart = options.restart ?? { minMs: 200, maxMs: 30_000 }
  const file = options.file ?? new URL(import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js', import.meta.url)
  // What is wrong with the model is said here, in words, before a thread dies of it again and again.
  const probe = await createFallModel(manifest)
  await probe.close()

  /** In order; the first is with the thread, alone, so that it is known what a thread was lost with. */
  const pending: Pending[] = []
  const closing = new AbortController()
  let thread: Worker | undefined
  let isReady = false
  let losses = 0
  let failures = 0

  function sendFirst(): void {
    const [window] = pending
    if (!isReady || !window) return
    const request: FallRequest = { type: 'score', features: window.features }
    thread?.postMessage(request)
  }

  function open(): void {
    const worker = startWorker(file, { workerData: manifest, name: manifest.name })
    thread = worker
    worker.on('message', (reply: FallReply) => receive(reply))
    let why = 'it ended by itself'
    worker.on('error', (error: Error) => {
      why = error.message
    })
    worker.on('exit', () => {
      thread = undefined
      isReady = false
      if (!closing.signal.aborted) void replace(why)
    })
  }

  function receive(reply: FallReply): void {
    if (reply.type === 'ready') {
      isReady = true
    } else {
      if (failures > 0) logger.info({ model: manifest.name }, 'fall model is back')
      failures = 0
      const window = pending.shift()
      if (reply.type === 'score') window?.resolve(reply.score)
      else window?.reject(new Error(reply.message))
    }
    sendFirst()
  }

  async function replace(why: string): Promise<void> {
    losses++
    if (failures === 0)
      logger.warn({ model: manifest.name, reason: why }, 'fall model lost its thread; a new one follows')
    const [window] = pending
    if (window && ++window.attempts >= maxAttempts) {
      pending.shift()
      window.reject(new Error(`the model's thread was lost twice with this window: ${why}`))
    }
    await sleep(backoffMs(failures++, restart, random), undefined, { signal: closing.signal }).catch(() => {})
    if (!closing.signal.aborted) open()
  }

  open()
  return {
    model: `${manifest.name} ${manifest.version}`,
    position: manifest.position,
    triggerG: manifest.triggerG,
    threshold: manifest.thresholds.default,
    get losses() {
      return losses
    },
    score(features) {
      if (closing.signal.aborted) return Promise.reject(new Error('the fall model is closed'))
      if (pending.length >= maxPending)
        return Promise.reject(new Error(`${maxPending} windows wait for the fall model`))
      return new Promise((resolve, reject) => {
        pending.push({ features, attempts: 0, resolve, reject })
        if (pending.length === 1) sendFirst()
      })
    },
    async close() {
      closing.abort()
      for (const window of pending.splice(0)) window.reject(new Error('the fall model is closed'))
      const worker = thread
      if (!worker) return
      const gone = new Promise((resolve) => worker.once('exit', resolve))
      const request: FallRequest = { type: 'stop' }
      worker.postMessage(request)
      // Terminating a thread inside native code aborts the whole process; one that stays is left alone.
      await Promise.race([gone, sleep(stopWithinMs, undefined, { ref: false })])
      worker.unref()
    },
  }
}
