import { availableParallelism } from 'node:os'
import type { Logger } from 'pino'
import { ConfigError } from '../core/errors.ts'
import type { Detector, Inference } from '../core/ports.ts'
import type { ModelManifest } from './manifest.ts'
import { misfitOf } from './misfit.ts'
import { yuvBytes } from './preprocess.ts'
import type { WorkerReply } from './serve.ts'
import { createView, type View } from './view.ts'
import { createWaitingRoom, type WaitingFrame } from './waiting-room.ts'
import { createWindow } from './window.ts'
import { createWorkerSlot, type WorkerSlot } from './worker-slot.ts'

export interface DetectorPoolOptions {
  manifest: ModelManifest
  logger: Pick<Logger, 'info' | 'warn' | 'error'>
  /** Threads, each with its own session and one CPU; one per core up to four unless said otherwise. */
  workers?: number
  /** A worker that does not answer for so long is ended and replaced. */
  stuckAfterMs?: number
  /** A frame that waited longer is served next by every fourth free worker, whatever its priority. */
  patienceMs?: number
  /** Delay before a lost worker is replaced; full jitter between the two. */
  restart?: { minMs: number; maxMs: number }
  /** Uniform in [0, 1), for the jitter. */
  random?: () => number
  /** Entry point of the worker threads, for tests that need a worker to fail. */
  workerFile?: URL
}

/** Median and 95th percentile of the last 512 values, milliseconds; 0 before the first. */
export interface Spread {
  p50: number
  p95: number
}

/** Counted since the pool began. */
export interface CameraCounts {
  analysed: number
  /** A newer frame of the same camera took this one's place. */
  superseded: number
  /** Lost with a worker, refused by the model, or misshapen. */
  failed: number
}

export interface DetectorStats {
  model: string
  /** Ready to take a frame, of all. */
  workersReady: number
  workers: number
  /** Workers replaced after a crash or a hang. */
  restarts: number
  /** Threads given up inside native code that has not returned yet; each holds a core and a model's memory. */
  stuck: number
  /** Frames waiting now. */
  waiting: number
  preprocessMs: Spread
  runMs: Spread
  queuedMs: Spread
  cameras: Record<string, CameraCounts>
}

export interface DetectorPool extends Detector {
  stats(): DetectorStats
  /** Ends every worker; whatever waits or runs resolves to undefined. */
  close(): Promise<void>
}

interface RunningFrame {
  waiting: WaitingFrame
  job: number
  queuedMs: number
}

/**
 * Worker threads that share one model between all cameras.
 *
 * Per camera at most one frame waits (a newer one takes its place) and at most one runs, so answers come in order.
 * A free worker takes the waiting frame of the highest priority, the longest waiting first among equals; every fourth
 * goes to whoever has lost patience, so a busy lift cannot blind the others for good.
 *
 * Resolves when every worker has loaded and warmed up the model; a model that does not fit its manifest is a
 * ConfigError. Later a lost worker only costs its frame: it is replaced with back-off while the others go on.
 */
