import t from 'tap'
import { type Alarm, alarmState, applyAlarm, isRefusal } from './alarm.ts'

const raised: Alarm = {
  id: 'a1',
  scene: 'ebike-in-elevator',
  kind: 'ebike_in_elevator',
  severity: 'high',
  certainty: 0.9,
  place: { site: 's', building: 'b1', lift: 'l1' },
  source: { type: 'camera', id: 'c1' },
  raisedAt: 1000,
  lastSeenAt: 1000,
  count: 1,
  isActive: true,
  isAcknowledged: false,
  why: [],
  evidence: [],
  warnings: [],
}

const after = (alarm: Alarm, ...transitions: Parameters<typeof applyAlarm>[1][]): Alarm =>
  transitions.reduce<Alarm>((current, transition) => {
    const next = applyAlarm(current, transition)
    if (isRefusal(next)) throw new Error(next.refused)
    return next
  }, alarm)

t.test('acknowledging and clearing are independent and both end in normal', async (t) => {
  const acknowledge = { type: 'acknowledged', at: 2000, by: 'op' } as const
  const clear = { type: 'cleared', at: 3000 } as const
  t.equal(alarmState(raised), 'active-unacknowledged')
  t.equal(alarmState(after(raised, acknowledge)), 'active-acknowledged')
  t.equal(alarmState(after(raised, clear)), 'cleared-unacknowledged')
  t.equal(alarmState(after(raised, acknowledge, clear)), 'normal')
  t.equal(alarmState(after(raised, clear, acknowledge)), 'normal')
})

t.test('the same thing seen again counts up instead of ringing again', async (t) => {
  const alarm = after(raised, { type: 'repeated', at: 5000 }, { type: 'repeated', at: 4000 })
  t.equal(alarm.count, 3)
  t.equal(alarm.lastSeenAt, 5000, 'a late sighting does not turn the clock back')
})

t.test('a cleared alarm cannot repeat, clear or be shelved again', async (t) => {
  const cleared = after(raised, { type: 'cleared', at: 2000 })
  for (const transition of [
    { type: 'repeated', at: 3000 },
    { type: 'cleared', at: 3000 },
    { type: 'shelved', at: 3000, until: 4000, by: 'op', reason: 'works' },
  ] as const)
    t.ok(isRefusal(applyAlarm(cleared, transition)), transition.type)
})

t.test('a false alarm and a shelving need a reason', async (t) => {
  t.ok(isRefusal(applyAlarm(raised, { type: 'verdict', at: 1, value: 'false-alarm', by: 'op' })))
  t.ok(isRefusal(applyAlarm(raised, { type: 'shelved', at: 1, until: 2, by: 'op', reason: ' ' })))
  t.equal(after(raised, { type: 'verdict', at: 1, value: 'confirmed', by: 'op' }).verdict?.value, 'confirmed')
})

t.test('the first acknowledgement stands', async (t) => {
  const alarm = after(raised, { type: 'acknowledged', at: 2000, by: 'first' })
  t.ok(isRefusal(applyAlarm(alarm, { type: 'acknowledged', at: 2100, by: 'second' })))
  t.equal(alarm.acknowledgedBy, 'first')
})
