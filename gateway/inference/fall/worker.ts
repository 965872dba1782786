import { parentPort, workerData } from 'node:worker_threads'
import { createFallModel, type FallManifest } from './model.ts'
import type { FallReply, FallRequest } from './worker-model.ts'

// Entry point of the thread that owns a fall model's session; it answers in order.
if (parentPort) {
  const port = parentPort
  const reply = (message: FallReply) => port.postMessage(message)
  const model = await createFallModel(workerData as FallManifest)
  port.on('message', async (request: FallRequest) => {
    if (request.type === 'stop') process.exit()
    try {
      reply({ type: 'score', score: await model.score(request.features) })
    } catch (error) {
      reply({ type: 'failed', message: (error as Error).message })
    }
  })
  reply({ type: 'ready' })
}
