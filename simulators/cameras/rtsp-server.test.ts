import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { connect } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { createRtspServer, type RtspServer } from './rtsp-server.ts'

const folder = t.testdir()

function makeClip(name: string, source: string, coding: readonly string[]): string {
  const file = join(folder, name)
  const made = spawnSync('ffmpeg', ['-v', 'error', '-f', 'lavfi', '-i', source, ...coding, '-y', file])
  if (made.status !== 0) throw new Error(String(made.stderr))
  return file
}

const h264 = ['-c:v', 'libx264', '-g', '10', '-pix_fmt', 'yuv420p']
const red = makeClip('red.mp4', 'color=red:s=160x96:r=10:d=2', h264)
const blue = makeClip('blue.mp4', 'color=blue:s=160x96:r=10:d=2', h264)
const moving = makeClip('moving.mp4', 'testsrc2=s=320x180:r=10:d=2', h264)
const hevc = makeClip('hevc.mp4', 'testsrc2=s=320x180:r=10:d=2', [
  ...['-c:v', 'libx265', '-x265-params', 'log-level=error:keyint=10', '-pix_fmt', 'yuv420p'],
])
const old = makeClip('old.avi', 'testsrc2=s=320x180:r=10:d=2', ['-c:v', 'mpeg4'])

async function serverFor(test: Test, options: Parameters<typeof createRtspServer>[0] = {}): Promise<RtspServer> {
  const server = await createRtspServer(options)
  test.teardown(() => server.close())
  return server
}

/** FFmpeg as a receiver, an implementation of RTSP that is not ours. */
async function receive(test: Test, url: string, output: readonly string[]) {
  const child = spawn('ffmpeg', [...['-nostdin', '-v', 'warning', '-rtsp_transport', 'tcp', '-i', url], ...output])
  test.teardown(() => child.kill('SIGKILL'))
  let complaint = ''
  const picture: Buffer[] = []
  child.stderr.on('data', (chunk) => {
    complaint += chunk
  })
  child.stdout.on('data', (chunk: Buffer) => picture.push(chunk))
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, complaint, data: Buffer.concat(picture) }
}

const frames = (count: number) => ['-frames:v', String(count), '-f', 'framecrc', '-']
const countFrames = (data: Buffer) => data.toString().match(/^0,/gm)?.length ?? 0

/** One average colour per frame, for as long as the child lives. */
function watchColours(
  test: Test,
  url: string,
): { child: ChildProcess; seen: string[]; until(colour: string): Promise<void> } {
  const scale = ['-vf', 'scale=1:1', '-pix_fmt', 'rgb24', '-f', 'rawvideo', '-']
  const input = ['-rtsp_transport', 'tcp', '-probesize', '4096', '-i', url]
  const child = spawn('ffmpeg', ['-nostdin', '-v', 'error', ...input, '-flush_packets', '1', ...scale])
  test.teardown(() => child.kill('SIGKILL'))
  const seen: string[] = []
  let wake = () => {}
  child.stdout.on('data', (chunk: Buffer) => {
    for (let at = 0; at + 3 <= chunk.length; at += 3) seen.push(chunk[at]! > chunk[at + 2]! ? 'red' : 'blue')
    wake()
  })
  child.once('close', () => wake())
  const until = async (colour: string) => {
    const late = setTimeout(() => child.kill('SIGKILL'), 30_000)
    while (seen.at(-1) !== colour) {
      if (child.exitCode !== null || child.killed) throw new Error(`never saw ${colour}: ${seen.slice(-20)}`)
      await new Promise<void>((resolve) => {
        wake = resolve
      })
    }
    clearTimeout(late)
  }
  return { child, seen, until }
}

/** Sends one request and gives back the answer's head. */
async function ask(server: RtspServer, text: string): Promise<string> {
  const socket = connect(server.port, '127.0.0.1')
  socket.write(text)
  const [answer] = (await once(socket, 'data')) as [Buffer]
  socket.destroy()
  return answer.toString()
}

