import t from 'tap'
import { createAbsence } from './absence.ts'
import { createBaseline } from './baseline.ts'
import { createCombination } from './combination.ts'
import { createDwell } from './dwell.ts'
import { createRate } from './rate.ts'
import { createLocalClock, createSchedule } from './schedule.ts'
import { createThreshold } from './threshold.ts'

const minute = 60_000
const hour = 60 * minute

t.test('a value that dithers around its limit changes the answer once', async (t) => {
  const hot = createThreshold({ limit: 60, side: 'above', hysteresis: 5 })
  t.same(
    [59.9, 60, 58, 61, 55.1, 55, 59, 60].map((value) => hot.update(value)),
    [false, true, true, true, true, false, false, true],
  )
  const low = createThreshold({ limit: 2, side: 'below' })
  t.same(
    [3, 2, 2.01, Number.NaN, 1].map((value) => low.update(value)),
    [false, true, false, false, true],
  )
})

t.test('a door counts as left open only after its time, and as closed at once', async (t) => {
  const open = createDwell({ onMs: 10 * minute })
  t.equal(open.update(0, true), false)
  t.equal(open.wakeAt(), 10 * minute)
  t.equal(open.tick(10 * minute - 1), false)
  t.equal(open.tick(10 * minute), true)
  t.equal(open.wakeAt(), Number.POSITIVE_INFINITY)
  t.equal(open.update(11 * minute, false), false)
})

t.test('a wait that is interrupted begins anew, and an end must last too', async (t) => {
  const dwell = createDwell({ onMs: 5000, offMs: 3000 })
  dwell.update(0, true)
  dwell.update(4000, false)
  t.equal(dwell.update(6000, true), false)
  t.equal(dwell.update(11_000, true), true)
  t.equal(dwell.update(12_000, false), true)
  t.equal(dwell.update(13_000, true), true)
  t.equal(dwell.update(14_000, false), true)
  t.equal(dwell.wakeAt(), 17_000)
  t.equal(dwell.tick(17_000), false)
})

t.test('what nobody confirms any more does not ripen', async (t) => {
  const dwell = createDwell({ onMs: 5 * minute, maxGapMs: 2 * minute })
  dwell.update(0, true)
  t.equal(dwell.tick(5 * minute), false, 'one reading is not five minutes')
  t.equal(dwell.update(6 * minute, true), false, 'it has to hold anew')
  for (const at of [7.5, 9, 10.5]) dwell.update(at * minute, true)
  t.equal(dwell.update(11 * minute, true), true)
})

t.test('a clock that is set back neither stretches a wait for hours nor ends it', async (t) => {
  const dwell = createDwell({ onMs: minute })
  dwell.update(10 * hour, true)
  t.equal(dwell.tick(5 * hour), false)
  t.equal(dwell.tick(5 * hour + minute), true)
})

t.test('rising water tells when it will be too high', async (t) => {
  const rate = createRate({ windowMs: 30 * minute })
  t.equal(rate.perHour(), undefined)
  for (let at = 0; at <= 20; at += 2) rate.add(at * minute, 5 + at * 0.2 + (at % 4 === 0 ? 0.1 : -0.1))
  t.ok(Math.abs(rate.perHour()! - 12) < 0.5, `${rate.perHour()} cm/h`)
  t.ok(Math.abs(rate.msUntil(15) - 30 * minute) < 3 * minute, `${rate.msUntil(15) / minute} min`)
  t.equal(rate.msUntil(5), 0)
  for (let at = 21; at <= 60; at++) rate.add(at * minute, 20 - at * 0.1)
  t.equal(rate.msUntil(100), Number.POSITIVE_INFINITY, 'falling water never gets there')
})

t.test('however often a sensor sends, few values are kept and the slope stays right', async (t) => {
  const rate = createRate({ windowMs: hour, maxSamples: 20 })
  for (let at = 0; at < hour; at += 500) rate.add(at, at / minute)
  t.ok(Math.abs(rate.perHour()! - 60) < 0.5)
})

t.test('what does not show itself for its time is missed since then', async (t) => {
  const absence = createAbsence(hour)
  t.equal(absence.missedSince(5 * hour), undefined, 'before the first sign nobody waits')
  absence.note(hour)
  t.equal(absence.wakeAt(), 2 * hour)
  t.equal(absence.missedSince(1.9 * hour), undefined)
  t.equal(absence.missedSince(3 * hour), 2 * hour)
  absence.note(3 * hour)
  t.equal(absence.missedSince(3.5 * hour), undefined)
})

t.test('a witness counts once, for its time, and may take it back', async (t) => {
  const smoke = createCombination(5 * minute)
  smoke.say('a', 0)
  smoke.say('a', minute)
  smoke.say('b', 2 * minute)
  t.equal(smoke.count(3 * minute), 2)
  t.equal(smoke.count(3 * minute, 'a'), 1)
  t.equal(smoke.count(6.5 * minute), 1)
  smoke.withdraw('b')
  t.equal(smoke.count(6.5 * minute), 0)
})

t.test('night goes over midnight, on the days it begins on, in the local time of the site', async (t) => {
  const local = createLocalClock('Asia/Shanghai')
  const night = createSchedule({ from: '22:00', to: '06:00', days: [5, 6] }, local)
  const at = (text: string) => Date.parse(`${text}+08:00`)
  for (const [text, expected] of [
    ['2026-01-02T21:59:59', false],
    ['2026-01-02T22:00:00', true],
    ['2026-01-03T05:59:59', true],
    ['2026-01-03T06:00:00', false],
    ['2026-01-04T03:00:00', true],
    ['2026-01-04T23:00:00', false],
  ] as const)
    t.equal(night.contains(at(text)), expected, text)
  t.equal(night.nextChange(at('2026-01-02T21:30:10')), at('2026-01-02T22:00:00'))
  t.equal(createSchedule({ from: '00:00', to: '00:00' }, local).contains(at('2026-01-02T12:00:00')), true)
  t.same(local(at('2026-01-05T00:00:00')).weekday, 1)
  const berlin = createLocalClock('Europe/Berlin')
  t.equal(berlin(Date.parse('2026-03-29T00:59:00Z')).minutes, 119, 'before the clock change')
  t.equal(berlin(Date.parse('2026-03-29T01:00:00Z')).minutes, 180, 'after it')
})

t.test('one odd value has little say in what is usual, a new habit is learnt', async (t) => {
  const pulse = createBaseline({ minCount: 20, memory: 200, minSpread: 2 })
  t.equal(pulse.deviation(200), undefined, 'nothing is odd before something is known')
  for (let i = 0; i < 400; i++) pulse.add(60 + (i % 5))
  pulse.add(250)
  t.ok(Math.abs(pulse.centre - 62) < 1)
  t.ok(pulse.deviation(90)! > 8)
  const restored = createBaseline(
    { minCount: 20, memory: 200, minSpread: 2 },
    JSON.parse(JSON.stringify(pulse.snapshot())),
  )
  t.equal(restored.centre, pulse.centre)
  for (let i = 0; i < 3000; i++) restored.add(80 + (i % 5))
  t.ok(Math.abs(restored.centre - 82) < 1)
  t.equal(createBaseline({ minCount: 1, minSpread: 1 }, { count: 'x' }).count, 0, 'rubbish is as good as nothing')
})
