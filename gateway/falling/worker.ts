import { parentPort, workerData } from 'node:worker_threads'
import { createFacadeMap } from './calibration.ts'
import { createClassifier } from './classifier.ts'
import { createFallingEngine, type FallingEngine } from './engine.ts'
import { openPixels } from './mask.ts'
import type { WatchData, WatchReply, WatchRequest } from './watch-messages.ts'

// Entry point of the thread that follows the pictures of facade cameras.

interface Watched {
  plan: Extract<WatchRequest, { type: 'open' }>
  engine: FallingEngine | undefined
  session: string
  width: number
  height: number
}

if (parentPort) {
  const port = parentPort
  const classifier = createClassifier((workerData as WatchData).model)
  const cameras = new Map<string, Watched>()
  const reply = (message: WatchReply) => port.postMessage(message)
  port.on('message', (request: WatchRequest) => {
    if (request.type === 'open') {
      cameras.set(request.camera, { plan: request, engine: undefined, session: '', width: 0, height: 0 })
      return
    }
    const { id, camera, session, width, height } = request
    const watched = cameras.get(camera)!
    // Another session has another clock and may have another view; another size certainly has.
    if (watched.session !== session || watched.width !== width || watched.height !== height) {
      watched.engine?.finish()
      Object.assign(watched, { session, width, height })
      const { calibration, masks } = watched.plan
      watched.engine = createFallingEngine({
        ...{ width, height, classifier },
        ...(calibration ? { map: createFacadeMap(calibration) } : {}),
        ...(masks && masks.length > 0 ? { isOpen: openPixels(masks, width, height) } : {}),
        onThrow: (event) => reply({ type: 'throw', camera, session, event }),
      })
    }
    const engine = watched.engine!
    engine.observe(request.data.subarray(0, width * height), request.mediaMs)
    const { counters, stages, restlessShare } = engine
    reply({ type: 'done', id, camera, counters, stages, restlessShare })
  })
  reply({ type: 'ready' })
}
