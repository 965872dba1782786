import { setMaxListeners } from 'node:events'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { createCamera } from '../../gateway/cameras/index.ts'
import { createFallingWatch, facadePictures, loadFallingModel } from '../../gateway/falling/index.ts'

/*
 * The process that is measured: N camera readers and a thread for each that follows its pictures, as in the gateway.
 * `facade-watch.ts <count> <port>`; prints a line of JSON per second, with what happened since the last.
 */
const [count, port] = process.argv.slice(2).map(Number) as [number, number]
const model = await loadFallingModel(fileURLToPath(new URL('../../models/falling-track/model.json', import.meta.url)))
const stop = new AbortController()
const ids = Array.from({ length: count }, (_, index) => `facade-${index}`)
const latenciesMs: number[] = []
const watches = ids.map((id) =>
  createFallingWatch({
    ...{ model, cameras: [{ id }], random: Math.random },
    onThrow: (_camera, _event, frame) => latenciesMs.push(Date.now() - frame.at),
    onLost: (reason) => console.error(reason),
  }),
)
setMaxListeners(0, stop.signal)
const running = watches.map((watch) => watch.run(stop.signal))
const cameras = ids.map((id, index) =>
  createCamera(
    { id, url: `rtsp://127.0.0.1:${port}/${id}`, analysis: facadePictures },
    {
      onFrame: (frame) => watches[index]!.observe(frame),
      ...{ now: Date.now, random: Math.random, logger: { info() {}, warn() {} } },
    },
  ),
)
const readers = cameras.map((camera) => camera.run(stop.signal))
const timer = setInterval(() => {
  const each = ids.map((id, index) => watches[index]!.status(id))
  const sum = (of: (status: (typeof each)[number]) => number | undefined) =>
    each.reduce((total, status) => total + (of(status) ?? 0), 0)
  console.log(
    JSON.stringify({
      up: cameras.filter((camera) => camera.status().state === 'up').length,
      frames: sum(({ counters }) => counters?.frames),
      dropped:
        sum(({ droppedFrames }) => droppedFrames) +
        cameras.reduce((total, camera) => total + camera.status().droppedFrames, 0),
      alignMs: sum(({ stages }) => stages?.alignMs),
      backgroundMs: sum(({ stages }) => stages?.backgroundMs),
      blobMs: sum(({ stages }) => stages?.blobMs),
      trackMs: sum(({ stages }) => stages?.trackMs),
      latenciesMs: latenciesMs.splice(0),
    }),
  )
}, 1000)
process.on('SIGTERM', () => {
  clearInterval(timer)
  stop.abort()
  void Promise.all([...running, ...readers]).then(() => process.exit(0))
})
