import { parentPort } from 'node:worker_threads'
import type { FallRequest } from '../worker-model.ts'

/** First value of a window that brings this thread to grief; any other window is judged as usual. */
export const deadly = -77

/** The real thread, with a window that ends it: what a defect in native code would do. */
if (parentPort) {
  parentPort.on('message', (request: FallRequest) => {
    if (request.type === 'score' && request.features[0] === deadly) process.exit(3)
  })
  await import('../worker.ts')
}
