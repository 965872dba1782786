import pino from 'pino'
import t from 'tap'
import type { Measurement } from '../core/measurement.ts'
import type { Telemetry } from '../core/ports.ts'
import { codecs } from './codecs/index.ts'
import { createInspector } from './inspector.ts'
import { createIntake } from './intake.ts'
import { createDeviceRegistry } from './registry.ts'
import { topicSources } from './routes.ts'

const minute = 60_000

function build() {
  let time = Date.parse('2026-01-31T08:00:00Z')
  const stored: Measurement[][] = []
  const shown: Measurement[] = []
  const upDown: string[] = []
  const felt: Array<{ device: string; samples: number; clockTrusted: boolean }> = []
  const inspector = createInspector(3)
  const registry = createDeviceRegistry([
    { id: 'smoke-3', kind: 'smoke', place: { site: 's' }, codec: 'gridgate-json', heartbeatMs: minute },
    {
      id: 'z',
      kind: 'door',
      place: { site: 's' },
      codec: 'gridgate-json',
      topic: 'factory/z',
      heartbeatMs: minute,
    },
    {
      id: 'sos-301',
      kind: 'sos',
      place: { site: 's' },
      codec: 'zigbee2mqtt',
      address: '0x00158D0001D82999',
      heartbeatMs: minute,
    },
    {
      id: 'back',
      kind: 'door',
      place: { site: 's' },
      codec: 'chirpstack',
      address: 'aa',
      options: { decoder: 'milesight' },
      heartbeatMs: minute,
    },
    { id: 'hall', kind: 'door', place: { site: 's' }, codec: 'auto', address: 'b1/hall', heartbeatMs: minute },
  ])
  const intake = createIntake({
    site: 's',
    registry,
    codecs,
    sources: topicSources(registry.descriptions(), codecs, []),
    inspector,
    telemetry: { write: async (batch: readonly Measurement[]) => void stored.push([...batch]) } as unknown as Telemetry,
    onMeasurements: (measurements) => shown.push(...measurements),
    onAcceleration: (device, batch, clockTrusted) => felt.push({ device, samples: batch.times.length, clockTrusted }),
    onDeviceUp: (device, isUp) => upDown.push(`${device} ${isUp ? 'up' : 'down'}`),
    now: () => time,
    logger: pino({ level: 'silent' }),
  })
  const send = (topic: string, message: unknown, isRetained = false) =>
    intake.receive({ topic, payload: new TextEncoder().encode(JSON.stringify(message)), isRetained })
  return {
    intake,
    registry,
    inspector,
    felt,
    send,
    stored,
    shown,
    upDown,
    now: () => time,
    pass: (ms: number) => (time += ms),
  }
}

t.test('messages that come together are stored together, and each waits for its store', async (t) => {
  const { send, stored, shown } = build()
  const sent = [1, 2, 3].map((value) => send('site/s/smoke-3/up', { values: { smokePercentPerMeter: value } }))
  t.equal(shown.length, 3, 'scenes see them at once')
  t.equal(stored.length, 0)
  await Promise.all(sent)
  t.equal(stored.length, 1, 'one batch')
  t.equal(stored[0]?.length, 3)
})

t.test('late, future and retained values are kept but not trusted to raise alarms', async (t) => {
  const { send, shown, now } = build()
  const at = (offset: number) => ({ at: now() + offset, values: { isOpen: true } })
  await send('site/s/smoke-3/up', at(0))
  await send('site/s/smoke-3/up', at(-11 * minute))
  await send('site/s/smoke-3/up', at(2 * minute))
  await send('site/s/smoke-3/up', { values: { isOpen: true } }, true)
  t.same(
    shown.map(({ clockTrusted }) => clockTrusted),
    [true, false, false, false],
  )
})

