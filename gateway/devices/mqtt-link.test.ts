import { getEventListeners } from 'node:events'
import mqtt from 'mqtt'
import pino from 'pino'
import t from 'tap'
import { systemClock } from '../core/clock.ts'
import { freePort, startMosquitto } from '../testing/mosquitto.ts'
import { until } from '../testing/until.ts'
import { createMqttLink, type MqttLinkOptions, matches } from './mqtt-link.ts'

const logger = pino({ level: 'silent' })

function start(t: Tap, options: Pick<MqttLinkOptions, 'url' | 'onMessage'>) {
  const stop = new AbortController()
  const link = createMqttLink({
    clientId: 'gateway',
    filters: ['site/s/+/up'],
    clock: systemClock,
    random: Math.random,
    logger,
    ...options,
  })
  const running = link.run(stop.signal)
  const end = async () => {
    stop.abort()
    await running
  }
  t.teardown(end)
  return { link, end }
}
type Tap = { teardown(work: () => unknown): unknown }

t.test('a message is acknowledged only when it is stored, and comes again when it was not', async (t) => {
  const broker = await startMosquitto()
  t.teardown(broker.stop)
  const seen: string[] = []
  const never = start(t, {
    url: broker.url,
    onMessage: (message) => {
      seen.push(Buffer.from(message.payload).toString())
      return new Promise(() => {})
    },
  })
  await until('the gateway is connected', () => never.link.isConnected)
  const device = await mqtt.connectAsync(broker.url)
  t.teardown(() => device.endAsync(true))
  for (const value of ['1', '2', '3']) await device.publishAsync('site/s/d/up', value, { qos: 1 })
  await until('all three were received, though none is stored', () => seen.length >= 3)
  await never.end()

  const again: string[] = []
  const second = start(t, {
    url: broker.url,
    onMessage: async (message) => void again.push(Buffer.from(message.payload).toString()),
  })
  await until('the broker delivers them again', () => again.length >= 3)
  t.same(again, ['1', '2', '3'])
  await second.end()

  const third: string[] = []
  const last = start(t, { url: broker.url, onMessage: async ({ topic }) => void third.push(topic) })
  await until('connected again', () => last.link.isConnected)
  await device.publishAsync('site/s/d/up', '4', { qos: 1 })
  await until('the next message arrives', () => third.length > 0)
  t.equal(third.length, 1, 'what was stored does not come again')
})

t.test(
  'a batch that could not be stored comes again as a whole, and so does a message whose handling failed',
  async (t) => {
    const broker = await startMosquitto()
    t.teardown(broker.stop)
    const device = await mqtt.connectAsync(broker.url)
    t.teardown(() => device.endAsync(true))
    const seen: string[] = []
    let fail = (_: Error) => {}
    let batch = new Promise<void>((_, reject) => {
      fail = reject
    })
    const { link } = start(t, {
      url: broker.url,
      onMessage: (message) => {
        const value = Buffer.from(message.payload).toString()
        seen.push(value)
        if (value === 'odd' && seen.filter((each) => each === 'odd').length === 1) throw new Error('not today')
        return batch
      },
    })
    await until('the gateway is connected', () => link.isConnected)
    for (const value of ['1', '2']) await device.publishAsync('site/s/d/up', value, { qos: 1 })
    await until('both wait for one store', () => seen.length === 2)
    batch.catch(() => {})
    const failed = fail
    batch = Promise.resolve()
    failed(new Error('disk full'))
    await until('both come again', () => seen.length >= 4)
    t.same(seen, ['1', '2', '1', '2'])
    await until('the gateway is back', () => link.isConnected)
    await device.publishAsync('site/s/d/up', 'odd', { qos: 1 })
    await until('it comes again', () => seen.filter((value) => value === 'odd').length >= 2)
    t.equal(seen.filter((value) => value === '1').length, 2, 'what was stored does not come again')
  },
)

t.test('a broker that comes back is found again without help', async (t) => {
  const broker = await startMosquitto()
  const got: string[] = []
  const { link } = start(t, { url: broker.url, onMessage: async ({ topic }) => void got.push(topic) })
  await until('connected', () => link.isConnected)
  await broker.stop()
  await until('the loss is noticed', () => !link.isConnected)
  await t.rejects(link.publish('site/s/d/down', '{}'), { message: /no connection/ })
  const reborn = await startMosquitto(broker.port)
  t.teardown(reborn.stop)
  await until('connected again', () => link.isConnected)
  const device = await mqtt.connectAsync(reborn.url)
  t.teardown(() => device.endAsync(true))
  await until('messages flow again', async () => {
    await device.publishAsync('site/s/d/up', 'x', { qos: 1 })
    return got.length > 0
  })
})

t.test('a broker that is away for long leaves nothing behind in the gateway', async (t) => {
  const stop = new AbortController()
  let attempts = 0
  const link = createMqttLink({
    ...{ clientId: 'gateway', filters: ['site/s/+/up'], url: `mqtt://127.0.0.1:${await freePort()}` },
    ...{ onMessage: async () => {}, random: Math.random, logger },
    clock: { now: Date.now, sleep: async () => void attempts++ },
  })
  const running = link.run(stop.signal)
  await until('it was tried often', () => attempts >= 15)
  t.ok(getEventListeners(stop.signal, 'abort').length <= 3, 'one attempt listens, not each that failed')
  stop.abort()
  await running
})

t.test('filters match topics as the standard says', async (t) => {
  t.ok(matches('site/+/up', 'site/d/up'))
  t.ok(matches('site/#', 'site/d/up'))
  t.ok(matches('site/#', 'site'))
  t.notOk(matches('site/+', 'site/d/up'))
  t.notOk(matches('site/d/up', 'site/d'))
})
