import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import mqtt from 'mqtt'
import t, { type Test } from 'tap'
import { Value } from 'typebox/value'
import { startMosquitto } from '../testing/mosquitto.ts'
import { until } from '../testing/until.ts'
import { createDoorHold, type DoorEvent } from './door-hold.ts'
import { doorDrivers } from './index.ts'
import type { MqttPort } from './mqtt-relay.ts'
import { startRelayPeer } from './testing/relay-peer.ts'

const topics = { down: 'site/s/relay/down', up: 'site/s/relay/up' }
const commissioning = { device: 'relay', commissionedBy: 'Lift Service Ltd., Wang', commissionedOn: '2026-11-01' }

async function setUp(t: Test, more: { maxHoldSeconds?: number } = {}) {
  const broker = await startMosquitto()
  t.teardown(() => broker.stop())
  const relay = await startRelayPeer(broker.url, topics)
  t.teardown(() => relay.close())
  const client = await mqtt.connectAsync(broker.url)
  t.teardown(() => client.endAsync(true))
  const sent: Array<{ qos: number; retain?: boolean }> = []
  const port: MqttPort = {
    async publish(topic, payload, how) {
      sent.push(how)
      await client.publishAsync(topic, payload, how)
    },
    subscribe(filter, handler) {
      client.on('message', handler)
      client.subscribe(filter)
      return () => client.off('message', handler).unsubscribe(filter)
    },
  }
  const driver = doorDrivers[0]!
  const options = Value.Default(driver.options, commissioning)
  const contact = driver.create(options, { site: 's', lift: 'b1-lift', mqtt: port })
  const events: DoorEvent[] = []
  const hold = createDoorHold({
    contact,
    rules: {
      signals: ['isFireMode'],
      maxHoldSeconds: more.maxHoldSeconds ?? 60,
      coolDownSeconds: 10,
      maxSignalAgeMs: 10_000,
    },
    onEvent: (event) => events.push(event),
  })
  const stop = new AbortController()
  const running = hold.run(stop.signal)
  t.teardown(async () => {
    stop.abort()
    await running
    contact.close()
  })
  const hear = (values: Record<string, boolean>, ageMs = 0) => {
    for (const [metric, value] of Object.entries(values)) {
      const ingestedAt = Date.now()
      hold.onMeasurement({ device: 'd', metric, value, deviceAt: ingestedAt - ageMs, ingestedAt, clockTrusted: true })
    }
  }
  return { broker, relay, hold, hear, events, stop, running, sent, contact }
}

const open = { isAtLanding: true, isDoorOpen: true, isFireMode: false }

t.test('a wanted hold closes the contact, is renewed, and is let go when the bike has left', async (t) => {
  const { relay, hold, hear, events, sent } = await setUp(t)
  hear(open)
  hold.want(true)
  await until('the door is held', () => relay.isHeld)
  await until('it was renewed', () => relay.log.filter(({ what }) => what === 'lease').length >= 6)
  t.equal(relay.log.filter(({ what }) => what === 'released').length, 0, 'without a gap')
  hold.want(false)
  await until('the door is free', () => !relay.isHeld)
  t.match(events, [
    { lift: 'b1-lift', transition: 'door-held' },
    { lift: 'b1-lift', transition: 'door-released', reason: 'not wanted any more' },
  ])
  t.ok(
    sent.every(({ qos, retain }) => qos === 0 && !retain),
    'no lease is ever kept for later',
  )
})

t.test('fire releases at once', async (t) => {
  const { relay, hold, hear, events } = await setUp(t)
  hear(open)
  hold.want(true)
  await until('the door is held', () => relay.isHeld)
  const leases = relay.log.length
  hear({ isFireMode: true })
  await until('the door is free', () => !relay.isHeld)
  t.match(events.at(-1), { transition: 'door-released', reason: 'isFireMode' })
  t.ok(relay.log.length <= leases + 2, 'by the release, not by a lease that ran out')
  t.match(hold.status(), { state: 'blocked', reason: 'isFireMode' })
})

