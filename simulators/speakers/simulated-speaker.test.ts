import { execFileSync, spawn } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import mqtt from 'mqtt'
import t from 'tap'
import { startMosquitto } from '../../gateway/testing/mosquitto.ts'
import type { Heard } from './heard.ts'
import { createSimulatedSpeaker } from './simulated-speaker.ts'

const clip = new URL('../../gateway/speakers/clips/speaker-test.en.wav', import.meta.url).pathname
const samplesOf = (file: string) => {
  const bytes = readFileSync(file)
  return Int16Array.from({ length: (bytes.length - 44) / 2 }, (_, i) => bytes.readInt16LE(44 + i * 2))
}
const correlation = (a: Int16Array, b: Int16Array) => {
  let [ab, aa, bb] = [0, 0, 0]
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    ab += a[i]! * b[i]!
    aa += a[i]! ** 2
    bb += b[i]! ** 2
  }
  return ab / Math.sqrt(aa * bb)
}

t.test('it hears multicast paging of another implementation and records it', async (t) => {
  const wavFile = join(t.testdir(), 'heard.wav')
  const speaker = createSimulatedSpeaker({
    multicast: { address: '239.255.92.1', port: 0, interface: '127.0.0.1' },
    wavFile,
  })
  t.teardown(() => speaker.close())
  const { multicast: port } = await speaker.open()
  const heard = once(speaker, 'heard') as Promise<[Heard]>
  const target = `rtp://239.255.92.1:${port}?localaddr=127.0.0.1&ttl=1&pkt_size=172`
  const page = spawn('ffmpeg', ['-v', 'error', '-re', '-i', clip, '-c:a', 'pcm_alaw', '-f', 'rtp', target])
  t.teardown(() => page.kill('SIGKILL'))
  const [announcement] = await heard
  t.match(announcement, { codec: 'pcma', lost: 0, duplicates: 0 })
  t.ok(Math.abs(announcement.durationMs - 3504) < 30, `${announcement.durationMs} ms`)
  t.ok(correlation(samplesOf(wavFile), samplesOf(clip)) > 0.999)
})

t.test('lost, doubled and swapped packets are noticed, and what is missing stays silent', async (t) => {
  const wavFile = join(t.testdir(), 'heard.wav')
  const speaker = createSimulatedSpeaker({ unicast: { port: 0 }, wavFile })
  t.teardown(() => speaker.close())
  const { unicast: port } = await speaker.open()
  const heard = once(speaker, 'heard') as Promise<[Heard]>
  const socket = createSocket('udp4')
  t.teardown(() => socket.close())
  const packet = (index: number) => {
    const bytes = Buffer.alloc(172, 0x80)
    bytes[1] = index === 0 ? 0x80 : 0
    bytes.writeUInt16BE((65_533 + index) & 0xffff, 2)
    bytes.writeUInt32BE((2 ** 32 - 320 + index * 160) >>> 0, 4)
    bytes.writeUInt32BE(77, 8)
    return bytes
  }
  for (const index of [0, 1, 2, 2, 4, 3, 7, 8, 9]) socket.send(packet(index), port!, '127.0.0.1')
  socket.send(Buffer.from('no RTP at all'), port!, '127.0.0.1')
  const [announcement] = await heard
  t.match(announcement, { packets: 8, lost: 2, duplicates: 1, reordered: 1, durationMs: 200 })
  const samples = samplesOf(wavFile)
  const silent = Array.from({ length: 10 }, (_, i) => samples.subarray(i * 160, i * 160 + 160).every((s) => s === 0))
  t.same(silent, [false, false, false, false, false, true, true, false, false, false])
})

t.test('as an Axis device it asks for a login and hears what curl sends', async (t) => {
  const wavFile = join(t.testdir(), 'heard.wav')
  const speaker = createSimulatedSpeaker({ vapix: { port: 0, users: { root: 'pass' } }, wavFile })
  t.teardown(() => speaker.close())
  const { vapix: port } = await speaker.open()
  const sound = execFileSync('ffmpeg', ['-v', 'error', '-i', clip, '-c:a', 'pcm_mulaw', '-f', 'mulaw', 'pipe:1'])
  const post = (user: string) =>
    new Promise<string>((resolve) => {
      const curl = spawn('curl', [
        ...['-s', '-o', '/dev/null', '-w', '%{http_code}', '--digest', '-u', user, '--data-binary', '@-'],
        ...['-H', 'Content-Type: audio/basic', `http://127.0.0.1:${port}/axis-cgi/audio/transmit.cgi`],
      ])
      curl.stdout.once('data', (code: Buffer) => resolve(code.toString()))
      curl.stdin.end(sound)
    })
  t.equal(await post('root:wrong'), '401')
  const heard = once(speaker, 'heard') as Promise<[Heard]>
  t.equal(await post('root:pass'), '204')
  t.equal((await heard)[0].durationMs, sound.length / 8)
  t.ok(correlation(samplesOf(wavFile), samplesOf(clip)) > 0.999)
})

t.test('as an MQTT device it plays, answers, and refuses what has expired', async (t) => {
  const broker = await startMosquitto()
  t.teardown(() => broker.stop())
  const topics = { down: 'site/s/lift-1/down', up: 'site/s/lift-1/up' }
  const clipFolder = new URL('../../gateway/speakers/clips/', import.meta.url).pathname
  const speaker = createSimulatedSpeaker({ mqtt: { url: broker.url, topics, clipFolder } })
  t.teardown(() => speaker.close())
  await speaker.open()
  const client = await mqtt.connectAsync(broker.url)
  t.teardown(() => client.endAsync(true))
  await client.subscribeAsync(topics.up)
  const answer = () =>
    new Promise<unknown>((resolve) => client.once('message', (_topic, payload) => resolve(JSON.parse(`${payload}`))))
  const command = { type: 'play', reqId: 'r1', clip: 'speaker-test', language: 'zh-CN', text: '测试' }

  const accepted = answer()
  client.publish(topics.down, JSON.stringify({ ...command, expiresAt: Date.now() + 60_000 }))
  t.same(await accepted, { type: 'accepted', reqId: 'r1' })
  t.same(await answer(), { type: 'played', reqId: 'r1' })
  t.match(speaker.heard[0], { clip: 'speaker-test', language: 'zh-CN', text: '测试', durationMs: 3474.625 })

  const refused = answer()
  client.publish(topics.down, JSON.stringify({ ...command, expiresAt: Date.now() - 1 }))
  t.same(await refused, { type: 'failed', reqId: 'r1', reason: 'expired' })
  client.publish(topics.down, 'no JSON')
})
