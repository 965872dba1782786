import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import t from 'tap'
import { createMotionSensor, type Motion } from './motion.ts'

const width = 640
const height = 360

/** A cab: a bright door on a darker wall, and noise of ±2 levels that differs from frame to frame. */
function createCab() {
  const data = new Uint8Array(new SharedArrayBuffer((width * height * 3) / 2))
  const sensor = createMotionSensor()
  let seed = 1
  let index = 0
  const noise = () => {
    seed = (seed * 1103515245 + 12345) & 0x7fffffff
    return ((seed >> 16) % 5) - 2
  }
  /** Shows `count` frames at 5 fps; returns what the last one looked like and how many moved. */
  return function show(
    count: number,
    scene: {
      gain?: number
      offset?: number
      isInfrared?: boolean
      object?: (i: number) => { x: number; size: number; grey: number }
    } = {},
  ): Motion & { moving: number; relit: number } {
    let motion: Motion = { isMoving: false, isRelit: false, changedShare: 0 }
    let moving = 0
    let relit = 0
    for (let i = 0; i < count; i++) {
      const object = scene.object?.(i)
      for (let y = 0; y < height; y++) {
        for (let x = 0; x < width; x++) {
          const isObject = object && x >= object.x && x < object.x + object.size && y >= 80 && y < 80 + object.size
          const visible = x > 200 && x < 420 ? 150 : 60
          // Cloth, paint and steel answer infrared quite differently from visible light.
          const infrared = [30, 210, 120, 170][((x >> 6) + 3 * (y >> 6)) & 3]!
          const surface = isObject ? object.grey : scene.isInfrared ? infrared : visible
          data[y * width + x] = surface * (scene.gain ?? 1) + (scene.offset ?? 0) + noise()
        }
      }
      motion = sensor.observe({ width, height, data, time: { at: index++ * 200, mediaMs: 0, session: 's' } })
      if (motion.isMoving) moving++
      if (motion.isRelit) relit++
    }
    return { ...motion, moving, relit }
  }
}

t.test('an empty, still cab does not move, whatever the noise', async (t) => {
  const show = createCab()
  t.match(show(100), { moving: 0, relit: 0 })
})

t.test('something pushed in is seen at once, and for a moment after it stopped', async (t) => {
  const show = createCab()
  show(20)
  const entering = show(1, { object: () => ({ x: 10, size: 80, grey: 200 }) })
  t.ok(entering.isMoving)
  t.ok(entering.changedShare > 0.02 && entering.changedShare < 0.04, 'about 80×80 of 640×360')
  const standing = { object: () => ({ x: 300, size: 80, grey: 40 }) }
  t.ok(show(5, standing).isMoving)
  t.notOk(show(60, standing).isMoving, 'what stands still for long is background')
  t.ok(show(1).isMoving, 'and its leaving is motion again')
})

t.test('something small and slow is seen too', async (t) => {
  const show = createCab()
  show(20)
  t.ok(show(20, { object: (i) => ({ x: 210 + 4 * i, size: 40, grey: 90 }) }).moving > 15)
})

t.test('a lamp, the exposure and a slow dusk are light, not motion', async (t) => {
  const show = createCab()
  show(20)
  const lamp = show(10, { gain: 0.7 })
  t.match(lamp, { moving: 0, relit: 1 })
  t.match(show(10, { gain: 1.1, offset: 15 }), { moving: 0, relit: 1 })
  let moving = 0
  for (let i = 0; i < 60; i++) moving += show(1, { gain: 1.1 - i * 0.01, offset: 15 }).moving
  t.equal(moving, 0)
})

t.test('somebody who steps in while the light changes is still seen', async (t) => {
  const show = createCab()
  show(20)
  t.ok(show(2, { gain: 0.8, object: (i) => ({ x: 100 + 30 * i, size: 160, grey: 230 }) }).isMoving)
})

t.test('a picture that is new all over is a change of light, and the next motion in it counts', async (t) => {
  const show = createCab()
  show(20)
  t.match(show(1, { isInfrared: true }), { isMoving: false, isRelit: true })
  t.match(show(20, { isInfrared: true }), { moving: 0, relit: 0 })
  t.ok(show(1, { isInfrared: true, object: () => ({ x: 200, size: 120, grey: 250 }) }).isMoving)
})

t.test('key frames and compression of a real encoder are not motion', async (t) => {
  const clip = join(t.testdir(), 'still.mp4')
  const picture = 'mandelbrot=s=640x360:r=15:maxiter=200,trim=end_frame=1,loop=300:1,noise=alls=10:allf=t'
  const encode = [
    '-f',
    'lavfi',
    '-i',
    picture,
    '-t',
    '14',
    '-c:v',
    'libx264',
    '-preset',
    'veryfast',
    '-crf',
    '34',
    '-g',
    '30',
  ]
  const [code] = await once(spawn('ffmpeg', ['-v', 'error', ...encode, clip]), 'exit')
  t.equal(code, 0)
  const decoder = spawn('ffmpeg', [
    '-v',
    'error',
    '-i',
    clip,
    '-r',
    '5',
    '-f',
    'rawvideo',
    '-pix_fmt',
    'yuv420p',
    'pipe:1',
  ])
  const sensor = createMotionSensor()
  const data = new Uint8Array(new SharedArrayBuffer((width * height * 3) / 2))
  let filled = 0
  let frames = 0
  let moving = 0
  for await (const chunk of decoder.stdout as AsyncIterable<Buffer>) {
    for (let from = 0; from < chunk.length; ) {
      const take = Math.min(data.length - filled, chunk.length - from)
      data.set(chunk.subarray(from, from + take), filled)
      filled += take
      from += take
      if (filled < data.length) continue
      filled = 0
      if (sensor.observe({ width, height, data, time: { at: frames++ * 200, mediaMs: 0, session: 's' } }).isMoving)
        moving++
    }
  }
  t.ok(frames >= 60, `${frames} frames`)
  t.equal(moving, 0)
})

t.test('a camera that changes its resolution starts afresh', async (t) => {
  const sensor = createMotionSensor()
  const look = (w: number, h: number, grey: number, at: number) =>
    sensor.observe({
      width: w,
      height: h,
      data: new Uint8Array(new SharedArrayBuffer((w * h * 3) / 2)).fill(grey),
      time: { at, mediaMs: 0, session: 's' },
    }).isMoving
  t.same([look(640, 360, 50, 0), look(1920, 1080, 200, 200), look(32, 18, 90, 400)], [false, false, false])
})

t.test('it is told where something moves, and nothing once it has stopped', async (t) => {
  const show = createCab()
  t.equal(show(20).place, undefined)
  const { place } = show(6, { object: (i) => ({ x: 400 + 20 * i, size: 120, grey: 230 }) })
  t.ok(place && place.x > 0.5 && place.x + place.width <= 1, `from ${place?.x} over ${place?.width} of the width`)
  t.ok(place && place.y > 0.1 && place.y + place.height < 0.7, `from ${place?.y} over ${place?.height} of the height`)
  t.equal(show(100).place, undefined)
})