t.test('old news may forbid a hold but not carry one', async (t) => {
  const { relay, hold, hear } = await setUp(t)
  hear(open, 60_000)
  hold.want(true)
  t.match(hold.status(), { state: 'waiting', reason: 'isAtLanding unknown' })
  hear(open)
  await until('the door is held', () => relay.isHeld)
  hear({ isFireMode: true }, 60_000)
  await until('the door is free', () => !relay.isHeld)
})

t.test('an operator override and the time limit reach the contact', async (t) => {
  const { relay, hold, hear, events } = await setUp(t, { maxHoldSeconds: 1.2 })
  hear(open)
  hold.want(true)
  await until('the door is held', () => relay.isHeld)
  await until('the door is free', () => !relay.isHeld)
  await until('the end is told', () => events.length === 2)
  t.match(events[1], { transition: 'door-hold-expired', reason: 'held long enough' })
  t.ok(events[1]!.heldMs >= 1200 && events[1]!.heldMs < 30_000)

  const other = await setUp(t)
  other.hear(open)
  other.hold.want(true)
  await until('the door is held', () => other.relay.isHeld)
  t.ok(other.hold.status().leftMs! > 50_000, 'how long it may still be held')
  const li = { type: 'user', id: 'li' } as const
  t.match(other.hold.override(li), { lift: 'b1-lift', state: 'blocked' })
  await until('the door is free', () => !other.relay.isHeld)
  t.match(other.events.at(-1), { transition: 'door-released', by: li })
  t.match(other.hold.override(li), { refused: 'the door of b1-lift is not being held' })
})

t.test('a relay that does not answer ends the hold with an event', async (t) => {
  const { relay, hold, hear, events } = await setUp(t)
  relay.isDead = true
  hear(open)
  hold.want(true)
  await until('the hold was given up', () => events.length === 2)
  t.match(events[1], { transition: 'door-released', reason: /^contact: door relay relay did not answer/ })
  t.equal(relay.isHeld, false)
})

t.test('stopping the gateway releases', async (t) => {
  const { relay, hold, hear, stop, running } = await setUp(t)
  hear(open)
  hold.want(true)
  await until('the door is held', () => relay.isHeld)
  stop.abort()
  await running
  t.equal(relay.isHeld, false)
  hold.want(true)
  t.equal(hold.status().state, 'idle', 'and nothing is held without a running gateway')
})

for (const signal of ['SIGKILL', 'SIGSTOP'] as const)
  t.test(`a gateway that gets ${signal} while it holds lets the relay go by itself within two seconds`, async (t) => {
    const broker = await startMosquitto()
    t.teardown(() => broker.stop())
    const relay = await startRelayPeer(broker.url, topics)
    t.teardown(() => relay.close())
    const holder = fileURLToPath(new URL('./testing/holder.ts', import.meta.url))
    const gateway = spawn(process.execPath, ['--import', 'tsx', holder, broker.url], { stdio: 'inherit' })
    t.teardown(() => gateway.kill('SIGKILL'))
    await until('the door is held for a while', () => relay.log.length >= 5, 60_000)
    t.equal(relay.isHeld, true)
    gateway.kill(signal)
    await until('the door is free', () => !relay.isHeld)
    const lastLease = relay.log.filter(({ what }) => what === 'lease').at(-1)!
    const heldMs = relay.log.at(-1)!.at - lastLease.at
    t.ok(heldMs < 3500, `${heldMs.toFixed(0)} ms after the last lease`)
    t.equal(relay.log.filter(({ what }) => what === 'released').length, 1)
  })

t.test('a broker that dies while the door is held costs one lease', async (t) => {
  const { broker, relay, hold, hear } = await setUp(t)
  hear(open)
  hold.want(true)
  await until('the door is held', () => relay.isHeld)
  await broker.stop()
  await until('the door is free', () => !relay.isHeld)
  t.match(hold.status(), { state: 'blocked', reason: /^contact: / })
})

t.test('a door driver needs the signature of its commissioning, and sixty seconds are the limit', async (t) => {
  const { options } = doorDrivers[0]!
  t.ok(Value.Check(options, Value.Default(options, { ...commissioning })))
  t.notOk(Value.Check(options, Value.Default(options, { device: 'relay' })))
  t.notOk(Value.Check(options, Value.Default(options, { ...commissioning, maxHoldSeconds: 61 })))
})
