import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { Worker, type WorkerOptions } from 'node:worker_threads'
import type { Logger } from 'pino'
import { type BackoffBounds, backoffMs } from '../core/backoff.ts'
import type { ModelManifest } from './manifest.ts'
import { Misfit, misfit } from './misfit.ts'
import { createNativeGate, createNativeGateMemory, type NativeGateMemory } from './native-gate.ts'
import type { WorkerData, WorkerReply, WorkerRequest } from './serve.ts'

/** A thread that lived so long was not part of a crash loop: the delay starts at its shortest again. */
const soundAfterMs = 60_000
/** For loading the model and the warm-up run; an overloaded small box needs seconds. */
const loadWithinMs = 60_000
/** For a thread that was told to stop to finish its run. */
const stopWithinMs = 3_000
/** For an idle thread to hear that it shall stop. */
const hearWithinMs = 250
/** Threads given up inside native code before a slot waits for one of them to return. */
const maxStuck = 1

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
  /** Threads given up inside native code that has not returned yet. */
  readonly stuck: number
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
 * `closed` ends it from any state. A thread is told to stop and terminated only outside native code: terminating it
 * inside session.run aborts the whole process when the run returns (Napi::Error with no environment to go to). One
 * stuck in there is left alone, and its successor starts beside it; a second one is waited for, so that threads
 * cannot pile up.
 */
export function createWorkerSlot(options: WorkerSlotOptions): WorkerSlot {
  const { index, logger } = options
  const closing = new AbortController()
  const stuck = new Set<Promise<void>>()
  let thread: Thread | undefined
  let isReady = false
  let isReported = false
  let losses = 0
  let failures = 0
  let openedAt = 0
  let replacing: Promise<void> | undefined
  let answerDue: NodeJS.Timeout | undefined
  let settleStarted: { resolve(): void; reject(reason: Error): void } | undefined
  const started = new Promise<void>((resolve, reject) => {
    settleStarted = { resolve, reject }
  })

  function open(): void {
    const native = createNativeGateMemory()
    const data: WorkerData = { manifest: options.manifest, native }
    const worker = startWorker(options.file, { workerData: data, name: `inference ${index}` })
    let why = 'it ended by itself'
    const gone = new Promise<void>((resolve) => {
      worker.on('exit', (code) => {
        resolve()
        if (thread === current) lose(new Error(`${why} (exit code ${code})`))
      })
    })
    const current: Thread = { worker, native, gone }
    thread = current
    openedAt = performance.now()
    expectAnswer(loadWithinMs, () => misfit('', 'model-slow', { seconds: loadWithinMs / 1000 }))
    worker.on('message', (reply: WorkerReply) => {
      if (thread === current) receive(reply)
    })
    worker.on('error', (error: Error) => {
      why = error.message
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
      lose(new Misfit(reply.problem))
    } else {
      options.onReply(reply)
    }
  }

  function expectAnswer(withinMs: number, why: () => Error): void {
    const due = setTimeout(() => {
      // A blocked event loop delays answers as well as timers: what has already arrived is heard first.
      setImmediate(() => {
        if (answerDue === due) lose(why())
      })
    }, withinMs)
    answerDue = due
  }

  function lose(why: Error): void {
    const lost = thread
    if (!lost) return
    thread = undefined
    isReady = false
    clearTimeout(answerDue)
    answerDue = undefined
    if (settleStarted) {
      settleStarted.reject(why)
      settleStarted = undefined
      void end(lost, stopWithinMs)
      return
    }
    losses++
    if (!isReported) logger.warn({ worker: index, reason: why.message }, 'inference worker lost; a new one follows')
    isReported = true
    options.onLost()
    replacing = replace(lost)
  }

  async function replace(lost: Thread): Promise<void> {
    if (performance.now() - openedAt > soundAfterMs) failures = 0
    const delay = backoffMs(failures++, options.restart, options.random)
    await Promise.all([end(lost, 0), sleep(delay, undefined, { signal: closing.signal }).catch(() => {})])
    if (stuck.size > maxStuck) await Promise.race([...stuck, once(closing.signal, 'abort')])
    if (!closing.signal.aborted) open()
  }

  /** Resolves when the thread is gone, or has been inside native code for so long that it is given up. */
  async function end({ worker, native, gone }: Thread, patienceMs: number): Promise<void> {
    const gate = createNativeGate(native)
    let isGone = false
    const noticed = gone.then(() => {
      isGone = true
      stuck.delete(noticed)
    })
    const tell: WorkerRequest = { type: 'stop' }
    worker.postMessage(tell)
    for (let waitedMs = 0; !isGone; waitedMs += 25) {
      await Promise.race([noticed, sleep(25)])
      if (waitedMs < hearWithinMs || isGone) continue
      if (gate.condemn()) {
        await worker.terminate()
      } else if (waitedMs >= patienceMs) {
        stuck.add(noticed)
        worker.unref()
        return
      }
    }
  }

  open()
  return {
    get isReady() {
      return isReady
    },
    get losses() {
      return losses
    },
    get stuck() {
      return stuck.size
    },
    started,
    send(request) {
      expectAnswer(options.stuckAfterMs, () => new Error(`it did not answer within ${options.stuckAfterMs} ms`))
      thread?.worker.postMessage(request)
    },
    async close() {
      closing.abort()
      clearTimeout(answerDue)
      const last = thread
      thread = undefined
      isReady = false
      await Promise.all([last && end(last, stopWithinMs), replacing])
    },
  }
}

interface Thread {
  worker: Worker
  native: NativeGateMemory
  /** Resolves when the thread has ended. */
  gone: Promise<void>
}

/**
 * In development the entry point is TypeScript, and threads do not inherit tsx from their parent on every Node we
 * support: it is registered inside the thread. The parent's own loaders are left out, they only cost time there.
 */
export function startWorker(file: URL, options: WorkerOptions): Worker {
  if (!file.pathname.endsWith('.ts')) return new Worker(file, options)
  const loader = JSON.stringify(import.meta.resolve('tsx/esm/api'))
  const code = `import(${loader}).then(({ register }) => { register(); return import(${JSON.stringify(file.href)}) })`
  return new Worker(code, { ...options, eval: true, execArgv: [] })
}
