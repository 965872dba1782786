import { spawn } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { Value } from 'typebox/value'
import type { Heard, HeardFirst } from '../../simulators/speakers/heard.ts'
import { createSimulatedSpeaker, type SimulatedSpeakerOptions } from '../../simulators/speakers/simulated-speaker.ts'
import { DeliveryError } from '../core/errors.ts'
import { until } from '../testing/until.ts'
import { loadClipLibrary, shippedClipFolder } from './clip-library.ts'
import { decodeG711 } from './g711.ts'
import { rtpMulticast } from './rtp-multicast.ts'
import type { SpeakerContext } from './speaker.ts'
import { readWav } from './wav.ts'

const clips = loadClipLibrary({ folders: [shippedClipFolder], renderFolder: '/nonexistent' })
const never = new AbortController().signal
const warning = { id: 'speaker-test', language: 'en' }
const context: SpeakerContext = {
  ...{ id: 'lift-1', site: 's', clips, now: Date.now, random: Math.random },
  secret: () => '',
}

const createSpeaker = (test: Test, options: Record<string, unknown>) => {
  const speaker = rtpMulticast.create(Value.Default(rtpMulticast.options, options) as never, context)
  test.teardown(() => speaker.close())
  return speaker
}

const failure = (work: Promise<unknown>) =>
  work.then(
    () => undefined,
    (error: unknown) => error,
  )

/** Whether it is the same sound, but for pauses that a busy machine put in between packets. */
function isSameButForPauses(heard: Float32Array, expected: Int16Array): boolean {
  let position = 0
  for (let start = 0; start + 160 <= expected.length; start += 160) {
    const fits = () =>
      expected.subarray(start, start + 160).every((v, i) => Math.round(heard[position + i]! * 32_768) === v)
    while (!fits()) if (heard[position++] !== 0) return false
    position += 160
  }
  return true
}

/** From the packet before to this one, by their timestamps. */
const stepMs = (packets: readonly Buffer[], i: number) =>
  ((packets[i]!.readUInt32BE(4) - packets[i - 1]!.readUInt32BE(4)) >>> 0) / 8

/** The packet with the longest silence before it: a busy machine puts shorter ones anywhere. */
function longestStep(packets: readonly Buffer[]): number {
  let longest = 1
  for (let i = 2; i < packets.length; i++) if (stepMs(packets, i) > stepMs(packets, longest)) longest = i
  return longest
}

async function listen(test: Test, options: SimulatedSpeakerOptions) {
  const ear = createSimulatedSpeaker(options)
  test.teardown(() => ear.close())
  const ports = await ear.open()
  const first = once(ear, 'first') as Promise<[HeardFirst]>
  const heard = once(ear, 'heard') as Promise<[Heard]>
  return { ear, port: (ports.multicast ?? ports.unicast)!, first, heard }
}

t.test('a multicast group hears the whole warning, sample for sample', async (t) => {
  const wavFile = join(t.testdir(), 'heard.wav')
  for (const codec of ['pcmu', 'pcma'] as const) {
    const group = { address: '239.255.91.1', port: 0, interface: '127.0.0.1' }
    const { ear, port, first, heard } = await listen(t, { multicast: group, wavFile })
    const speaker = createSpeaker(t, { ...group, port, codec })
    await speaker.open()
    const begun = performance.now()
    const playing = speaker.play(warning, never)
    const [start] = await first
    const clip = clips.clip(warning, { encoding: codec, leadSilenceMs: 500 })!
    t.ok(start.monotonicMs - begun < clip.durationMs, 'it sounds while it is sent')
    t.comment(`first sound after ${(start.monotonicMs - begun).toFixed(2)} ms`)
    t.equal(start.marker, true)
    const report = await playing
    const packets = Math.ceil(clip.data.length / 160)
    t.match(report, { isAccepted: true, bytesSent: packets * 160, deviceReply: 'multicast: receipt is not confirmed' })
    t.ok(report.endedAt - report.startedAt >= clip.durationMs - 5)

    const [announcement] = await heard
    t.match(announcement, { by: 'rtp', packets, lost: 0, duplicates: 0, reordered: 0, codec })
    const { samples } = readWav(readFileSync(wavFile))
    const expected = decodeG711(clip.data, codec)
    t.ok(isSameButForPauses(samples, expected))
    await ear.close()
  }
})