t.test('an independent receiver decodes H.264, H.265 and a converted file, past the end of the clip', async (t) => {
  const server = await serverFor(t)
  await server.mount('lift-1', { file: moving })
  await server.mount('lift-2', { file: hevc })
  await server.mount('lift-3', { file: old })
  const results = await Promise.all(
    ['lift-1', 'lift-2', 'lift-3'].map((path) => receive(t, server.url(path), frames(35))),
  )
  for (const { code, complaint, data } of results) {
    t.equal(code, 0)
    t.equal(complaint, '')
    t.equal(countFrames(data), 35)
  }
})

t.test('only who knows the password may watch, and each camera has its own', async (t) => {
  const server = await serverFor(t, { users: { admin: 'p@ss:w/rd' } })
  await server.mount('lift-1', { file: red })
  await server.mount('lift-2', { file: red, users: { guard: 'x' } })
  const as = (path: string, credentials: string) =>
    receive(t, server.url(path).replace('//', `//${credentials}@`), frames(1))
  const [right, wrong, other] = await Promise.all([
    as('lift-1', 'admin:p%40ss%3Aw%2Frd'),
    as('lift-1', 'admin:wrong'),
    as('lift-2', 'admin:p%40ss%3Aw%2Frd'),
  ])
  t.equal(right.code, 0)
  t.match(wrong.complaint, '401 Unauthorized')
  t.match(other.complaint, '401 Unauthorized')
})

t.test('SHA-256 digests are accepted where they are offered', async (t) => {
  const server = await serverFor(t, { users: { admin: 'secret' }, algorithms: ['SHA-256', 'MD5'] })
  await server.mount('lift-1', { file: red })
  const url = server.url('lift-1')
  const socket = connect(server.port, '127.0.0.1')
  t.teardown(() => socket.destroy())
  socket.write(`DESCRIBE ${url} RTSP/1.0\r\nCSeq: 1\r\n\r\n`)
  const [refused] = (await once(socket, 'data')) as [Buffer]
  const nonce = refused.toString().match(/nonce="([^"]+)", algorithm=SHA-256/)?.[1]
  const hash = (text: string) => createHash('sha256').update(text).digest('hex')
  const response = hash(`${hash('admin:Camera:secret')}:${nonce}:${hash(`DESCRIBE:${url}`)}`)
  const fields = `username="admin", realm="Camera", nonce="${nonce}", uri="${url}", response="${response}"`
  socket.write(`DESCRIBE ${url} RTSP/1.0\r\nCSeq: 2\r\nAuthorization: Digest ${fields}, algorithm=SHA-256\r\n\r\n`)
  const [granted] = (await once(socket, 'data')) as [Buffer]
  t.match(granted.toString(), /^RTSP\/1.0 200 OK\r\nCSeq: 2\r\n/)
})

t.test('a timeline shows another clip to those who are watching, and comes back after one played once', async (t) => {
  const server = await serverFor(t)
  await server.mount('lift-1', { file: red })
  const watching = watchColours(t, server.url('lift-1'))
  await watching.until('red')
  await server.switchTo('lift-1', blue)
  await watching.until('blue')
  await server.switchTo('lift-1', red, { loop: false })
  await watching.until('red')
  await watching.until('blue')
  t.equal(watching.child.exitCode, null)
  t.equal(server.sessionCount('lift-1'), 1)
  await t.rejects(server.switchTo('lift-1', hevc), /hevc/)
})

t.test('who waits for a clip to be seen does not wait for ever when nobody is left to see it', async (t) => {
  const server = await serverFor(t)
  for (const path of ['lift-1', 'lift-2']) await server.mount(path, { file: red })
  const screen = watchColours(t, server.url('lift-1'))
  await screen.until('red')
  server.stall('lift-1')
  const first = server.switchTo('lift-1', blue)
  const second = server.switchTo('lift-1', red)
  await Promise.race([first, second])
  t.pass('the one that another is shown in place of')
  screen.child.kill('SIGKILL')
  await Promise.all([first, second])
  t.pass('and the one whose viewer has gone')
})

