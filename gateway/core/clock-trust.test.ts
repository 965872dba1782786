import t from 'tap'
import { createClockTrust } from './clock-trust.ts'

const hour = 3600_000
const day = 24 * hour
const evening = Date.UTC(2026, 4, 1, 20)

/** A box whose two clocks the test moves. */
function box(lastKnownAt?: number) {
  const clocks = { wall: evening, steady: 0 }
  const leaps: number[] = []
  const trust = createClockTrust({
    ...(lastKnownAt === undefined ? {} : { lastKnownAt }),
    now: () => clocks.wall,
    monotonicMs: () => clocks.steady,
    onLeap: (leapMs) => leaps.push(leapMs),
  })
  const pass = (ms: number) => {
    clocks.wall += ms
    clocks.steady += ms
  }
  return { clocks, leaps, trust, pass }
}

t.test('what is old may be deleted while the clock goes as it should', (t) => {
  const { trust, pass, leaps } = box(evening - 10 * hour)
  t.ok(trust.mayDelete())
  for (let n = 0; n < 100; n++) {
    pass(hour)
    t.ok(trust.mayDelete())
  }
  t.same(leaps, [])
  t.end()
})

t.test(
  'after a power cut that left the clock forty days ahead nothing is deleted, and all is well once it is set right',
  (t) => {
    const { trust, clocks, pass, leaps } = box(evening - 40 * day)
    t.notOk(trust.mayDelete())
    pass(hour)
    t.notOk(trust.mayDelete())
    clocks.wall -= 40 * day
    t.ok(trust.mayDelete())
    t.same(leaps, [40 * day], 'told once')
    t.end()
  },
)

t.test('a site that was closed for a month deletes a day after it came back', (t) => {
  const { trust, pass } = box(evening - 30 * day)
  t.notOk(trust.mayDelete())
  pass(23 * hour)
  t.notOk(trust.mayDelete())
  pass(hour)
  t.ok(trust.mayDelete())
  t.end()
})

t.test('a clock that leaps while the gateway runs is noticed as well', (t) => {
  const { trust, clocks, pass } = box()
  t.ok(trust.mayDelete())
  pass(hour)
  clocks.wall += 365 * day
  t.notOk(trust.mayDelete())
  pass(2 * day)
  t.ok(trust.mayDelete())
  t.end()
})
