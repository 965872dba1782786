import { parentPort, workerData } from 'node:worker_threads'
import { serve, type WorkerData, type WorkerRequest } from '../worker.ts'

/** First luma byte of a frame that brings this worker to grief; any other frame is analysed as usual. */
export const faults = { exit: 1, exception: 2, hang: 3, slow: 4 } as const

/** The real worker, with frames that kill it: what a defect in native code or in ours would do to the thread. */
if (parentPort && workerData) {
  parentPort.on('message', ({ picture }: WorkerRequest) => {
    if (picture.data[0] === faults.exit) process.exit(3)
    if (picture.data[0] === faults.exception) throw new Error('broken on purpose')
    if (picture.data[0] === faults.hang) for (;;);
    if (picture.data[0] === faults.slow) for (const until = performance.now() + 40; performance.now() < until; );
  })
  const { manifest } = workerData as WorkerData
  await serve(manifest, parentPort)
}
