import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { Value } from 'typebox/value'
import type { DigestAlgorithm } from '../../simulators/cameras/digest.ts'
import type { Heard } from '../../simulators/speakers/heard.ts'
import { createSimulatedSpeaker } from '../../simulators/speakers/simulated-speaker.ts'
import { loadClipLibrary, shippedClipFolder } from './clip-library.ts'
import { decodeG711 } from './g711.ts'
import { vapix } from './vapix.ts'
import { readWav } from './wav.ts'

const clips = loadClipLibrary({ folders: [shippedClipFolder], renderFolder: '/nonexistent' })
const never = new AbortController().signal
const test = { id: 'speaker-test', language: 'en' }
const clip = clips.clip(test, { encoding: 'pcmu', leadSilenceMs: 500 })!
const failure = (work: Promise<unknown>) =>
  work.then(
    () => undefined,
    (error: unknown) => error,
  )

const createDriver = (url: string, options: Record<string, unknown> = {}) =>
  vapix.create(
    Value.Default(vapix.options, { url, username: 'root', password: { env: 'AXIS' }, ...options }) as never,
    {
      ...{ id: 'lift-1', site: 's', clips, now: Date.now, random: Math.random },
      secret: (reference) => ('env' in reference && reference.env === 'AXIS' ? 'pass "word"' : ''),
    },
  )

async function setUp(t: Test, options: Record<string, unknown> = {}, algorithms?: readonly DigestAlgorithm[]) {
  const wavFile = join(t.testdir(), 'heard.wav')
  const users = { root: 'pass "word"' }
  const device = createSimulatedSpeaker({ vapix: { port: 0, users, ...(algorithms ? { algorithms } : {}) }, wavFile })
  t.teardown(() => device.close())
  const { vapix: port } = await device.open()
  return { device, axis: device.axis!, wavFile, speaker: createDriver(`http://127.0.0.1:${port}`, options) }
}

t.test('the device hears the whole warning in real time, with either digest', async (t) => {
  for (const algorithm of ['MD5', 'SHA-256'] as const) {
    const { device, speaker, wavFile } = await setUp(t, {}, [algorithm])
    await speaker.open()
    const heard = once(device, 'heard') as Promise<[Heard]>
    const report = await speaker.play(test, never)
    t.match(report, { isAccepted: true, bytesSent: clip.data.length, deviceReply: 'HTTP 204' })
    t.ok(report.endedAt - report.startedAt >= clip.durationMs - 10, 'not faster than it is spoken')
    const [announcement] = await heard
    t.ok(announcement.packets > 50, `in ${announcement.packets} pieces`)
    const { samples } = readWav(readFileSync(wavFile))
    const expected = decodeG711(clip.data, 'pcmu')
    t.equal(expected.filter((sample, i) => Math.round(samples[i]! * 32_768) !== sample).length, 0)
  }
})

t.test('a login that has grown old is renewed within the same announcement', async (t) => {
  const { axis, speaker } = await setUp(t)
  await speaker.open()
  axis.expireNonces()
  t.match(await speaker.play(test, never), { isAccepted: true, bytesSent: clip.data.length })
})

t.test('stopping closes the connection', async (t) => {
  const { device, speaker } = await setUp(t)
  const abort = new AbortController()
  device.once('first', () => abort.abort())
  const heard = once(device, 'heard') as Promise<[Heard]>
  const report = await speaker.play(test, abort.signal)
  t.match(report.deviceReply, /^stopped after \d+ of \d+ ms; connection closed$/)
  t.ok((await heard)[0].durationMs < 3000)
})

t.test('what the device answers decides what is reported', async (t) => {
  const { axis, speaker } = await setUp(t, { answerWithinMs: 500 })
  axis.faults = { closeAfterBytes: 'the end' }
  const silent = await speaker.play(test, never).catch((error) => error)
  t.match(silent, { deviceReply: /without an answer/ }, 'some devices say nothing on success')
  axis.faults = { closeAfterBytes: 4000 }
  t.match(await failure(speaker.play(test, never)), { retryable: true, message: /broke off after \d+ bytes/ })
  axis.faults = { status: 503 }
  t.match(await failure(speaker.play(test, never)), { retryable: true, hint: /Another client/ })
  axis.faults = { isFrozen: true }
  t.match(await failure(speaker.play(test, never)), { retryable: true, message: /no answer in time/ })
})

t.test('wrong addresses and logins are told with a cure', async (t) => {
  const { device, speaker } = await setUp(t)
  await device.close()
  t.match(await failure(speaker.open()), { retryable: true, message: /cannot be reached/ })
  t.match(await failure(speaker.play(test, never)), { retryable: true, message: /ECONNREFUSED/ })

  const { speaker: known } = await setUp(t, { username: 'somebody' })
  t.match(await failure(known.play(test, never)), { retryable: false, hint: /user name and password/ })

  const basic = createServer((_, response) => response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end())
  basic.listen(0, '127.0.0.1')
  await once(basic, 'listening')
  t.teardown(() => basic.close())
  const plain = createDriver(`http://127.0.0.1:${(basic.address() as AddressInfo).port}`)
  const refusal = await failure(plain.play(test, never))
  t.match(refusal, { retryable: false, hint: /digest/ }, 'a password is never sent in the clear')
  t.notMatch(String((refusal as Error).message), /pass/)
})
