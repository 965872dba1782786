import { execFile } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { createRtspServer, type RtspServer } from '../../simulators/cameras/rtsp-server.ts'
import { createFrameGate } from '../inference/gate.ts'
import { h264, hevc, readCountingClip, type WatchedCamera, watchCamera } from './testing.ts'

/** Pictures a second, a key picture each second. */
const fps = 10
/** The first picture of the event; a key picture is five before it, the next five after it. */
const eventFrom = 15
const folder = t.testdir()

/** A cab in which nothing moves, or from picture `eventFrom` on something does, and the pictures tell their numbers. */
async function makeCab(
  name: string,
  {
    seconds,
    isEvent,
    coding,
    size = '320x240',
  }: { seconds: number; isEvent?: boolean; coding: readonly string[]; size?: string },
): Promise<string> {
  const counted = '16+13*if(lt(X,W/2),mod(N,16),mod(floor(N/16),16))'
  const moving = `if(gt(Y,3*H/4),random(1)*255,${counted})`
  const luma = isEvent ? `if(lt(N,${eventFrom}),16,${moving})` : '16'
  const source = `nullsrc=s=${size}:r=${fps}:d=${seconds},geq=lum='${luma}':cb=128:cr=128`
  const file = join(folder, name)
  await promisify(execFile)('ffmpeg', ['-v', 'error', '-f', 'lavfi', '-i', source, ...coding, '-y', file])
  return file
}

async function serverFor(test: Test): Promise<RtspServer> {
  const server = await createRtspServer()
  test.teardown(() => server.close())
  return server
}

/** A camera that may rest, and the gate that tells it when. */
function watch(test: Test, url: string): WatchedCamera {
  const gate = createFrameGate()
  const watched = watchCamera(
    { id: 'lift', url, analysis: { fps: 'all', mayRest: true }, backoff: { minMs: 100, maxMs: 300 } },
    {
      onFrame(frame) {
        if (gate.wants(frame)) gate.found([], frame.time.at)
        watched.camera.rest(gate.isStill(frame.time.at))
      },
    },
  )
  test.teardown(() => watched.stop())
  return watched
}

