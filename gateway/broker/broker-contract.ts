import { type EventEmitter, once } from 'node:events'
import type { IClientOptions, MqttClient } from 'mqtt'
import type { Test } from 'tap'

/**
 * Connects a client that may use every topic below `site/`. `prepare` is called with the client before it connects, so
 * that no message comes too early; the promise resolves when it has connected.
 */
export type ConnectClient = (
  options: IClientOptions & { clientId: string },
  prepare?: (client: MqttClient) => void,
) => Promise<MqttClient>

/**
 * What the gateway needs of a broker, whoever made it. Runs on the embedded broker and on Mosquitto; a site that brings
 * its own broker can be held to it as well.
 */
export async function brokerContract(t: Test, connect: ConnectClient): Promise<void> {
  t.test('what a device sends while the gateway is away is there when it comes back, in order', async (t) => {
    const gateway = await connect({ clientId: 'gateway', clean: false })
    await gateway.subscribeAsync('site/house/+/up', { qos: 1 })
    await gateway.endAsync()

    const device = await connect({ clientId: 'button' })
    t.teardown(() => device.endAsync())
    for (let n = 0; n < 50; n++) await device.publishAsync('site/house/button/up', `press ${n}`, { qos: 1 })

    const heard: string[] = []
    const listen = (client: MqttClient) => client.on('message', (_topic, payload) => heard.push(payload.toString()))
    const back = await connect({ clientId: 'gateway', clean: false }, listen)
    t.teardown(() => back.endAsync())
    while (heard.length < 50) await next(back, 'message')
    t.same(
      heard,
      Array.from({ length: 50 }, (_, n) => `press ${n}`),
    )
    await back.unsubscribeAsync('site/house/+/up')
  })

  t.test('a message the gateway has not acknowledged is sent to it again', async (t) => {
    const first = await connect({ clientId: 'storing', clean: false }, (client) => {
      // mqtt.js acknowledges when this calls back.
      client.handleMessage = () => {}
    })
    await first.subscribeAsync('site/house/again/up', { qos: 1 })
    const device = await connect({ clientId: 'sender' })
    t.teardown(() => device.endAsync())
    const received = next(first, 'message')
    await device.publishAsync('site/house/again/up', 'not stored yet', { qos: 1 })
    await received
    first.stream.destroy()
    await first.endAsync(true)

    const heard: string[] = []
    const listen = (client: MqttClient) => client.on('message', (_topic, payload) => heard.push(payload.toString()))
    const second = await connect({ clientId: 'storing', clean: false }, listen)
    t.teardown(() => second.endAsync())
    while (heard.length < 1) await next(second, 'message')
    t.same(heard, ['not stored yet'])
    await second.unsubscribeAsync('site/house/again/up')
  })

  t.test('the last known status of a device is told to whoever asks later', async (t) => {
    const device = await connect({ clientId: 'lamp' })
    t.teardown(() => device.endAsync())
    await device.publishAsync('site/house/lamp/status', 'online', { qos: 1, retain: true })
    const late = await connect({ clientId: 'late' })
    t.teardown(() => late.endAsync())
    const message = next(late, 'message')
    await late.subscribeAsync('site/house/+/status', { qos: 1 })
    const [topic, payload, packet] = await message
    t.equal(topic, 'site/house/lamp/status')
    t.equal(String(payload), 'online')
    t.equal(packet.retain, true)
    await device.publishAsync('site/house/lamp/status', '', { qos: 1, retain: true })
  })

  t.test('a device that drops off the network is reported by its will, one that leaves properly is not', async (t) => {
    const watcher = await connect({ clientId: 'watcher' })
    t.teardown(() => watcher.endAsync())
    await watcher.subscribeAsync('site/house/+/status', { qos: 1 })
    const will = (id: string) => ({
      clientId: id,
      will: { topic: `site/house/${id}/status`, payload: Buffer.from('offline'), qos: 1 as const, retain: false },
    })
    const proper = await connect(will('proper'))
    await proper.endAsync()
    const lost = await connect(will('lost'))
    const message = next(watcher, 'message')
    lost.stream.destroy()
    const [topic, payload] = await message
    t.equal(topic, 'site/house/lost/status')
    t.equal(String(payload), 'offline')
    await lost.endAsync(true)
  })

  t.test('a client that connects a second time takes its own place', async (t) => {
    const first = await connect({ clientId: 'same' })
    const closed = next(first, 'close')
    const second = await connect({ clientId: 'same' })
    t.teardown(() => second.endAsync())
    await closed
    await first.endAsync(true)
    t.equal(second.connected, true)
  })
}

/** The arguments of a client's next `event`. mqtt.js types its events in a way \`once\` does not accept. */
// biome-ignore lint/suspicious/noExplicitAny: the arguments depend on the event
export function next(client: MqttClient, event: 'connect' | 'message' | 'close' | 'error'): Promise<any[]> {
  return once(client as unknown as EventEmitter, event)
}