t.test('a clip played once is seen whole and ends', async (t) => {
  const server = await serverFor(t)
  await server.mount('lift-1', { file: moving, loop: false })
  const { code, data } = await receive(t, server.url('lift-1'), ['-f', 'framecrc', '-'])
  t.equal(code, 0)
  t.equal(countFrames(data), 20)
})

t.test('an unplugged camera breaks its connections and takes none until it is plugged in again', async (t) => {
  const server = await serverFor(t)
  await server.mount('lift-1', { file: red })
  const watching = watchColours(t, server.url('lift-1'))
  await watching.until('red')
  const gone = once(watching.child, 'close')
  server.unplug('lift-1')
  await gone
  t.equal(server.playerCount('lift-1'), 0)
  t.not((await receive(t, server.url('lift-1'), frames(1))).code, 0)
  server.replug('lift-1')
  t.equal((await receive(t, server.url('lift-1'), frames(1))).code, 0)
})

t.test('a stalled camera stays connected and sends nothing', async (t) => {
  const server = await serverFor(t)
  await server.mount('lift-1', { file: red })
  const url = server.url('lift-1')
  const socket = connect(server.port, '127.0.0.1')
  t.teardown(() => socket.destroy())
  socket.write(`SETUP ${url}/video RTSP/1.0\r\nCSeq: 1\r\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n\r\n`)
  socket.write(`PLAY ${url} RTSP/1.0\r\nCSeq: 2\r\n\r\n`)
  let received = 0
  socket.on('data', (chunk: Buffer) => {
    received += chunk.length
  })
  while (received < 3000) await once(socket, 'data')
  server.stall('lift-1')
  await new Promise((resolve) => setTimeout(resolve, 200))
  const receivedBefore = received
  // Ten pictures would come in this second.
  await new Promise((resolve) => setTimeout(resolve, 1000))
  t.equal(received, receivedBefore)
  t.equal(socket.destroyed, false)
  t.equal(server.playerCount('lift-1'), 1)
  server.replug('lift-1')
  while (received === receivedBefore) await once(socket, 'data')
})

t.test('damaged and lost packets are noticed by a receiver', async (t) => {
  const server = await serverFor(t)
  await server.mount('lift-1', { file: moving })
  server.corrupt('lift-1', 0.3, { by: 'loss' })
  t.match((await receive(t, server.url('lift-1'), frames(10))).complaint, /error while decoding|missing/i)
  server.corrupt('lift-1', 0.3)
  t.match((await receive(t, server.url('lift-1'), frames(10))).complaint, /error|invalid|corrupt|out of range/i)
})

t.test('what is not RTSP, not there or not over TCP is refused', async (t) => {
  const server = await serverFor(t)
  await server.mount('lift-1', { file: red })
  t.match(await ask(server, `DESCRIBE ${server.url('nobody')} RTSP/1.0\r\nCSeq: 1\r\n\r\n`), /^RTSP\/1.0 404/)
  const udp = 'Transport: RTP/AVP;unicast;client_port=5000-5001'
  t.match(
    await ask(server, `SETUP ${server.url('lift-1')}/video RTSP/1.0\r\nCSeq: 1\r\n${udp}\r\n\r\n`),
    /^RTSP\/1.0 461/,
  )
  t.match(await ask(server, `PLAY ${server.url('lift-1')} RTSP/1.0\r\nCSeq: 1\r\n\r\n`), /^RTSP\/1.0 455/)
  await t.rejects(server.mount('lift-2', { file: join(folder, 'missing.mp4') }), /ENOENT/)
  const socket = connect(server.port, '127.0.0.1')
  socket.write('GET / HTTP/1.1\r\n\r\n')
  await once(socket, 'close')
})
