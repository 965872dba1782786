import { setTimeout as sleep } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { type BackoffBounds, backoffMs } from '../core/backoff.ts'
import type { Frame } from '../core/ports.ts'
import type { FrameTime } from '../core/scene.ts'
import type { Zone } from '../core/zone.ts'
import { createFacadeMap, type FacadeCalibration } from './calibration.ts'
import type { FallingModel } from './classifier.ts'
import type { FallingCounters, StageTimes } from './engine.ts'
import { facadePictures } from './facade-pictures.ts'
import type { Throw } from './throw.ts'
import type { WatchData, WatchReply, WatchRequest } from './watch-messages.ts'

/*
 * Watches facade cameras in one thread of its own.
 *
 *   frame ─▶ waiting (at most `mostWaiting` a camera, else dropped and counted) ─▶ engine ─▶ released
 *
 * A thread that dies, or that owes an answer for too long, is replaced after a back-off; its cameras learn their backgrounds
 * anew.
 */

export interface WatchedCamera {
  id: string
  calibration?: FacadeCalibration
  /** Zones that never count, fractions of the picture. */
  masks?: readonly Zone[]
}

export interface FallingWatchOptions {
  model: FallingModel
  cameras: readonly WatchedCamera[]
  /** `frame` is the last one the event is seen in, on both clocks. */
  onThrow(camera: string, event: Throw, frame: FrameTime): void
  /** The thread was lost and will be replaced. */
  onLost?(reason: string): void
  /** The thread that replaced it has looked at its first picture. */
  onBack?(): void
  random(): number
  restart?: BackoffBounds
  /** A thread that owes the answer to one picture for so long hangs and is replaced. 15 s when absent. */
  hungAfterMs?: number
  /** Entry point of the thread; its own when absent. */
  thread?: URL
}

export interface WatchStatus {
  /** Pictures that came while too many waited: the machine is too slow for its cameras. */
  droppedFrames: number
  counters: FallingCounters | undefined
  stages: StageTimes | undefined
  restlessShare: number
}

export interface FallingWatch {
  /** Takes every picture of a camera; returns at once. Retains and releases the frame itself. */
  observe(frame: Frame): void
  status(camera: string): WatchStatus
  /**
   * Takes another calibration for a camera at once; its background is learnt anew.
   * @throws Error for a calibration that spans no plane
   */
  calibrate(camera: string, calibration: FacadeCalibration): void
  /** Keeps the thread alive until the signal; resolves when it is gone. */
  run(signal: AbortSignal): Promise<void>
}

/** Of what a camera holds one is being read, and one is the newest that a snapshot may want. */
const mostWaiting = facadePictures.heldPictures - 2
/** Times the watchdog looks before it believes that a thread hangs: one long pause of the gateway itself is one look. */
const hungLooks = 5
/** A thread loads its code; on a busy machine that takes longer than any answer. */
const longestLoadMs = 120_000
/** A thread that ran for so long was well: the next back-off begins anew. */
const wellAfterMs = 60_000