export async function createDetectorPool(options: DetectorPoolOptions): Promise<DetectorPool> {
  const { manifest, logger } = options
  const model = `${manifest.name}@${manifest.version}`
  const room = createWaitingRoom({ patienceMs: options.patienceMs ?? 2_000 })
  const cameras = new Map<string, CameraCounts>()
  const views = new Map<string, View>()
  const preprocessMs = createWindow()
  const runMs = createWindow()
  const queuedMs = createWindow()
  const running = new Map<WorkerSlot, RunningFrame>()
  const runningCameras = new Set<string>()
  let jobs = 0
  let isRefusing = false
  let isClosed = false

  function countsOf(camera: string): CameraCounts {
    const known = cameras.get(camera)
    if (known) return known
    const counts = { analysed: 0, superseded: 0, failed: 0 }
    cameras.set(camera, counts)
    return counts
  }

  function viewOf(camera: string): View {
    const known = views.get(camera) ?? createView(manifest.input)
    views.set(camera, known)
    return known
  }

  /** Gives the frame back and answers its caller: once for every frame that was retained. */
  function finish(waiting: WaitingFrame, inference: Inference | undefined): void {
    waiting.frame.release()
    waiting.resolve(inference)
  }

  /** The one place where a running frame ends, whichever way. */
  function settle(slot: WorkerSlot, outcome: Extract<WorkerReply, { type: 'result' }> | undefined): void {
    const current = running.get(slot)
    if (!current) return
    running.delete(slot)
    const { camera, time } = current.waiting.frame
    runningCameras.delete(camera)
    if (!outcome) {
      countsOf(camera).failed++
      finish(current.waiting, undefined)
      return
    }
    countsOf(camera).analysed++
    viewOf(camera).saw(outcome.detections, time.at)
    preprocessMs.add(outcome.preprocessMs)
    runMs.add(outcome.runMs)
    queuedMs.add(current.queuedMs)
    finish(current.waiting, {
      detections: outcome.detections,
      model,
      preprocessMs: outcome.preprocessMs,
      runMs: outcome.runMs,
      queuedMs: current.queuedMs,
    })
  }

  function receive(slot: WorkerSlot, reply: Extract<WorkerReply, { job: number }>): void {
    if (running.get(slot)?.job !== reply.job) return
    if (reply.type === 'failed') {
      if (!isRefusing) logger.error({ model, reason: reply.message }, 'the model fails on frames')
      isRefusing = true
      settle(slot, undefined)
    } else {
      if (isRefusing) logger.info({ model }, 'the model analyses frames again')
      isRefusing = false
      settle(slot, reply)
    }
    dispatch()
  }

  function dispatch(): void {
    if (isClosed) return
    for (const slot of slots) {
      if (!slot.isReady || running.has(slot)) continue
      const now = performance.now()
      const waiting = room.take(now, runningCameras)
      if (!waiting) return
      const { frame, embed, focus } = waiting
      const region = viewOf(frame.camera).next(frame, frame.time.at, focus)
      const job = ++jobs
      running.set(slot, { waiting, job, queuedMs: now - waiting.arrivedAt })
      runningCameras.add(frame.camera)
      const picture = { width: frame.width, height: frame.height, data: frame.data }
      slot.send({ type: 'analyse', job, picture, ...(region && { region }), ...(embed && { embed }) })
    }
  }

  const file = new URL(import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js', import.meta.url)
  const slots: WorkerSlot[] = []
  for (let index = 0; index < (options.workers ?? Math.min(4, availableParallelism())); index++) {
    const slot: WorkerSlot = createWorkerSlot({
      index,
      file: options.workerFile ?? file,
      manifest,
      logger,
      stuckAfterMs: options.stuckAfterMs ?? 5_000,
      restart: options.restart ?? { minMs: 500, maxMs: 30_000 },
      random: options.random ?? Math.random,
      onReady: dispatch,
      onReply: (reply) => receive(slot, reply),
      onLost() {
        settle(slot, undefined)
        dispatch()
      },
    })
    slots.push(slot)
  }

  async function close(): Promise<void> {
    isClosed = true
    for (const waiting of room.drain()) finish(waiting, undefined)
    await Promise.all(slots.map((slot) => slot.close()))
    for (const slot of slots) settle(slot, undefined)
  }

  try {
    await Promise.all(slots.map((slot) => slot.started))
  } catch (error) {
    // Every worker loads the same bytes: the first refusal speaks for all.
    await close()
    throw new ConfigError(`${manifest.name}/model.json`, [misfitOf(error).problem])
  }

  return {
    model,
    detect(frame, { priority, embed, focus }) {
      if (isClosed) return Promise.resolve(undefined)
      if (frame.data.byteLength < yuvBytes(frame.width, frame.height)) {
        countsOf(frame.camera).failed++
        return Promise.resolve(undefined)
      }
      frame.retain()
      return new Promise((resolve) => {
        const arrivedAt = performance.now()
        const older = room.put({
          frame,
          priority,
          ...(embed && { embed }),
          ...(focus && { focus }),
          resolve,
          arrivedAt,
        })
        if (older) {
          countsOf(frame.camera).superseded++
          finish(older, undefined)
        }
        dispatch()
      })
    },
    stats: () => ({
      model,
      workersReady: slots.filter((slot) => slot.isReady).length,
      workers: slots.length,
      restarts: slots.reduce((sum, slot) => sum + slot.losses, 0),
      stuck: slots.reduce((sum, slot) => sum + slot.stuck, 0),
      waiting: room.size,
      preprocessMs: preprocessMs.spread(),
      runMs: runMs.spread(),
      queuedMs: queuedMs.spread(),
      cameras: Object.fromEntries([...cameras].map(([camera, counts]) => [camera, { ...counts }])),
    }),
    close,
  }
}