t.test('what a sensor kept in its memory is stored with its own time, and no scene hears of it', async (t) => {
  const { send, shown, stored, registry, inspector, now } = build()
  const uplink = (hex: string) =>
    send('application/1/device/aa/event/up', { fPort: 85, data: Buffer.from(hex, 'hex').toString('base64') })
  const seconds = (at: number) => {
    const bytes = Buffer.alloc(4)
    bytes.writeUInt32LE(at / 1000)
    return bytes.toString('hex')
  }
  await uplink('017564060000')
  t.match(registry.get('back'), { isUp: true, values: { isOpen: false } })
  const before = shown.length
  // Open ten hours ago, and a minute ago: as a matter of fact it is closed.
  const open = [now() - 600 * minute, now() - minute]
  await uplink(open.map((at) => `20ce${seconds(at)}10015d01`).join(''))
  t.equal(shown.length, before, 'old news raise nothing')
  t.match(registry.get('back'), { values: { isOpen: false } }, 'how things are has not changed')
  t.match(
    stored.flat().filter(({ metric, value }) => metric === 'isOpen' && value === true),
    open.map((deviceAt) => ({ device: 'back', deviceAt, ingestedAt: now(), clockTrusted: true })),
  )
  await uplink(`20ce${seconds(Date.parse('2000-01-01T00:10:00Z'))}10015d01`)
  t.match(inspector.list(), [{ reason: /no believable time/, detail: '2000-01-01T00:10:00.000Z' }])
})

t.test('a device is up when heard, down by its will, and down when silent for two heartbeats', async (t) => {
  const { send, intake, upDown, pass, registry } = build()
  await send('site/s/smoke-3/up', { values: { x: 1 } })
  await intake.receive({ topic: 'site/s/smoke-3/status', payload: Buffer.from('offline'), isRetained: false })
  await send('factory/z', { values: { isOpen: false } })
  pass(minute * 2 + 1)
  intake.tick()
  intake.tick()
  t.same(upDown, ['smoke-3 up', 'smoke-3 down', 'z up', 'z down'])
  t.same(registry.get('z')?.values, { isOpen: false })
})

t.test('a device that falls silent is noticed in time although the clock was set back by an hour', async (t) => {
  const { send, intake, upDown, pass, now, registry } = build()
  await send('factory/z', { values: { isOpen: false } })
  pass(-60 * minute)
  intake.tick()
  t.same(upDown, ['z up'], 'a clock set back silences nobody')
  pass(minute * 2 + 1)
  intake.tick()
  t.same(upDown, ['z up', 'z down'])
  await send('factory/z', { values: { isOpen: false } })
  t.equal(registry.get('z')?.lastSeenAt, now(), 'last heard now, by the clock as it is')
})

t.test('what nobody understands is counted with its reason and breaks nothing', async (t) => {
  const { send, intake, registry } = build()
  await send('site/s/smoke-3/up', [1])
  await send('site/s/nobody/up', { values: {} })
  await send('weather', {})
  t.same(intake.stats(), { received: 3, notUnderstood: 1, unknownDevice: 2, refusedReadings: 0, codecFailures: 0 })
  t.match(registry.get('smoke-3'), { notUnderstood: 1, notUnderstoodReason: /expected a JSON object/ })
})

t.test('a button behind a bridge is known by its IEEE address as soon as the bridge has named it', async (t) => {
  const { send, intake, registry, shown, upDown } = build()
  const press = () => send('zigbee2mqtt/bedroom 301', { action: 'emergency', battery: 80 })
  await press()
  t.equal(shown.length, 0)
  t.match(registry.discovered(), [
    { codec: 'zigbee2mqtt', address: 'bedroom 301', offers: ['sosPress', 'batteryPercent'] },
  ])
  await send('zigbee2mqtt/bridge/devices', [
    { type: 'EndDevice', ieee_address: '0x00158d0001d82999', friendly_name: 'bedroom 301' },
  ])
  await press()
  t.match(shown, [
    { device: 'sos-301', metric: 'sosPress', value: 'emergency', clockTrusted: true },
    { device: 'sos-301', metric: 'batteryPercent', value: 80 },
  ])
  await send('zigbee2mqtt/b1/hall', { contact: false })
  t.match(shown.at(-1), { device: 'hall', metric: 'isOpen', value: true }, 'auto recognises the family')
  await intake.receive({ topic: 'zigbee2mqtt/bridge/state', payload: Buffer.from('offline'), isRetained: true })
  t.same(upDown, ['sos-301 up', 'hall up', 'sos-301 down'], 'without its bridge it cannot be heard')
})