async function until(isSo: () => boolean, what: string): Promise<void> {
  const deadline = Date.now() + 90_000
  while (!isSo()) {
    if (Date.now() > deadline) throw new Error(`${what} did not come`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

const rests = (watched: WatchedCamera) => until(() => watched.camera.status().isResting === true, 'the rest')

for (const [name, coding] of [['H.264', h264] as const, ['H.265', hevc] as const]) {
  t.test(
    `${name}: a still cab is looked at now and then, and who enters between two looks is seen from the first picture`,
    async (t) => {
      const server = await serverFor(t)
      const still = await makeCab(`still-${name}.mp4`, { seconds: 4, coding })
      const event = await makeCab(`event-${name}.mp4`, { seconds: 6, isEvent: true, coding })
      await server.mount('lift', { file: still })
      const watched = watch(t, server.url('lift'))
      await rests(watched)
      const restedFrom = watched.frames.at(-1)!.time.mediaMs
      await watched.frame(({ time }) => time.mediaMs >= restedFrom + 6000)
      const looks = watched.frames.filter(({ time }) => time.mediaMs > restedFrom)
      t.ok(looks.length <= 5, `${looks.length} looks in six seconds`)

      await server.switchTo('lift', event, { loop: false })
      const seen = await watched.frame(({ number }) => number === eventFrom + 20)
      t.ok(watched.camera.wakes().larger >= 1, JSON.stringify(watched.camera.wakes()))
      const numbers = watched.frames.map(({ number }) => number).filter((number) => number >= eventFrom)
      const expected = Array.from({ length: 21 }, (_, index) => eventFrom + index)
      t.same(numbers.slice(0, 21), expected, 'each picture of the event once, in order')
      const first = watched.frames.findIndex(({ number }) => number === eventFrom)
      const before = watched.frames.slice(0, first).map(({ time }) => time.mediaMs)
      const lead = before.at(-1)! - before.at(-5)!
      t.ok(lead <= 450, `and the pictures since the key picture before it: ${before.slice(-6)}`)
      const ats = watched.frames.map(({ time }) => time.at)
      t.same(
        ats,
        ats.toSorted((a, b) => a - b),
        'times never go back',
      )

      const out = join(folder, `${name}-clip.mp4`)
      const clip = await watched.camera.clip({ around: seen.time, beforeMs: 3000, afterMs: 500, file: out })
      const pictures = await readCountingClip(out)
      const shown = pictures.find(({ number }) => number === seen.number)
      if (!shown) return t.fail(`the event is not in the clip: ${pictures.map(({ number }) => number)}`)
      const offMs = shown.atMs - pictures[0]!.atMs - (seen.time.at - clip.fromAt)
      t.ok(Math.abs(offMs) <= 1000 / fps, `off by ${offMs} ms`)
      t.equal(watched.camera.status().droppedFrames, 0)
      t.same(
        watched.statuses.map(({ state }) => state),
        ['up'],
      )
      await rests(watched)
    },
  )
}

t.test('a camera that is asked for wakes with what came since its last key picture', async (t) => {
  const server = await serverFor(t)
  await server.mount('lift', { file: await makeCab('asked.mp4', { seconds: 4, coding: h264 }) })
  const watched = watch(t, server.url('lift'))
  await rests(watched)
  const look = await watched.frame()
  await until(() => watched.camera.status().isResting === true, 'the rest')
  watched.camera.rest(false)
  await watched.frame(({ time }) => time.mediaMs >= look.time.mediaMs + 3000)
  t.equal(watched.camera.wakes().asked, 1)
  const times = watched.frames.map(({ time }) => time.mediaMs).filter((mediaMs) => mediaMs >= look.time.mediaMs)
  const gaps = times.slice(1).map((mediaMs, index) => mediaMs - times[index]!)
  t.ok(
    gaps.slice(1).every((gap) => Math.abs(gap - 100) < 2),
    `${gaps}`,
  )
})

t.test('a camera with few key pictures never rests', async (t) => {
  const server = await serverFor(t)
  const rare = h264.map((word, index) => (h264[index - 1] === '-g' ? '50' : word))
  await server.mount('lift', {
    file: await makeCab('rare.mp4', { seconds: 10, coding: [...rare, '-x264-params', 'scenecut=0'] }),
  })
  const watched = watch(t, server.url('lift'))
  const first = await watched.frame()
  let hasRested = false
  const look = setInterval(() => {
    hasRested ||= watched.camera.status().isResting === true
  }, 20)
  t.teardown(() => clearInterval(look))
  const last = await watched.frame(({ time }) => time.mediaMs >= first.time.mediaMs + 21_000)
  t.equal(hasRested, false)
  t.ok(
    watched.frames.length >= (last.time.mediaMs - first.time.mediaMs) / 100 - 2,
    `${watched.frames.length} ${watched.camera.status().droppedFrames} ${watched.frames.map(({ time }) => Math.round(time.mediaMs))}`,
  )
})

t.test(
  'a decoder that is killed is replaced, and one that fails again by a reader that decodes everything',
  async (t) => {
    const server = await serverFor(t)
    await server.mount('lift', { file: await makeCab('killed.mp4', { seconds: 4, coding: h264 }) })
    const watched = watch(t, server.url('lift'))
    const { session } = (await watched.frame()).time
    await rests(watched)
    kill(decoders())
    const before = watched.frames.at(-1)!.time.mediaMs
    const again = await watched.frame(({ time }) => time.mediaMs >= before + 3000)
    t.equal(again.time.session, session)
    t.match(watched.log(), 'a decoder failed and was replaced')
    const times = watched.frames.map(({ time }) => time.mediaMs)
    t.ok(
      times.every((mediaMs, index) => index === 0 || mediaMs > times[index - 1]!),
      'no picture twice',
    )
    kill(decoders())
    const other = await watched.frame(({ time }) => time.session !== session)
    t.equal(watched.camera.status().state, 'up')
    t.equal(decoders().length, 0)
    await watched.frame(({ time }) => time.session === other.time.session && time.mediaMs >= other.time.mediaMs + 8000)
    t.equal(watched.camera.status().isResting, undefined)
  },
)

t.test('pictures larger than a decoder takes without delay are decoded all the same', async (t) => {
  const server = await serverFor(t)
  const source = 'nullsrc=s=1280x720:r=5:d=4,geq=lum=random(1)*255:cb=128:cr=128'
  const file = join(folder, 'large.mp4')
  const coding = ['-c:v', 'libx264', '-preset', 'ultrafast', '-crf', '20', '-g', '5', '-pix_fmt', 'yuv420p']
  await promisify(execFile)('ffmpeg', ['-v', 'error', '-f', 'lavfi', '-i', source, ...coding, '-y', file])
  await server.mount('lift', { file })
  const watched = watch(t, server.url('lift'))
  const first = await watched.frame()
  await watched.frame(({ time }) => time.mediaMs >= first.time.mediaMs + 5000)
  t.same(
    watched.statuses.map(({ state }) => state),
    ['up'],
  )
  const times = watched.frames.map(({ time }) => time.mediaMs)
  t.ok(times.every((mediaMs, index) => index === 0 || mediaMs > times[index - 1]!))
})

/** Of this process's children, those that decode what a reader copied. */
function decoders(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        const parent = readFileSync(`/proc/${pid}/stat`, 'latin1')
          .replace(/^.*\) /, '')
          .split(' ')[1]
        const line = readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' ')
        return Number(parent) === process.pid && line.includes('-f mpegts -i pipe:0') && line.includes('yuv4mpegpipe')
      } catch {
        return false
      }
    })
    .map(Number)
}

function kill(pids: readonly number[]): void {
  for (const pid of pids) process.kill(pid, 'SIGKILL')
}
