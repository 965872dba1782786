import { isMainThread, type MessagePort, parentPort, workerData } from 'node:worker_threads'
import type { Detection } from '../core/detection.ts'
import type { ModelManifest } from './manifest.ts'
import type { YuvPicture } from './preprocess.ts'
import { createModelSession } from './session.ts'

/** To the worker: look at this picture. Its pixels are shared memory, not a copy. */
export interface WorkerRequest {
  job: number
  picture: YuvPicture
}

/** What a worker is started with. */
export interface WorkerData {
  /** Tells a worker of ours from a module that was merely imported in some other thread. */
  isInferenceWorker: true
  manifest: ModelManifest
}

/** From the worker. */
export type WorkerReply =
  /** Loaded and warmed up. */
  | { type: 'ready' }
  /** The model cannot be used. */
  | { type: 'unusable'; message: string }
  | { type: 'result'; job: number; detections: Detection[]; preprocessMs: number; runMs: number }
  /** This picture failed; the next may not. */
  | { type: 'failed'; job: number; message: string }

/** Owns one session and answers one request at a time, in order, until its thread is ended. */
export async function serve(manifest: ModelManifest, port: MessagePort): Promise<void> {
  const reply = (message: WorkerReply) => port.postMessage(message)
  try {
    const session = await createModelSession(manifest)
    port.on('message', async ({ job, picture }: WorkerRequest) => {
      try {
        const { detections, preprocessMs, sessionMs, headMs } = await session.infer(picture)
        reply({ type: 'result', job, detections, preprocessMs, runMs: sessionMs + headMs })
      } catch (error) {
        reply({ type: 'failed', job, message: (error as Error).message })
      }
    })
    reply({ type: 'ready' })
  } catch (error) {
    reply({ type: 'unusable', message: (error as Error).message })
  }
}

const data = workerData as WorkerData | null | undefined
if (!isMainThread && parentPort && data?.isInferenceWorker) await serve(data.manifest, parentPort)