t.test('values no such sensor can measure reach neither scenes nor the history, but the inspector', async (t) => {
  const { send, shown, intake, inspector } = build()
  await send('site/s/smoke-3/up', { values: { smokePercentPerMeter: 0.2, temperatureCelsius: 3000, isSmoke: 1 } })
  await send('site/s/smoke-3/up', { values: { temperatureCelsius: 4000 } })
  t.same(
    shown.map(({ metric }) => metric),
    ['smokePercentPerMeter'],
  )
  t.equal(intake.stats().refusedReadings, 3)
  t.match(inspector.list(), [
    { device: 'smoke-3', reason: 'temperatureCelsius is outside -60 to 250 °C', detail: '4000', count: 2 },
    { reason: 'isSmoke must be true or false' },
  ])
})

t.test('the inspector stays small however much rubbish comes, and keeps what came last', async (t) => {
  const { intake, inspector } = build()
  for (let n = 0; n < 50; n++)
    await intake.receive({ topic: `zigbee2mqtt/d${n}`, payload: Buffer.alloc(1000, n), isRetained: false })
  await intake.receive({ topic: 'zigbee2mqtt/d49', payload: Buffer.from('?'), isRetained: false })
  t.match(inspector.list(), [
    { topic: 'zigbee2mqtt/d49', count: 2, bytes: 1, beginning: Uint8Array.from([0x3f]) },
    { topic: 'zigbee2mqtt/d48', beginning: { length: 256 } },
    { topic: 'zigbee2mqtt/d47' },
  ])
  t.equal(inspector.list().length, 3)
})

t.test('acceleration of a band arrives as samples with their instants, in both of its forms', async (t) => {
  const { intake, send, felt, shown, now } = build()
  const header = Buffer.alloc(20)
  header.write('GA', 0)
  header.writeUInt8(1, 2)
  header.writeUInt16LE(5000, 4)
  header.writeUInt16LE(1024, 6)
  header.writeUInt16LE(2, 8)
  header.writeBigUInt64LE(BigInt(now() - 20), 12)
  const samples = Buffer.alloc(12)
  samples.writeInt16LE(1024, 4)
  const payload = Buffer.concat([header, samples])
  await intake.receive({ topic: 'site/s/smoke-3/up/acceleration', payload, isRetained: false })
  await intake.receive({ topic: 'site/s/smoke-3/up', payload, isRetained: false })
  await send('site/s/smoke-3/up', {
    at: now() - 60 * minute,
    values: { heartRateBpm: 70 },
    acceleration: { rateHz: 25, samples: [0, 0, 1, 0, 0, 1, 0, 0, 1] },
  })
  t.same(felt, [
    { device: 'smoke-3', samples: 2, clockTrusted: true },
    { device: 'smoke-3', samples: 2, clockTrusted: true },
    { device: 'smoke-3', samples: 3, clockTrusted: false },
  ])
  t.match(shown, [{ metric: 'heartRateBpm', value: 70 }])
})

t.test('what a device caught up on later does not replace what is known to be newer', async (t) => {
  const { send, registry, now } = build()
  await send('site/s/smoke-3/up', { at: now(), values: { isSmoke: true } })
  await send('site/s/smoke-3/up', { at: now() - 60 * minute, values: { isSmoke: false, isMuted: true } })
  t.same(registry.get('smoke-3')?.values, { isSmoke: true, isMuted: true })
})
