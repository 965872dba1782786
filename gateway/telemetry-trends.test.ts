import t from 'tap'
import type { TelemetryPoint } from './core/ports.ts'
import { createTrends, type Trend } from './telemetry-trends.ts'
import { until } from './testing/until.ts'

const hourMs = 3600_000
const dayMs = 24 * hourMs
const start = Date.UTC(2026, 0, 1)

/** A battery that loses one percent a day, and how often it was asked for. */
function build(points: (device: string) => TelemetryPoint[]) {
  let at = start + 31 * dayMs
  const asked: string[] = []
  const errors: unknown[] = []
  const trends = createTrends({
    telemetry: {
      async query({ device, metric, from, to, resolution }) {
        asked.push(`${device} ${metric} ${resolution}`)
        return points(device).filter((point) => point.at >= from && point.at < to)
      },
    },
    now: () => at,
    onError: (error) => errors.push(error),
  })
  return { trends, asked, errors, pass: (ms: number) => (at += ms) }
}
const falling = Array.from(
  { length: 31 * 24 },
  (_, hour): TelemetryPoint => ({ at: start + hour * hourMs, value: 100 - Math.floor(hour / 24) }),
)
const found = (look: () => Trend | undefined) => until('the trend is found', look)

t.test('a battery that loses one percent a day shows it, and who looks does not wait', async (t) => {
  const { trends, asked, pass } = build(() => falling)
  t.equal(trends.of('door-1', 'batteryPercent'), undefined, 'not known at once')
  t.same(await found(() => trends.of('door-1', 'batteryPercent')), { change: -29, days: 30 })
  t.same(asked, ['door-1 batteryPercent hour'], 'asked once, however often somebody looks')
  pass(hourMs + 1)
  t.ok(trends.of('door-1', 'batteryPercent'), 'what was found is shown while it is found anew')
  await until('it is asked again', () => asked.length === 2)
})

t.test('a day says nothing of a trend, nor does what is no number', async (t) => {
  const newest = falling.slice(-20)
  const { trends, asked } = build((device) =>
    device === 'new' ? newest : falling.map(({ at }) => ({ at, value: 'locked' })),
  )
  for (const device of ['new', 'words']) trends.of(device, 'x')
  await until('both were asked for', () => asked.length === 2)
  await new Promise((resolve) => setImmediate(resolve))
  t.same(
    ['new', 'words'].map((device) => trends.of(device, 'x')),
    [undefined, undefined],
  )
})

t.test('a store that fails is told, and asked again when somebody looks again', async (t) => {
  let isBroken = true
  const { trends, errors } = build(() => {
    if (isBroken) throw new Error('disk')
    return falling
  })
  trends.of('door-1', 'batteryPercent')
  await until('the fault is told', () => errors.length === 1)
  isBroken = false
  t.same(await found(() => trends.of('door-1', 'batteryPercent')), { change: -29, days: 30 })
})
