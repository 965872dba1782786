import { copyFileSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from '@photostructure/sqlite'
import t, { type Test } from 'tap'
import type { Measurement } from '../core/measurement.ts'
import { openTelemetrySqlite, type TelemetrySqliteOptions } from './telemetry-sqlite.ts'
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

const span = { device: 'a', metric: 'temperatureCelsius', from: 0, to: start * 2, limit: 9999 }
const minute = 60_000

/** A store whose clock the test moves; each batch also lets it tidy. */
function clockwork(t: Test, more: Partial<TelemetrySqliteOptions> = {}) {
  const file = join(t.testdir(), 'telemetry.db')
  const clock = { at: start }
  const open = (from = file) =>
    openTelemetrySqlite({ file: from, retentionMs: Number.POSITIVE_INFINITY, ...more, now: () => clock.at })
  return { file, clock, open }
}

t.test('what the night of a power cut brought is there once, whatever the tidying had done by then', async (t) => {
  const { file, clock, open } = clockwork(t)
  const telemetry = open()
  t.teardown(() => telemetry.close())
  const expected: number[] = []
  const cuts: string[] = []
  // Every three minutes a value, for two hours: generations are sorted in and hours are rolled up on the way.
  for (let n = 0; n < 40; n++) {
    clock.at = start + n * 3 * minute
    await telemetry.write([measured('a', clock.at), measured('b', clock.at)])
    expected.push(clock.at)
    if (n % 7 !== 6) continue
    const cut = `${file}.${n}`
    for (const end of ['', '-wal']) copyFileSync(file + end, cut + end)
    cuts.push(cut)
  }
  for (const cut of cuts) {
    const seen = Number(cut.split('.').at(-1)) + 1
    const after = open(cut)
    t.strictSame(
      (await after.query(span)).map(({ at }) => at),
      expected.slice(0, seen),
      `cut after ${seen} values`,
    )
    t.equal((await after.latest('a'))[0]?.deviceAt, expected[seen - 1])
    await after.write([measured('a', expected[seen - 1]!)])
    clock.at += hour
    await after.write([measured('b', clock.at)])
    t.strictSame(
      (await after.query(span)).map(({ at }) => at),
      expected.slice(0, seen),
      'and after more tidying',
    )
    await after.close()
  }
})

t.test('minutes and hours tell the mean, the extremes and how many values there were', async (t) => {
  const { clock, open } = clockwork(t)
  const telemetry = open()
  t.teardown(() => telemetry.close())
  const value = (at: number, value: number) => ({ ...measured('a', at), value })
  await telemetry.write([
    value(start, 10),
    value(start + 20_000, 20),
    value(start + minute, 40),
    value(start + hour, 7),
  ])
  const hours = [
    { at: start, value: 70 / 3, count: 3, minimum: 10, maximum: 40 },
    { at: start + hour, value: 7, count: 1, minimum: 7, maximum: 7 },
  ]
  const minutes = [
    { at: start, value: 15, count: 2, minimum: 10, maximum: 20 },
    { at: start + minute, value: 40, count: 1, minimum: 40, maximum: 40 },
    { at: start + hour, value: 7, count: 1, minimum: 7, maximum: 7 },
  ]
  const look = async (when: string) => {
    t.strictSame(await telemetry.query({ ...span, resolution: 'hour' }), hours, `hours ${when}`)
    t.strictSame(await telemetry.query({ ...span, resolution: 'minute' }), minutes, `minutes ${when}`)
    t.strictSame(await telemetry.query({ ...span, resolution: 'minute', limit: 1 }), minutes.slice(-1), 'the newest')
  }
  await look('at once')
  for (const later of [10 * minute, 2 * hour, 3 * hour]) {
    clock.at = start + later
    await telemetry.write([measured('b', clock.at)])
    await look(`${later / minute} minutes later`)
  }
  await telemetry.write([value(start + 40_000, 0)])
  hours[0] = { at: start, value: 17.5, count: 4, minimum: 0, maximum: 40 }
  minutes[0] = { at: start, value: 10, count: 3, minimum: 0, maximum: 20 }
  await look('with a straggler')
  clock.at += 10 * minute
  for (let n = 0; n < 3; n++) await telemetry.write([measured('b', clock.at + n)])
  await look('when the straggler has its place')
})

t.test('values go first, minutes later, and hours stay for years', async (t) => {
  const { clock, open } = clockwork(t, {
    retentionMs: hour,
    minuteRetentionMs: 24 * hour,
    hourRetentionMs: 1000 * hour,
  })
  const telemetry = open()
  t.teardown(() => telemetry.close())
  await telemetry.write([measured('a', start)])
  const counts = async (at: number) => {
    clock.at = at
    for (let n = 0; n < 6; n++) await telemetry.write([measured('b', clock.at + n)])
    const all = ['raw', 'minute', 'hour'] as const
    return Promise.all(all.map(async (resolution) => (await telemetry.query({ ...span, resolution })).length))
  }
  t.strictSame(await counts(start + 10 * minute), [1, 1, 1])
  t.strictSame(await counts(start + 3 * hour), [0, 1, 1])
  t.strictSame(await counts(start + 26 * hour), [0, 0, 1])
  t.strictSame(await counts(start + 1002 * hour), [0, 0, 0])
  t.equal((await telemetry.latest('a')).length, 1, 'the last word stays')
})

t.test('rows of the first version are moved at the first start, and are there again', async (t) => {
  const { file, open } = clockwork(t)
  const old = new DatabaseSync(file)
  old.exec(readFileSync(new URL('./migrations/telemetry/001-measurements.sql', import.meta.url), 'utf8'))
  old.exec(`PRAGMA user_version = 1; PRAGMA application_id = ${0x4772476d};
    INSERT INTO series VALUES (1, 'a', 'temperatureCelsius'), (2, 'a', 'isOpen');
    INSERT INTO measurement VALUES (1, ${start}, 0, 20.5), (1, ${start + hour}, 2, 'warm'), (2, ${start}, 1, 1);`)
  old.close()
  const telemetry = open()
  t.teardown(() => telemetry.close())
  t.strictSame(await telemetry.query(span), [
    { at: start, value: 20.5 },
    { at: start + hour, value: 'warm' },
  ])
  t.strictSame(await telemetry.query({ ...span, metric: 'isOpen' }), [{ at: start, value: true }])
})
