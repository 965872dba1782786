import type { MessagePort } from 'node:worker_threads'
import type { Detection } from '../core/detection.ts'
import type { ConfigProblem } from '../core/errors.ts'
import type { ModelManifest } from './manifest.ts'
import { misfitOf } from './misfit.ts'
import { createNativeGate, type NativeGateMemory } from './native-gate.ts'
import type { Region, YuvPicture } from './preprocess.ts'
import { createModelSession, type ModelSession } from './session.ts'

/** To the worker. */
export type WorkerRequest =
  /** Look at this picture, or one region of it. Its pixels are shared memory, not a copy. */
  | { type: 'analyse'; job: number; picture: YuvPicture; region?: Region; embed?: readonly string[] }
  /** End as soon as nothing runs. */
  | { type: 'stop' }

/** From the worker. */
export type WorkerReply =
  /** Loaded and warmed up. */
  | { type: 'ready' }
  /** The model cannot be used. */
  | { type: 'unusable'; problem: ConfigProblem }
  | { type: 'result'; job: number; detections: Detection[]; preprocessMs: number; runMs: number }
  /** This picture failed; the next may not. */
  | { type: 'failed'; job: number; message: string }

/** What a worker is started with. */
export interface WorkerData {
  manifest: ModelManifest
  /** Tells the owner whether the thread is inside the runtime's native code, where it must not be terminated. */
  native: NativeGateMemory
}

/** Owns one session and answers one request at a time, in order, until it is told to stop. */
export async function serve({ manifest, native }: WorkerData, port: MessagePort): Promise<void> {
  const reply = (message: WorkerReply) => port.postMessage(message)
  let session: ModelSession | undefined
  port.on('message', async (request: WorkerRequest) => {
    if (request.type === 'stop') process.exit()
    const { job, picture, region, embed } = request
    try {
      if (!session) throw new Error('no model is loaded')
      const { detections, preprocessMs, sessionMs, headMs } = await session.infer(picture, embed, region)
      reply({ type: 'result', job, detections, preprocessMs, runMs: sessionMs + headMs })
    } catch (error) {
      reply({ type: 'failed', job, message: (error as Error).message })
    }
  })
  try {
    session = await createModelSession(manifest, { native: createNativeGate(native) })
    reply({ type: 'ready' })
  } catch (error) {
    reply({ type: 'unusable', problem: misfitOf(error).problem })
  }
}
