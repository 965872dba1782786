import { setTimeout as sleep } from 'node:timers/promises'
import { Worker, type WorkerOptions } from 'node:worker_threads'
import type { Logger } from 'pino'
import { type BackoffBounds, backoffMs } from '../core/backoff.ts'
import type { ModelManifest } from './manifest.ts'
import type { WorkerData, WorkerReply, WorkerRequest } from './worker.ts'

/** A thread that lived so long was not part of a crash loop: the delay starts at its shortest again. */
const soundAfterMs = 60_000
/** For loading the model and the warm-up run; an overloaded small box needs seconds. */
const loadWithinMs = 60_000
/** For an ended thread to be gone. */
const endWithinMs = 5_000

export interface WorkerSlotOptions {
  index: number
  file: URL
  manifest: ModelManifest
  logger: Pick<Logger, 'info' | 'warn'>
  stuckAfterMs: number
  restart: BackoffBounds
  random(): number
  /** A thread has loaded the model and waits for work. */
  onReady(): void
  onReply(reply: Extract<WorkerReply, { job: number }>): void
  /** The thread is lost, and with it what it was working on. */
  onLost(): void
}

/** The place of one worker thread: one is in it, or on its way. */
export interface WorkerSlot {
  readonly isReady: boolean
  /** Threads lost since the first one was ready. */
  readonly losses: number
  /** Settles with the first thread: ready, or an Error saying why it cannot be. */
  readonly started: Promise<void>
  /** One request at a time; a thread that does not answer within `stuckAfterMs` is lost. */
  send(request: WorkerRequest): void
  close(): Promise<void>
}

/**
 * Keeps one worker thread alive.
 *
 *   loading ──ready──▶ idle ──send──▶ busy ──reply──▶ idle
 *      │                 │              │
 *      └── exit, exception, no answer in time ──▶ lost ──back-off──▶ loading
 *
 * `closed` ends it from any state. A thread stuck in native code cannot be ended: its successor starts without it,
 * but a second stuck thread is waited for, so that threads cannot pile up.
 */
export function createWorkerSlot(options: WorkerSlotOptions): WorkerSlot {
  const { index, logger } = options
  const closing = new AbortController()
  let thread: Worker | undefined
  let isReady = false
  let isReported = false
  let losses = 0
  let failures = 0
  let abandoned = 0
  let openedAt = 0
  let answerDue: NodeJS.Timeout | undefined
  let settleStarted: { resolve(): void; reject(reason: Error): void } | undefined
  const started = new Promise<void>((resolve, reject) => {
    settleStarted = { resolve, reject }
  })

  function open(): void {
    const workerData: WorkerData = { isInferenceWorker: true, manifest: options.manifest }
    const current = startThread(options.file, { workerData, name: `inference ${index}` })
    let why = 'it ended by itself'
    thread = current
    openedAt = performance.now()
    expectAnswer(loadWithinMs, 'it did not load the model in time')
    current.on('message', (reply: WorkerReply) => {
      if (thread === current) receive(reply)
    })
    current.on('error', (error: Error) => {
      why = error.message
    })
    current.on('exit', (code) => {
      if (thread === current) lose(`${why} (exit code ${code})`)
    })
  }

  function receive(reply: WorkerReply): void {
    clearTimeout(answerDue)
    answerDue = undefined
    if (reply.type === 'ready') {
      isReady = true
      if (isReported) logger.info({ worker: index }, 'inference worker is back')
      isReported = false
      settleStarted?.resolve()
      settleStarted = undefined
      options.onReady()
    } else if (reply.type === 'unusable') {
      lose(reply.message)
    } else {
      options.onReply(reply)
    }
  }

  function expectAnswer(withinMs: number, why: string): void {
    const due = setTimeout(() => {
      // A blocked event loop delays answers as well as timers: what has already arrived is heard first.
      setImmediate(() => {
        if (answerDue === due) lose(why)
      })
    }, withinMs)
    answerDue = due
  }

  function lose(why: string): void {
    const lost = thread
    if (!lost) return
    thread = undefined
    isReady = false
    clearTimeout(answerDue)
    answerDue = undefined
    if (settleStarted) {
      settleStarted.reject(new Error(why))
      settleStarted = undefined
      void end(lost)
      return
    }
    losses++
    if (!isReported) logger.warn({ worker: index, reason: why }, 'inference worker lost; a new one follows')
    isReported = true
    options.onLost()
    void replace(lost)
  }

  async function replace(lost: Worker): Promise<void> {
    if (performance.now() - openedAt > soundAfterMs) failures = 0
    const delay = backoffMs(failures++, options.restart, options.random)
    try {
      await Promise.all([end(lost), sleep(delay, undefined, { signal: closing.signal })])
      if (!closing.signal.aborted) open()
    } catch (error) {
      if (!closing.signal.aborted) throw error
    }
  }

  async function end(ended: Worker): Promise<void> {
    const gone = ended.terminate().finally(() => abandoned--)
    if (++abandoned > 1) await gone
    else await Promise.race([gone, sleep(endWithinMs, undefined, { ref: false })])
  }

  open()
  return {
    get isReady() {
      return isReady
    },
    get losses() {
      return losses
    },
    started,
    send(request) {
      expectAnswer(options.stuckAfterMs, `it did not answer within ${options.stuckAfterMs} ms`)
      thread?.postMessage(request)
    },
    async close() {
      closing.abort()
      clearTimeout(answerDue)
      const last = thread
      thread = undefined
      isReady = false
      if (last) await end(last)
    },
  }
}

/**
 * In development the entry point is TypeScript, and threads do not inherit tsx from their parent on every Node we
 * support: it is registered inside the thread. The parent's own loaders are left out, they only cost time there.
 */
function startThread(file: URL, options: WorkerOptions): Worker {
  if (!file.pathname.endsWith('.ts')) return new Worker(file, options)
  const loader = JSON.stringify(import.meta.resolve('tsx/esm/api'))
  const code = `import(${loader}).then(({ register }) => { register(); return import(${JSON.stringify(file.href)}) })`
  return new Worker(code, { ...options, eval: true, execArgv: [] })
}