/** @throws Error for a calibration that spans no plane */
export function createFallingWatch(options: FallingWatchOptions): FallingWatch {
  const cameras = options.cameras.map((camera) => ({ ...camera }))
  for (const { id, calibration } of cameras)
    if (calibration)
      try {
        createFacadeMap(calibration)
      } catch (error) {
        throw new Error(`camera ${id}: ${(error as Error).message}`)
      }
  const status = new Map<string, WatchStatus>(
    options.cameras.map(({ id }) => [
      id,
      { droppedFrames: 0, counters: undefined, stages: undefined, restlessShare: 0 },
    ]),
  )
  const pending = new Map<number, Frame>()
  const waiting = new Map<string, number>()
  /** The gateway's clock at stream time 0 of a camera's session. */
  const origins = new Map<string, { session: string; at: number }>()
  let worker: Worker | undefined
  let nextId = 1
  let isLost = false

  const settle = (id: number) => {
    const frame = pending.get(id)
    if (!frame) return
    pending.delete(id)
    waiting.set(frame.camera, (waiting.get(frame.camera) ?? 1) - 1)
    frame.release()
  }

  const onReply = (message: Exclude<WatchReply, { type: 'ready' }>) => {
    if (message.type === 'done') {
      const { id, camera, counters, stages, restlessShare } = message
      Object.assign(status.get(camera)!, { counters, stages, restlessShare })
      settle(id)
      if (isLost) options.onBack?.()
      isLost = false
      return
    }
    const { camera, session, event } = message
    const origin = origins.get(camera)
    const at = origin?.session === session ? origin.at + event.toMs : Number.NaN
    options.onThrow(camera, event, { at, mediaMs: event.toMs, session })
  }

  async function runOnce(signal: AbortSignal): Promise<void> {
    const thread = startThread(options.thread ?? ownThread, { model: options.model })
    let reason = 'it ended by itself'
    let isReady = false
    thread.on('message', (message: WatchReply) => {
      if (message.type === 'ready') isReady = true
      else onReply(message)
    })
    thread.on('error', (error) => {
      reason = error.message
    })
    const exited = new Promise((resolve) => thread.once('exit', resolve))
    for (const camera of cameras) thread.postMessage(opening(camera))
    worker = thread
    const hungAfterMs = options.hungAfterMs ?? 15_000
    let owed: number | undefined
    let looks = 0
    const watchdog = setInterval(() => {
      const oldest = isReady ? pending.keys().next().value : 0
      looks = oldest !== undefined && oldest === owed ? looks + 1 : 0
      owed = oldest
      const most = isReady ? hungLooks : (hungLooks * longestLoadMs) / hungAfterMs
      if (looks < most) return
      reason = isReady ? `it answered nothing for ${hungAfterMs / 1000} s` : 'it did not start'
      void thread.terminate()
    }, hungAfterMs / hungLooks)
    const stop = () => void thread.terminate()
    signal.addEventListener('abort', stop, { once: true })
    if (signal.aborted) stop()
    await exited
    clearInterval(watchdog)
    signal.removeEventListener('abort', stop)
    worker = undefined
    for (const id of [...pending.keys()]) settle(id)
    if (signal.aborted) return
    isLost = true
    options.onLost?.(reason)
  }

  return {
    observe(frame) {
      const own = status.get(frame.camera)
      if (!own) return
      const count = waiting.get(frame.camera) ?? 0
      if (!worker || count >= mostWaiting) {
        own.droppedFrames++
        return
      }
      const { at, mediaMs, session } = frame.time
      origins.set(frame.camera, { session, at: at - mediaMs })
      const id = nextId++
      frame.retain()
      pending.set(id, frame)
      waiting.set(frame.camera, count + 1)
      const { camera, data, width, height } = frame
      worker.postMessage({ type: 'frame', id, camera, data, width, height, mediaMs, session } satisfies WatchRequest)
    },
    status: (camera) => ({ ...status.get(camera)! }),
    calibrate(camera, calibration) {
      createFacadeMap(calibration)
      const watched = cameras.find(({ id }) => id === camera)
      if (!watched) throw new Error(`camera ${camera} is not watched`)
      watched.calibration = calibration
      worker?.postMessage(opening(watched))
    },
    async run(signal) {
      for (let attempt = 0; !signal.aborted; attempt++) {
        const begun = performance.now()
        await runOnce(signal)
        if (signal.aborted) return
        if (performance.now() - begun > wellAfterMs) attempt = 0
        const delay = backoffMs(attempt, options.restart ?? { minMs: 1000, maxMs: 60_000 }, options.random)
        await sleep(delay, undefined, { signal }).catch(() => {})
      }
    },
  }
}

function opening({ id, calibration, masks }: WatchedCamera): WatchRequest {
  return { type: 'open', camera: id, ...(calibration ? { calibration } : {}), ...(masks ? { masks } : {}) }
}

const ownThread = new URL(`./worker.${import.meta.url.endsWith('.ts') ? 'ts' : 'js'}`, import.meta.url)

/** In development the entry point is TypeScript, and threads do not inherit tsx from their parent on every Node. */
function startThread(file: URL, data: WatchData): Worker {
  const options = { workerData: data, name: 'falling objects' }
  if (!file.pathname.endsWith('.ts')) return new Worker(file, options)
  const loader = JSON.stringify(import.meta.resolve('tsx/esm/api'))
  const code = `import(${loader}).then(({ register }) => { register(); return import(${JSON.stringify(file.href)}) })`
  return new Worker(code, { ...options, eval: true, execArgv: [] })
}
