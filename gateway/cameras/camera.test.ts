import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { createRtspServer, type RtspServer } from '../../simulators/cameras/rtsp-server.ts'
import {
  h264,
  h264WithB,
  hevc,
  makeCountingClip,
  readCountingClip,
  type WatchedCamera,
  watchCamera,
} from './testing.ts'

const folder = t.testdir()
const fps = 10
const [plain, withB, h265, large] = await Promise.all([
  makeCountingClip(join(folder, 'plain.mp4'), { seconds: 20, fps, coding: h264 }),
  makeCountingClip(join(folder, 'with-b.mp4'), { seconds: 20, fps, coding: h264WithB }),
  makeCountingClip(join(folder, 'h265.mp4'), { seconds: 20, fps, coding: hevc }),
  makeCountingClip(join(folder, 'large.mp4'), { seconds: 20, fps, coding: h264, size: '320x240' }),
])

const quickRetry = { backoff: { minMs: 100, maxMs: 300 } }

async function serverFor(test: Test, options: Parameters<typeof createRtspServer>[0] = {}): Promise<RtspServer> {
  const server = await createRtspServer(options)
  test.teardown(() => server.close())
  return server
}

function watch(test: Test, ...parameters: Parameters<typeof watchCamera>): WatchedCamera {
  const watched = watchCamera(...parameters)
  test.teardown(() => watched.stop())
  return watched
}

for (const [name, file] of [
  ['H.264', plain] as const,
  ['H.264 with B-frames', withB] as const,
  ['H.265', h265] as const,
]) {
  t.test(`${name}: pictures arrive, and the clip of an event contains it at the right instant`, async (t) => {
    const server = await serverFor(t)
    await server.mount('lift', { file, startAtMs: 3000 })
    const watched = watch(t, { id: 'lift', url: server.url('lift') })
    const first = await watched.frame()
    const event = await watched.frame(({ time }) => time.mediaMs - first.time.mediaMs >= 2500)
    const out = join(folder, `${name}.mp4`)
    const clip = await watched.camera.clip({ around: event.time, beforeMs: 2000, afterMs: 1500, file: out })

    const pictures = await readCountingClip(out)
    const offsetMs = event.time.at - clip.fromAt
    const shown = pictures.find(({ number }) => number === event.number)
    if (!shown)
      return t.fail(`the picture of the event is in the clip: ${event.number} not in ${pictures.map((p) => p.number)}`)
    t.ok(Math.abs(shown.atMs - pictures[0]!.atMs - offsetMs) <= 1000 / fps, `at ${shown.atMs}, expected ${offsetMs}`)
    t.ok(offsetMs >= 1900, 'two seconds before it are there')
    t.ok(clip.toAt - event.time.at >= 1400, 'a second and a half after it is there')
    t.ok(clip.bytes > 0)
    t.equal(server.sessionCount('lift'), 1)
    const expected = {
      id: 'lift',
      state: 'up' as const,
      width: 160,
      height: 96,
      codec: file === h265 ? 'hevc' : 'h264',
    }
    t.match(watched.camera.status(), expected)
  })
}

t.test('two streams: the clip comes from the main one, and its failure does not stop the analysis', async (t) => {
  const server = await serverFor(t)
  // Read beforehand, so that both clocks start together.
  await server.mount('read-1', { file: plain })
  await server.mount('read-2', { file: large })
  await Promise.all([
    server.mount('sub', { file: plain, startAtMs: 3000 }),
    server.mount('main', { file: large, startAtMs: 3000 }),
  ])
  const watched = watch(t, { id: 'lift', url: server.url('main'), subUrl: server.url('sub'), ...quickRetry })
  const first = await watched.frame()
  const event = await watched.frame(({ time }) => time.mediaMs - first.time.mediaMs >= 2500)
  const out = join(folder, 'main.mp4')
  const clip = await watched.camera.clip({ around: event.time, beforeMs: 1000, afterMs: 1000, file: out })
  t.equal(await widthOf(out), 320)
  const pictures = await readCountingClip(out)
  const shown = pictures.find(({ number }) => number === event.number)
  if (!shown) return t.fail(`${event.number} is not among ${pictures.map(({ number }) => number)}`)
  const offMs = shown.atMs - pictures[0]!.atMs - (event.time.at - clip.fromAt)
  t.ok(Math.abs(offMs) <= 300, `off by ${offMs} ms`)

  server.unplug('main')
  const unpluggedAt = Date.now()
  const later = await watched.frame(({ time }) => time.at - unpluggedAt >= 2500)
  t.equal(later.time.session, event.time.session)
  const fromSub = join(folder, 'sub.mp4')
  await watched.camera.clip({ around: later.time, beforeMs: 1000, afterMs: 500, file: fromSub })
  t.equal(await widthOf(fromSub), 160)
  t.ok((await readCountingClip(fromSub)).some(({ number }) => number === later.number))
  t.same(
    watched.statuses.map(({ state }) => state),
    ['up'],
  )
  t.equal(watched.log().match(/main stream lost/g)?.length, 1)
})

t.test('a camera that dies just after the event leaves the clip up to its death', async (t) => {
  const server = await serverFor(t)
  await server.mount('lift', { file: plain })
  const watched = watch(t, { id: 'lift', url: server.url('lift'), ...quickRetry })
  const first = await watched.frame()
  const event = await watched.frame(({ time }) => time.mediaMs - first.time.mediaMs >= 1000)
  const out = join(folder, 'died.mp4')
  const clip = watched.camera.clip({ around: event.time, beforeMs: 5000, afterMs: 10_000, file: out })
  server.unplug('lift')
  const { fromAt, toAt } = await clip
  const pictures = await readCountingClip(out)
  t.ok(pictures.some(({ number }) => number === event.number))
  t.ok(fromAt < event.time.at && toAt >= event.time.at && toAt < event.time.at + 5000)
})

async function widthOf(file: string): Promise<number> {
  const query = ['-v', 'error', '-show_entries', 'stream=width', '-of', 'csv=p=0', file]
  return Number.parseInt((await promisify(execFile)('ffprobe', query)).stdout, 10)
}
