import { once } from 'node:events'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import t from 'tap'
import { createScene } from '../../simulators/facades/scene.ts'
import type { Frame } from '../core/ports.ts'
import { loadFallingModel } from './classifier.ts'
import { facadePictures } from './facade-pictures.ts'
import type { Throw } from './throw.ts'
import { createFallingWatch } from './watch.ts'

const model = await loadFallingModel(fileURLToPath(new URL('../../models/falling-track/model.json', import.meta.url)))

/** A frame as a camera hands it on, and whether it was given back. */
function frameOf(luma: Uint8Array, size: { width: number; height: number }, mediaMs: number) {
  const data = new Uint8Array(new SharedArrayBuffer(luma.length * 1.5))
  data.set(luma)
  let holders = 0
  let onFree = () => {}
  const freed = new Promise<void>((resolve) => {
    onFree = resolve
  })
  const frame: Frame = {
    ...{ camera: 'facade', ...size, data, time: { at: 1_000_000 + mediaMs, mediaMs, session: 's1' } },
    retain: () => void holders++,
    release: () => --holders === 0 && onFree(),
  }
  return { frame, freed, holders: () => holders }
}

t.test(
  'a throw before a camera reaches the gateway from the thread, with its instant on the gateway’s clock',
  async (t) => {
    const scene = createScene({
      ...{ building: 301, seed: 1, width: 640, framesPerSecond: 25, seconds: 8, daylight: 'day', noise: 1.5 },
      ...{ throws: [{ at: 2.5, kind: 'bag' }], distractors: [], disturbances: [] },
    })
    const told: Array<{ camera: string; event: Throw; at: number }> = []
    const stop = new AbortController()
    const watch = createFallingWatch({
      model,
      cameras: [{ id: 'facade' }],
      onThrow: (camera, event, { at }) => told.push({ camera, event, at }),
      random: Math.random,
    })
    const running = watch.run(stop.signal)
    const picture = new Uint8ClampedArray(scene.width * scene.height)
    const end = scene.frames
    for (let i = 0; i < end && told.length === 0; i++) {
      scene.next(picture)
      const { frame, freed } = frameOf(new Uint8Array(picture.buffer), scene, i * 40)
      watch.observe(frame)
      await freed
    }
    t.equal(told.length, 1)
    t.equal(told[0]!.camera, 'facade')
    t.equal(told[0]!.at, 1_000_000 + told[0]!.event.toMs)
    t.equal(watch.status('facade').droppedFrames, 0)
    stop.abort()
    await running
  },
)

t.test('pictures that come faster than they are followed are dropped, counted, and never held', async (t) => {
  const stop = new AbortController()
  const size = { width: 960, height: 540 }
  const waiting = facadePictures.heldPictures - 2
  const watch = createFallingWatch({ model, cameras: [{ id: 'facade' }], onThrow() {}, random: Math.random })
  const running = watch.run(stop.signal)
  const frames = Array.from({ length: 30 }, (_, i) => frameOf(new Uint8Array(960 * 540).fill(90), size, i * 40))
  for (const { frame } of frames) watch.observe(frame)
  t.equal(watch.status('facade').droppedFrames, 30 - waiting)
  await Promise.all(frames.slice(0, waiting).map(({ freed }) => freed))
  stop.abort()
  await running
})

t.test('a thread that dies gives back what it held and is replaced', async (t) => {
  const stop = new AbortController()
  const lost: string[] = []
  const watch = createFallingWatch({
    ...{ model, cameras: [{ id: 'facade' }], onThrow() {}, random: () => 0 },
    restart: { minMs: 1, maxMs: 1 },
    onLost: (reason) => {
      lost.push(reason)
      again.dispatchEvent(new Event('lost'))
    },
  })
  const again = new EventTarget()
  const isLost = once(again, 'lost')
  const running = watch.run(stop.signal)
  // A frame without its memory ends any reader of it.
  const { frame, freed } = frameOf(new Uint8Array(64), { width: 4096, height: 4096 }, 0)
  watch.observe({ ...frame, data: undefined as never })
  await Promise.all([freed, isLost])
  t.equal(lost.length, 1)
  const deadline = Date.now() + 60_000
  let next = frameOf(new Uint8Array(960 * 540), { width: 960, height: 540 }, 0)
  for (watch.observe(next.frame); watch.status('facade').counters === undefined && Date.now() < deadline; ) {
    await new Promise((resolve) => setTimeout(resolve, 20))
    next = frameOf(new Uint8Array(960 * 540), { width: 960, height: 540 }, 0)
    watch.observe(next.frame)
  }
  t.ok(watch.status('facade').counters, 'the next thread works')
  stop.abort()
  await running
})

t.test('a thread that hangs is noticed, gives back what it held, and is replaced', async (t) => {
  // Answers the first picture and never again, as a loop without an end would.
  const file = join(t.testdir({ 'hanging.mjs': hangingThread }), 'hanging.mjs')
  const stop = new AbortController()
  const happened = new EventTarget()
  const [isLost, isBack] = ['lost', 'back'].map((what) => once(happened, what)) as [Promise<unknown>, Promise<unknown>]
  const reasons: string[] = []
  const watch = createFallingWatch({
    ...{ model, cameras: [{ id: 'facade' }], onThrow() {}, random: () => 0, hungAfterMs: 500 },
    thread: pathToFileURL(file),
    restart: { minMs: 1, maxMs: 1 },
    onLost(reason) {
      reasons.push(reason)
      happened.dispatchEvent(new Event('lost'))
    },
    onBack: () => happened.dispatchEvent(new Event('back')),
  })
  const running = watch.run(stop.signal)
  const given: ReturnType<typeof frameOf>[] = []
  /** Pictures keep coming, as from a camera. */
  const until = async (event: Promise<unknown>) => {
    let isOver = false
    void event.then(() => {
      isOver = true
    })
    while (!isOver) {
      const next = frameOf(new Uint8Array(64), { width: 8, height: 8 }, given.length * 40)
      given.push(next)
      watch.observe(next.frame)
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
  await until(isLost)
  t.match(reasons[0], /answered nothing/)
  await until(isBack)
  stop.abort()
  await running
  t.ok(given.length > 2)
  t.ok(
    given.every(({ holders }) => holders() === 0),
    'no picture is kept',
  )
})

const hangingThread = `import { parentPort } from 'node:worker_threads'
let count = 0
parentPort.on('message', (request) => {
  if (request.type === 'open') return
  if (++count > 1) for (;;);
  const { id, camera } = request
  parentPort.postMessage({ type: 'done', id, camera, counters: undefined, stages: undefined, restlessShare: 0 })
})
parentPort.postMessage({ type: 'ready' })
`

t.test('a calibration that cannot be is refused with the camera’s name', async (t) => {
  const line: [[number, number], [number, number]] = [
    [0, 0],
    [0, 1],
  ]
  const calibration = { left: line, right: line, floors: [{ floor: 1, line }], floorHeightM: 3 }
  const cameras = [{ id: 'east', calibration }]
  t.throws(() => createFallingWatch({ model, cameras, onThrow() {}, random: Math.random }), /camera east/)
})
