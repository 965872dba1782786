import pino from 'pino'
import t from 'tap'
import type { Measurement } from '../core/measurement.ts'
import type { Telemetry } from '../core/ports.ts'
import { codecs } from './codecs/index.ts'
import { createIntake } from './intake.ts'
import { createDeviceRegistry } from './registry.ts'

const minute = 60_000

function build() {
  let time = Date.parse('2026-01-31T08:00:00Z')
  const stored: Measurement[][] = []
  const shown: Measurement[] = []
  const upDown: string[] = []
  const registry = createDeviceRegistry([
    { id: 'smoke-3', kind: 'smoke', place: { site: 's' }, codec: 'gridgate-json', heartbeatMs: minute },
    {
      id: 'z',
      kind: 'door',
      place: { site: 's' },
      codec: 'gridgate-json',
      topic: 'zigbee2mqtt/z',
      heartbeatMs: minute,
    },
  ])
  const intake = createIntake({
    site: 's',
    registry,
    codecs,
    telemetry: { write: async (batch: readonly Measurement[]) => void stored.push([...batch]) } as unknown as Telemetry,
    onMeasurements: (measurements) => shown.push(...measurements),
    onDeviceUp: (device, isUp) => upDown.push(`${device} ${isUp ? 'up' : 'down'}`),
    now: () => time,
    logger: pino({ level: 'silent' }),
  })
  const send = (topic: string, message: unknown, isRetained = false) =>
    intake.receive({ topic, payload: new TextEncoder().encode(JSON.stringify(message)), isRetained })
  return { intake, registry, send, stored, shown, upDown, now: () => time, pass: (ms: number) => (time += ms) }
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

t.test('a device is up when heard, down by its will, and down when silent for two heartbeats', async (t) => {
  const { send, intake, upDown, pass, registry } = build()
  await send('site/s/smoke-3/up', { values: { x: 1 } })
  await intake.receive({ topic: 'site/s/smoke-3/status', payload: Buffer.from('offline'), isRetained: false })
  await send('zigbee2mqtt/z', { values: { isOpen: false } })
  pass(minute * 2 + 1)
  intake.tick()
  intake.tick()
  t.same(upDown, ['smoke-3 up', 'smoke-3 down', 'z up', 'z down'])
  t.same(registry.get('z')?.values, { isOpen: false })
})

t.test('what nobody understands is counted with its reason and breaks nothing', async (t) => {
  const { send, intake, registry } = build()
  await send('site/s/smoke-3/up', [1])
  await send('site/s/nobody/up', { values: {} })
  await send('weather', {})
  t.same(intake.stats(), { received: 3, notUnderstood: 1, unknownDevice: 2 })
  t.match(registry.get('smoke-3'), { notUnderstood: 1, notUnderstoodReason: /expected an object/ })
})
