import type { Test } from 'tap'
import type { Measurement } from '../../core/measurement.ts'
import type { Telemetry } from '../../core/ports.ts'

/** How the suite gets an empty store of the kind under test. */
export interface TelemetryUnderTest {
  telemetry: Telemetry
  /** Resolves when everything written so far can be queried. */
  settle(): Promise<void>
}

/**
 * What every telemetry store does. Calls `open` for each test; the store is closed at its end.
 * Instants lie in the last hours, so that no engine's retention takes them away.
 */
export function testTelemetry(t: Test, open: (t: Test) => Promise<TelemetryUnderTest>): void {
  const base = Math.floor(Date.now() / 1000) * 1000 - 3_600_000

  const measurement = (changes: Partial<Measurement> = {}): Measurement => ({
    device: 'lift-1-thermometer',
    metric: 'temperatureCelsius',
    value: 21.5,
    deviceAt: base,
    ingestedAt: base + 40,
    clockTrusted: true,
    ...changes,
  })

  const all = { device: 'lift-1-thermometer', metric: 'temperatureCelsius', from: 0, to: base * 2, limit: 1000 }

  async function opened(t: Test): Promise<TelemetryUnderTest> {
    const under = await open(t)
    t.teardown(() => under.telemetry.close())
    return under
  }

  t.test('numbers, booleans and texts come back as what they were', async (t) => {
    const { telemetry, settle } = await opened(t)
    const values = [
      ['temperatureCelsius', -0.125],
      ['count', 3],
      ['pressurePascal', 1.013e300],
      ['isOpen', true],
      ['isBroken', false],
      ['label', '电梯 "3"\n= a, b\\'],
      ['empty', ''],
      ['looksLikeNumber', '1'],
    ] as const
    await telemetry.write(values.map(([metric, value]) => measurement({ metric, value })))
    await settle()
    for (const [metric, value] of values)
      t.strictSame(await telemetry.query({ ...all, metric }), [{ at: base, value }], metric)
    t.strictSame(await telemetry.query({ ...all, metric: 'never' }), [])
    t.strictSame(await telemetry.query({ ...all, device: 'nobody' }), [])
  })

  t.test('names with spaces, quotes, commas and Chinese name one series each', async (t) => {
    const { telemetry, settle } = await opened(t)
    const names = ['a b', 'a,b', 'a=b', `a"b'c`, '三号楼/电梯 1', 'a\\b', "x' OR 'x'='x", '$device', 'r["_field"]']
    await telemetry.write(names.map((device, value) => measurement({ device, value })))
    await telemetry.write(names.map((metric, value) => measurement({ metric, value })))
    await settle()
    for (const [value, name] of names.entries()) {
      t.strictSame(await telemetry.query({ ...all, device: name }), [{ at: base, value }], `device ${name}`)
      t.strictSame(await telemetry.query({ ...all, metric: name }), [{ at: base, value }], `metric ${name}`)
    }
  })

  t.test('a span is answered oldest first, from its start up to before its end', async (t) => {
    const { telemetry, settle } = await opened(t)
    const seconds = [3, 0, 4, 1, 2]
    await telemetry.write(seconds.map((n) => measurement({ deviceAt: base + n * 1000 + 7, value: n })))
    await settle()
    const at = (n: number) => ({ at: base + n * 1000 + 7, value: n })
    t.strictSame(await telemetry.query(all), [0, 1, 2, 3, 4].map(at))
    t.strictSame(await telemetry.query({ ...all, from: base + 1007, to: base + 3007 }), [1, 2].map(at))
    t.strictSame(await telemetry.query({ ...all, limit: 2 }), [3, 4].map(at), 'the newest, when there are too many')
  })

  t.test('a message delivered twice counts once, and the later word stands', async (t) => {
    const { telemetry, settle } = await opened(t)
    await telemetry.write([measurement({ value: 1 })])
    await telemetry.write([measurement({ value: 1 })])
    await telemetry.write([measurement({ value: 2 })])
    await settle()
    t.strictSame(await telemetry.query(all), [{ at: base, value: 2 }])
  })

  t.test('where the device has no clock to trust, the time of receipt counts', async (t) => {
    const { telemetry, settle } = await opened(t)
    await telemetry.write([measurement({ deviceAt: 5, clockTrusted: false })])
    await settle()
    t.strictSame(await telemetry.query(all), [{ at: base + 40, value: 21.5 }])
  })

  t.test('the latest value of each metric is known at once, and late news does not replace it', async (t) => {
    const { telemetry } = await opened(t)
    const newer = measurement({ deviceAt: base + 2000, ingestedAt: base + 2040, value: 22 })
    const open = measurement({ metric: 'isOpen', value: true, clockTrusted: false })
    await telemetry.write([newer, measurement(), open])
    await telemetry.write([measurement({ deviceAt: base + 1000, value: 5 })])
    await telemetry.write([measurement({ device: 'other', value: 6 })])
    const latest = await telemetry.latest('lift-1-thermometer')
    t.strictSame(
      latest.sort((a, b) => a.metric.localeCompare(b.metric)),
      [open, newer],
    )
    t.strictSame(await telemetry.latest('nobody'), [])
  })

  t.test('a value that is none is dropped, and its neighbours are not', async (t) => {
    const { telemetry, settle } = await opened(t)
    await telemetry.write([])
    await telemetry.write([
      measurement({ value: Number.NaN }),
      measurement({ deviceAt: base + 1, value: Number.POSITIVE_INFINITY }),
      measurement({ device: '', value: 4 }),
      measurement({ deviceAt: base + 2, value: 3 }),
    ])
    await settle()
    t.strictSame(await telemetry.query(all), [{ at: base + 2, value: 3 }])
    t.strictSame(
      (await telemetry.latest('lift-1-thermometer')).map(({ value }) => value),
      [3],
    )
  })

  t.test('a series whose values change their type keeps both', async (t) => {
    const { telemetry, settle } = await opened(t)
    await telemetry.write([measurement({ metric: 'state', value: 1 })])
    await telemetry.write([measurement({ metric: 'state', value: 'open', deviceAt: base + 1 })])
    await telemetry.write([measurement({ metric: 'state', value: true, deviceAt: base + 2 })])
    await settle()
    t.strictSame(await telemetry.query({ ...all, metric: 'state' }), [
      { at: base, value: 1 },
      { at: base + 1, value: 'open' },
      { at: base + 2, value: true },
    ])
  })

  t.test('what each minute and each hour came to can be asked for', async (t) => {
    const { telemetry, settle } = await opened(t)
    const hour = Math.floor(base / 3_600_000) * 3_600_000
    const values = [
      [0, 1],
      [30_000, 2],
      [60_000, 6],
    ] as const
    await telemetry.write(values.map(([after, value]) => measurement({ deviceAt: hour + after, value })))
    await settle()
    t.match(await telemetry.query({ ...all, resolution: 'minute' }), [
      { at: hour, value: 1.5 },
      { at: hour + 60_000, value: 6 },
    ])
    t.match(await telemetry.query({ ...all, resolution: 'hour' }), [{ at: hour, value: 3 }])
  })

  t.test('a batch of ten thousand is stored whole', async (t) => {
    const { telemetry, settle } = await opened(t)
    await telemetry.write(Array.from({ length: 10_000 }, (_, n) => measurement({ deviceAt: base + n, value: n })))
    await settle()
    const points = await telemetry.query({ ...all, limit: 20_000 })
    t.equal(points.length, 10_000)
    t.ok(points.every(({ at, value }, n) => at === base + n && value === n))
  })
}
