import t from 'tap'
import { driftOf } from './drift.ts'

const rule = { factor: 3, minimumAlarms: 5 }
const hourMs = 3600_000
const week = { baselineAlarms: 14, baselineMs: 168 * hourMs }

t.test('a model that alarms many times as often as before is noticed', async (t) => {
  t.equal(driftOf({ ...week, alarms: 5, elapsedMs: 2 * hourMs }, rule), 'flood')
  t.equal(driftOf({ ...week, alarms: 4, elapsedMs: 2 * hourMs }, rule), undefined, 'four alarms may be chance')
  t.equal(driftOf({ ...week, alarms: 11, elapsedMs: 48 * hourMs }, rule), undefined, 'less than three times as many')
  t.equal(driftOf({ ...week, alarms: 13, elapsedMs: 48 * hourMs }, rule), 'flood')
})

t.test('a model that has gone blind is noticed once alarms were due', async (t) => {
  t.equal(driftOf({ ...week, alarms: 0, elapsedMs: 48 * hourMs }, rule), undefined, 'four alarms were due: too early')
  t.equal(driftOf({ ...week, alarms: 0, elapsedMs: 200 * hourMs }, rule), 'silence')
  t.equal(driftOf({ ...week, alarms: 6, elapsedMs: 200 * hourMs }, rule), undefined)
})

t.test('on a site that never had an alarm a flood is noticed and silence is not', async (t) => {
  const quiet = { baselineAlarms: 0, baselineMs: 168 * hourMs }
  t.equal(driftOf({ ...quiet, alarms: 5, elapsedMs: hourMs }, rule), 'flood')
  t.equal(driftOf({ ...quiet, alarms: 0, elapsedMs: 1000 * hourMs }, rule), undefined)
  t.equal(
    driftOf({ baselineAlarms: 0, baselineMs: 0, alarms: 9, elapsedMs: hourMs }, rule),
    undefined,
    'nothing to compare with',
  )
})
