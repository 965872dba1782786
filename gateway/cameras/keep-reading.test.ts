import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { createRtspServer, type RtspServer } from '../../simulators/cameras/rtsp-server.ts'
import { h264, makeCountingClip, type WatchedCamera, watchCamera } from './testing.ts'

const plain = await makeCountingClip(join(t.testdir(), 'plain.mp4'), { seconds: 20, fps: 10, coding: h264 })

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

t.test('unplugged at the start and later, a camera comes back by itself and says so once each time', async (t) => {
  const server = await serverFor(t)
  await server.mount('lift', { file: plain })
  server.unplug('lift')
  const watched = watch(t, { id: 'lift', url: server.url('lift'), ...quickRetry })
  t.equal(watched.camera.status().state, 'starting')
  await watched.status(({ state }) => state === 'down')
  while (watched.camera.status().reconnects < 3) await new Promise((resolve) => setTimeout(resolve, 50))
  server.replug('lift')
  await watched.frame()
  const { session } = watched.frames.at(-1)!.time
  server.unplug('lift')
  while (watched.statuses.length < 3) await new Promise((resolve) => setTimeout(resolve, 50))
  server.replug('lift')
  await watched.frame()
  t.same(
    watched.statuses.map(({ state }) => state),
    ['down', 'up', 'down', 'up'],
  )
  t.not(watched.frames.at(-1)!.time.session, session)
  t.equal(watched.log().match(/camera lost/g)?.length, 2)
  t.equal(watched.log().match(/camera back/g)?.length, 2)
})

t.test(
  'a camera that stays connected and sends nothing is given up and tried again, one reader at a time',
  async (t) => {
    const server = await serverFor(t)
    await server.mount('lift', { file: plain })
    const most = countChildren(t)
    const watched = watch(t, { id: 'lift', url: server.url('lift'), stallMs: 4000, backoff: { minMs: 1, maxMs: 2 } })
    await watched.frame()
    server.stall('lift')
    const down = await watched.status(({ state }) => state === 'down')
    t.match(down.reason, 'no picture for 4 s')
    while (watched.camera.status().reconnects < 3) await new Promise((resolve) => setTimeout(resolve, 50))
    t.equal(most(), 1)
    server.replug('lift')
    await watched.frame()
    t.equal(watched.camera.status().state, 'up')
  },
)

t.test('a wrong password is told in words, and credentials appear in no log line and no process list', async (t) => {
  const server = await serverFor(t, { users: { admin: "s3'cret/ü:@" } })
  await server.mount('lift', { file: plain })
  const camera = { id: 'lift', url: server.url('lift'), username: 'admin' }
  const wrong = watch(t, { ...camera, password: 'wr0ng-secret' })
  const right = watch(t, { ...camera, password: "s3'cret/ü:@" })
  const down = await wrong.status(({ state }) => state === 'down')
  t.match(down.reason, /user name or password/)
  await right.frame()
  const visible = childrenOf(process.pid)
    .map(({ visible }) => visible)
    .join('\n')
  t.match(visible, 'ffmpeg')
  const shown = [visible, wrong.log(), right.log(), JSON.stringify([wrong.statuses, right.statuses])].join('\n')
  t.notMatch(shown, /s3|cret|wr0ng/)
})

t.test('a machine without ffmpeg has one clear reason and does not crash', async (t) => {
  const watched = watch(t, { id: 'lift', url: 'rtsp://127.0.0.1:1/x' }, { ffmpegPath: '/nowhere/ffmpeg' })
  const down = await watched.status(({ state }) => state === 'down')
  t.match(down.reason, 'ffmpeg was not found (/nowhere/ffmpeg): install it')
})

/** What anybody on the machine can see of a process's children. */
function childrenOf(parent: number): Array<{ pid: string; visible: string }> {
  const children: Array<{ pid: string; visible: string }> = []
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const parentOf = readFileSync(`/proc/${pid}/stat`, 'latin1')
        .replace(/^.*\) /, '')
        .split(' ')[1]
      if (Number(parentOf) !== parent) continue
      const visible = ['cmdline', 'environ'].map((name) => readFileSync(`/proc/${pid}/${name}`, 'utf8')).join('\n')
      children.push({ pid, visible })
    } catch {
      // It ended while we looked.
    }
  }
  return children
}

/** Looks often; tells the most ffmpeg children alive at once. */
function countChildren(test: Test): () => number {
  let most = 0
  const timer = setInterval(() => {
    const readers = childrenOf(process.pid).filter(({ visible }) => visible.startsWith('ffmpeg'))
    most = Math.max(most, readers.length)
  }, 20)
  test.teardown(() => clearInterval(timer))
  return () => most
}
