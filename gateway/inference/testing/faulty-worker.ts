import { parentPort, workerData } from 'node:worker_threads'
import { serve, type WorkerData, type WorkerRequest } from '../serve.ts'

/** First luma byte of a frame that brings this worker to grief; any other frame is analysed as usual. */
export const faults = { exit: 1, exception: 2, hang: 3, slow: 4 } as const

/** The real worker, with frames that kill it: what a defect in native code or in ours would do to the thread. */
if (parentPort) {
  parentPort.on('message', (request: WorkerRequest) => {
    const fault = request.type === 'analyse' ? request.picture.data[0] : undefined
    if (fault === faults.exit) process.exit(3)
    if (fault === faults.exception) throw new Error('broken on purpose')
    if (fault === faults.hang) for (;;);
    if (fault === faults.slow) for (const until = performance.now() + 40; performance.now() < until; );
  })
  await serve(workerData as WorkerData, parentPort)
}
