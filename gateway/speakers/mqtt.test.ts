import mqttClient from 'mqtt'
import t, { type Test } from 'tap'
import { Value } from 'typebox/value'
import { createSimulatedSpeaker } from '../../simulators/speakers/simulated-speaker.ts'
import { startMosquitto } from '../testing/mosquitto.ts'
import { until } from '../testing/until.ts'
import { loadClipLibrary, shippedClipFolder } from './clip-library.ts'
import { mqtt } from './mqtt.ts'
import type { MqttPort } from './speaker.ts'

const clips = loadClipLibrary({ folders: [shippedClipFolder], renderFolder: '/nonexistent' })
const never = new AbortController().signal
const test = { id: 'speaker-test', language: 'zh-CN' }
const failure = (work: Promise<unknown>) =>
  work.then(
    () => undefined,
    (error: unknown) => error,
  )

async function setUp(t: Test, options: Record<string, unknown> = {}) {
  const broker = await startMosquitto()
  t.teardown(() => broker.stop())
  const device = createSimulatedSpeaker({
    mqtt: {
      url: broker.url,
      topics: { down: 'site/s/horn/down', up: 'site/s/horn/up' },
      clipFolder: shippedClipFolder,
    },
  })
  t.teardown(() => device.close())
  await device.open()
  const client = await mqttClient.connectAsync(broker.url)
  t.teardown(() => client.endAsync(true))
  const sent: Array<Record<string, unknown>> = []
  const port: MqttPort = {
    async publish(topic, payload, how) {
      sent.push({ topic, qos: how.qos, ...JSON.parse(payload) })
      if (!client.connected) throw new Error('no connection')
      await client.publishAsync(topic, payload, how)
    },
    subscribe(filter, handler) {
      client.on('message', handler)
      client.subscribe(filter, { qos: 1 })
      return () => client.off('message', handler).unsubscribe(filter)
    },
  }
  const parsed = Value.Default(mqtt.options, { device: 'horn', ...options }) as never
  const context = { id: 'lift-1', site: 's', clips, now: Date.now, random: Math.random, secret: () => '' }
  const speaker = mqtt.create(parsed, { ...context, mqtt: port })
  t.teardown(() => speaker.close())
  await speaker.open()
  return { speaker, device, sent, client, port }
}

t.test('a speaker that answers is reported as having played', async (t) => {
  const { speaker, device, sent } = await setUp(t, { volume: 70 })
  const report = await speaker.play(test, never)
  t.match(report, { isAccepted: true, deviceReply: 'played', phrases: [{ key: 'played' }] })
  t.ok(report.endedAt - report.startedAt > 3400)
  t.match(device.heard, [{ clip: 'speaker-test', language: 'zh-CN', text: /扬声器测试/ }])
  t.match(sent, [{ topic: 'site/s/horn/down', qos: 1, type: 'play', volume: 70, repeat: 1, reqId: /^[0-9a-f-]{36}$/ }])
  t.ok((sent[0]!.expiresAt as number) - report.startedAt === 2000, 'a device that was away stays silent later')
})

t.test('a speaker that does not answer is a failure that may be tried again', async (t) => {
  const { speaker, device, client, port, sent } = await setUp(t, { answerWithinMs: 400 })
  device.mqtt!.faults = { silent: 'always' }
  t.match(await failure(speaker.play(test, never)), { retryable: true, message: /did not answer within 400 ms/ })
  await client.endAsync(true)
  t.match(await failure(speaker.play(test, never)), { retryable: true, message: /the broker took no message/ })
  t.equal(sent.length, 2)
  const alone = { id: 'x', site: 's', clips, now: Date.now, random: Math.random, secret: () => '' }
  const unconnected = mqtt.create(Value.Default(mqtt.options, {}) as never, alone)
  t.match(await failure(unconnected.play(test, never)), { retryable: false })
  t.ok(port)
})

t.test('a refusal is told in the words of the speaker', async (t) => {
  const { speaker, device } = await setUp(t)
  device.mqtt!.faults = { refuseBecause: 'amplifier too hot' }
  t.match(await failure(speaker.play(test, never)), { retryable: true, message: /refused: amplifier too hot/ })
  device.mqtt!.faults = { refuseBecause: 'expired' }
  t.match(await failure(speaker.play(test, never)), { retryable: false, hint: /clock/ })
})

t.test('accepted but never reported as played is told as just that', async (t) => {
  const { speaker, device } = await setUp(t)
  device.mqtt!.faults = { silent: 'after-accepting' }
  const report = await speaker.play(test, never)
  t.match(report, {
    isAccepted: true,
    deviceReply: 'accepted; the end of the sound was not reported',
    phrases: [{ key: 'accepted' }],
  })
})

t.test('stopping tells the speaker to stop', async (t) => {
  const { speaker, device, sent } = await setUp(t)
  const abort = new AbortController()
  device.once('first', () => abort.abort())
  const report = await speaker.play(test, abort.signal)
  t.match(report.deviceReply, /^stopped after/)
  t.match(sent.at(-1), { type: 'stop', reqId: sent[0]!.reqId })
  await until('the device stopped', () => device.heard[0])
  t.ok(device.heard[0]!.durationMs < 3000)
})

t.test('answers that make no sense are passed over', async (t) => {
  const { speaker, client, device } = await setUp(t)
  device.once('first', () => {
    for (const junk of ['', 'null', '7', '{"type":"played"}', '{"type":"played","reqId":"other"}', 'x'.repeat(9000)])
      client.publish('site/s/horn/up', junk)
  })
  t.match(await speaker.play(test, never), { deviceReply: 'played' })
})
