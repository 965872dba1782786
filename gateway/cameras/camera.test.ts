import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import t, { type Test } from 'tap'
import { createRtspServer, type RtspServer } from '../../simulators/cameras/rtsp-server.ts'
import type { Frame } from '../core/ports.ts'
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