t.test('another implementation plays what we send', async (t) => {
  const probe = createSocket('udp4').bind(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address()
  await new Promise<void>((resolve) => probe.close(resolve))
  const dir = t.testdir()
  const lines = ['v=0', 'o=- 0 0 IN IP4 127.0.0.1', 's=-', 'c=IN IP4 127.0.0.1', 't=0 0', `m=audio ${port} RTP/AVP 8`]
  writeFileSync(join(dir, 'page.sdp'), `${lines.join('\r\n')}\r\n`)
  const args = ['-v', 'verbose', '-protocol_whitelist', 'file,udp,rtp', '-i', join(dir, 'page.sdp')]
  const player = spawn('ffmpeg', ['-y', ...args, '-t', '6', '-c:a', 'pcm_s16le', join(dir, 'heard.wav')])
  const ended = once(player, 'exit')
  let log = ''
  player.stderr.setEncoding('utf8').on('data', (text) => {
    log += text
  })
  t.teardown(() => player.kill('SIGKILL'))
  const boundPorts = () => readFileSync('/proc/net/udp', 'utf8')
  await until('ffmpeg listens', () => boundPorts().includes(`:${port.toString(16).toUpperCase().padStart(4, '0')} `))

  const speaker = createSpeaker(t, { address: '127.0.0.1', port, codec: 'pcma' })
  // The player closes its port after six of the seven seconds.
  await failure(speaker.play({ id: 'ebike-warning-3', language: 'zh' }, never))
  await ended
  const { samples, sampleRate } = readWav(readFileSync(join(dir, 'heard.wav')))
  const clip = clips.clip({ id: 'ebike-warning-3', language: 'zh' }, { encoding: 'pcma', leadSilenceMs: 500 })!
  const expected = decodeG711(clip.data, 'pcma')
  t.equal(sampleRate, 8000)
  t.ok(samples.length >= 24_000, `${samples.length} samples`)
  t.ok(isSameButForPauses(samples, expected.subarray(0, samples.length - 8000)))
  t.notMatch(log, /RTP: (missed|dropping)/)
})

t.test('two announcements are one source whose timestamps count the time between', async (t) => {
  const { ear, port, heard } = await listen(t, { unicast: { port: 0 } })
  const speaker = createSpeaker(t, { address: '127.0.0.1', port })
  const socket = createSocket('udp4')
  const packets: Buffer[] = []
  await ear.close()
  socket.on('message', (packet) => packets.push(packet)).bind(port, '127.0.0.1')
  t.teardown(() => socket.close())
  void heard.catch(() => {})
  await once(socket, 'listening')
  for (let round = 0; round < 2; round++) {
    const abort = new AbortController()
    const playing = speaker.play(warning, abort.signal)
    const before = packets.length
    await until('five packets came', () => packets.length >= before + 5)
    abort.abort()
    await playing
    await new Promise((resolve) => setTimeout(resolve, 300))
  }
  t.equal(new Set(packets.map((packet) => packet.readUInt32BE(8))).size, 1, 'one SSRC')
  const sequence = packets.map((packet) => packet.readUInt16BE(2))
  t.ok(sequence.every((number, i) => number === ((sequence[0]! + i) & 0xffff)))
  const start = longestStep(packets)
  t.ok(
    [0, start].every((i) => packets[i]![1]! & 0x80),
    'each start is marked',
  )
  t.ok(stepMs(packets, start) >= 300, `${stepMs(packets, start)} ms between`)
})

t.test('a held-up gateway leaves a pause, not a flood', async (t) => {
  const socket = createSocket('udp4').bind(0, '127.0.0.1')
  t.teardown(() => socket.close())
  await once(socket, 'listening')
  const packets: Buffer[] = []
  socket.on('message', (packet) => packets.push(packet))
  const speaker = createSpeaker(t, { address: '127.0.0.1', port: socket.address().port })
  const abort = new AbortController()
  const playing = speaker.play(warning, abort.signal)
  await until('some packets are out', () => packets.length >= 5)
  const stop = performance.now() + 400
  while (performance.now() < stop);
  const before = packets.length
  await until('it goes on', () => packets.length >= before + 5)
  abort.abort()
  await playing
  const longest = longestStep(packets)
  t.ok(stepMs(packets, longest) > 300, `the pause is part of the timeline: ${stepMs(packets, longest)} ms`)
  t.equal(packets[longest]![1]! >> 7, 1, 'and a talkspurt begins after it')
  const numbers = packets.map((packet) => packet.readUInt16BE(2))
  t.ok(numbers.every((number, i) => number === ((numbers[0]! + i) & 0xffff)))
})

t.test('stopping ends the sound within a packet', async (t) => {
  const { port, first, heard } = await listen(t, { unicast: { port: 0 } })
  const speaker = createSpeaker(t, { address: '127.0.0.1', port })
  const abort = new AbortController()
  const playing = speaker.play(warning, abort.signal)
  await first
  abort.abort()
  const report = await playing
  t.match(report.phrases, [{ key: 'cut', playedMs: Number, durationMs: Number }, { key: 'unconfirmed' }])
  t.match(report.deviceReply, /^stopped after \d+ of 35\d\d ms; RTP: receipt is not confirmed$/)
  const [announcement] = await heard
  t.ok(announcement.packets * 160 >= report.bytesSent - 160 && announcement.packets < 170)
})

t.test('a closed port, an unknown network card and a missing clip are told with a cure', async (t) => {
  const probe = createSocket('udp4').bind(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address()
  await new Promise<void>((resolve) => probe.close(resolve))
  const closed = createSpeaker(t, { address: '127.0.0.1', port })
  const refusal = await failure(closed.play(warning, never))
  t.ok(refusal instanceof DeliveryError)
  t.match(refusal, { retryable: true, message: /ECONNREFUSED/, hint: /listens on this port/ })

  const { heard } = await listen(t, { unicast: { port } })
  t.equal((await closed.play(warning, never)).isAccepted, true, 'and it works again when the port is there')
  await heard

  const noCard = createSpeaker(t, { address: '239.255.91.2', port: 5004, interface: '203.0.113.9' })
  t.match(await failure(noCard.play(warning, never)), { retryable: true, hint: /`interface`/ })
  t.match(await failure(noCard.open()), { retryable: true })
  const missing = failure(closed.play({ id: 'no-such', language: 'zh-CN' }, never))
  t.match(await missing, { retryable: false, hint: /Put no-such\.zh\.wav into/ })
})
