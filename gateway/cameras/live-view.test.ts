import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import t, { type Test } from 'tap'
import { createRtspServer } from '../../simulators/cameras/rtsp-server.ts'
import type { LiveViewer } from '../core/ports.ts'
import { createLiveView } from './live-view.ts'
import { h264, makeCountingClip, watchCamera } from './testing.ts'

const clip = await makeCountingClip(join(t.testdir(), 'clip.mp4'), { seconds: 10, fps: 10, coding: h264 })
const logger = { info() {}, warn() {} }

interface TestViewer extends LiveViewer {
  bufferedBytes: number
  bytes: number
  chunks: Uint8Array[]
  closedFor: string | undefined
  /** Resolves when so many bytes have come. */
  received(bytes: number): Promise<void>
}

function createViewer(): TestViewer {
  let wake = () => {}
  const viewer: TestViewer = {
    ...{ bufferedBytes: 0, bytes: 0, chunks: [], closedFor: undefined },
    send(chunk) {
      viewer.bytes += chunk.length
      viewer.chunks.push(chunk)
      wake()
    },
    close(reason) {
      viewer.closedFor = reason
      wake()
    },
    received: (bytes) =>
      new Promise((resolve) => {
        wake = () => viewer.bytes >= bytes && resolve()
        wake()
      }),
  }
  return viewer
}

/** A live view fed with a clip's packets, as a ring would feed it. */
function liveViewOf(test: Test, ffmpegPath = 'ffmpeg', more: { isMasked?: boolean; file?: string } = {}) {
  let taps = 0
  const { file = clip, ...how } = more
  const view = createLiveView({
    ...{ camera: 'lift', ffmpegPath, logger, ...how },
    tap(listener) {
      taps++
      const child = spawn('ffmpeg', [
        '-v',
        'error',
        '-re',
        '-stream_loop',
        '-1',
        '-i',
        file,
        '-c',
        'copy',
        '-f',
        'mpegts',
        '-',
      ])
      child.stdout.on('data', (chunk: Buffer) => listener.onPackets(chunk))
      const end = () => void child.kill('SIGKILL')
      test.teardown(end)
      return end
    },
  })
  test.teardown(() => view.close())
  return { view, taps: () => taps }
}

async function until(isSo: () => boolean): Promise<void> {
  const deadline = Date.now() + 30_000
  while (!isSo()) {
    if (Date.now() > deadline) throw new Error('it never became so')
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

t.test('a viewer of a camera gets MPEG-1 video, and no second connection to the camera is made', async (t) => {
  const server = await createRtspServer()
  t.teardown(() => server.close())
  await server.mount('lift', { file: clip })
  const watched = watchCamera({ id: 'lift', url: server.url('lift') })
  t.teardown(() => watched.stop())
  await watched.frame()
  const viewer = createViewer()
  const leave = watched.camera.watch(viewer)
  await viewer.received(30_000)
  leave()
  const probe = spawn('ffprobe', [
    '-v',
    'error',
    '-show_entries',
    'stream=codec_name',
    '-of',
    'csv=p=0',
    '-f',
    'mpegts',
    '-',
  ])
  probe.stdin.on('error', () => {})
  probe.stdin.end(Buffer.concat(viewer.chunks))
  t.match(String(await once(probe.stdout, 'data')), 'mpeg1video')
  t.equal(server.sessionCount('lift'), 1)
})

t.test('the picture starts with the first viewer, is shared, and stops a moment after the last', async (t) => {
  const { view, taps } = liveViewOf(t)
  t.equal(view.isRunning, false)
  const [first, second] = [createViewer(), createViewer()]
  const leaveFirst = view.watch(first)
  const leaveSecond = view.watch(second)
  await Promise.all([first.received(1), second.received(1)])
  leaveFirst()
  leaveFirst()
  t.equal(view.viewerCount, 1)
  leaveSecond()
  t.equal(view.isRunning, true, 'a page that is reloaded finds it running')
  await until(() => !view.isRunning)
  t.equal(taps(), 1)
})

/** Neighbouring pixels far apart in brightness, not at the edges of squares of 24 pixels: what a masked picture lacks. */
async function finerDetail(test: Test, file: string, more: { isMasked?: boolean }): Promise<number> {
  const { view } = liveViewOf(test, 'ffmpeg', { ...more, file })
  const viewer = createViewer()
  const leave = view.watch(viewer)
  await viewer.received(60_000)
  leave()
  const decoder = spawn('ffmpeg', [
    ...['-v', 'error', '-f', 'mpegts', '-i', '-', '-frames:v', '1'],
    ...['-pix_fmt', 'gray', '-f', 'rawvideo', '-'],
  ])
  decoder.stdin.on('error', () => {})
  decoder.stdin.end(Buffer.concat(viewer.chunks))
  const picture = await buffer(decoder.stdout)
  test.equal(picture.length, 640 * 360)
  return picture.reduce((count, value, at) => {
    const isEdge = (at % 640) % 24 === 0
    return count + (!isEdge && Math.abs(value - picture[at - 1]!) > 40 ? 1 : 0)
  }, 0)
}

t.test('masked, the live picture is made of coarse squares', async (t) => {
  const file = join(t.testdir(), 'detail.mp4')
  const source = ['-f', 'lavfi', '-i', 'testsrc2=size=640x360:rate=10', '-t', '5', '-pix_fmt', 'yuv420p']
  await once(spawn('ffmpeg', ['-v', 'error', ...source, '-g', '10', file]), 'exit')
  t.ok((await finerDetail(t, file, {})) > 1000)
  t.equal(await finerDetail(t, file, { isMasked: true }), 0)
})

t.test('a viewer who reads too slowly loses chunks, the others do not', async (t) => {
  const { view } = liveViewOf(t)
  const [slow, quick] = [createViewer(), createViewer()]
  slow.bufferedBytes = 2 * 1024 * 1024
  view.watch(slow)
  view.watch(quick)
  await quick.received(1)
  t.equal(slow.bytes, 0)
  t.ok(view.droppedChunks > 0)
})

t.test('without ffmpeg the viewer is told and the process lives on', async (t) => {
  const { view } = liveViewOf(t, '/nowhere/ffmpeg')
  const viewer = createViewer()
  view.watch(viewer)
  await until(() => viewer.closedFor !== undefined)
  t.match(viewer.closedFor, /ffmpeg/)
  t.equal(view.isRunning, false)
})

t.test('an encoder that dies is started again for those who watch', async (t) => {
  // true ends at once, as a crash does.
  const { view, taps } = liveViewOf(t, '/bin/true')
  view.watch(createViewer())
  await until(() => taps() >= 2)
  view.close()
  t.equal(view.isRunning, false)
  const late = createViewer()
  view.watch(late)
  t.match(late.closedFor, /stopping/)
})
