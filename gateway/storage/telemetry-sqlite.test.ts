import { join } from 'node:path'
import t from 'tap'
import type { Measurement } from '../core/measurement.ts'
import { openTelemetrySqlite } from './telemetry-sqlite.ts'
import { testTelemetry } from './testing/telemetry-contract.ts'

const hour = 3_600_000
const start = 1_772_323_200_000

testTelemetry(t, async (t) => ({
  telemetry: openTelemetrySqlite({
    file: join(t.testdir(), 'telemetry.db'),
    retentionMs: Number.POSITIVE_INFINITY,
    now: Date.now,
  }),
  settle: async () => {},
}))

const measured = (device: string, at: number): Measurement => ({
  device,
  metric: 'temperatureCelsius',
  value: 20,
  deviceAt: at,
  ingestedAt: at,
  clockTrusted: true,
})

t.test('after its retention a value is gone, also of a device that has gone silent', async (t) => {
  const file = join(t.testdir(), 'telemetry.db')
  let now = start
  const first = openTelemetrySqlite({ file, retentionMs: 24 * hour, now: () => now })
  await first.write(Array.from({ length: 5000 }, (_, n) => measured('silent', start + n)))
  await first.close()

  now = start + 25 * hour
  const telemetry = openTelemetrySqlite({ file, retentionMs: 24 * hour, now: () => now })
  t.teardown(() => telemetry.close())
  for (let n = 0; n < 8; n++) await telemetry.write([measured('lively', now + n)])
  const span = { metric: 'temperatureCelsius', from: 0, to: now * 2, limit: 9999 }
  t.strictSame(await telemetry.query({ ...span, device: 'silent' }), [])
  t.equal((await telemetry.query({ ...span, device: 'lively' })).length, 8)
  t.match(await telemetry.latest('silent'), [{ deviceAt: start + 4999 }], 'its last word is still known')
})

t.test('everything written is there after a restart', async (t) => {
  const file = join(t.testdir(), 'telemetry.db')
  const options = { file, retentionMs: hour, now: () => start }
  const first = openTelemetrySqlite(options)
  await first.write([measured('a', start)])
  await first.close()
  const second = openTelemetrySqlite(options)
  t.teardown(() => second.close())
  await second.write([measured('a', start + 1)])
  const points = await second.query({ device: 'a', metric: 'temperatureCelsius', from: 0, to: start * 2, limit: 9 })
  t.equal(points.length, 2)
  t.match(await second.latest('a'), [measured('a', start + 1)])
  await second.write([{ ...measured('a', start), value: Number.NaN }])
  t.equal(second.droppedPoints(), 1)
})

t.test('a batch that cannot be written whole is not written at all', async (t) => {
  const telemetry = openTelemetrySqlite({ file: ':memory:', retentionMs: hour, now: () => start })
  t.teardown(() => telemetry.close())
  const bad = { ...measured('b', start), value: { not: 'a value' } as unknown as number }
  await t.rejects(telemetry.write([measured('a', start), measured('new', start), bad]))
  t.strictSame(await telemetry.latest('a'), [])
  await telemetry.write([measured('new', start)])
  t.equal((await telemetry.latest('new')).length, 1, 'and what it had begun is forgotten')
})
