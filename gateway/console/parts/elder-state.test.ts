import t from 'tap'
import type { ElderGlance } from '../../api/schemas/index.ts'
import { byUrgency, elderState, isHandled } from './elder-state.ts'

type OpenAlarm = ElderGlance['openAlarms'][number]
type State = NonNullable<OpenAlarm['response']>['state']

const alarm = (kind: string, state?: State, more: Partial<OpenAlarm> = {}): OpenAlarm => ({
  ...{
    id: `${kind} ${state}`,
    kind,
    name: { zh: kind, en: kind },
    severity: 'critical',
    state: 'active-unacknowledged',
  },
  raisedAt: '2026-01-31T10:00:00.000Z',
  ...(state ? { response: { state } as OpenAlarm['response'] } : {}),
  ...more,
})
const elder = (openAlarms: OpenAlarm[], more: Partial<ElderGlance> = {}) =>
  ({ openAlarms, devicesUp: 1, devicesDown: 0, lastSeenAt: '2026-01-31T10:00:00.000Z', ...more }) as ElderGlance

t.test('the most urgent word stands for a person', async (t) => {
  t.equal(elderState(elder([])), 'quiet')
  t.equal(elderState(elder([alarm('elder_vitals', 'calling')])), 'wrong')
  t.equal(elderState(elder([alarm('elder_no_data'), alarm('elder_fall', 'answered')])), 'fallen')
  t.equal(elderState(elder([alarm('elder_fall', 'calling'), alarm('elder_sos', 'calling')])), 'help')
})

t.test('who gives no sign is not well, but without data', async (t) => {
  t.equal(elderState(elder([], { devicesUp: 0 })), 'noData')
  const { lastSeenAt: _, ...unheard } = elder([])
  t.equal(elderState(unheard), 'noData')
  t.equal(elderState(elder([alarm('elder_sos', 'calling')], { devicesUp: 0 })), 'help')
})

t.test('what somebody has settled is handled; without anybody asked, what is acknowledged', async (t) => {
  t.equal(elderState(elder([alarm('elder_sos', 'resolved')])), 'handled')
  t.equal(elderState(elder([alarm('elder_sos', 'resolved'), alarm('elder_sos', 'calling')])), 'help', 'pressed again')
  t.notOk(isHandled(alarm('elder_sos', 'arrived')), 'who is there has not settled it')
  t.notOk(isHandled(alarm('battery_low')))
  t.ok(isHandled(alarm('battery_low', undefined, { state: 'active-acknowledged' })))
})

t.test('what needs somebody first stands on top', async (t) => {
  const list = [
    alarm('elder_sos', 'resolved'),
    alarm('elder_vitals', 'calling', { severity: 'medium' }),
    alarm('elder_fall', 'answered'),
    alarm('elder_sos', 'calling', { id: 'older' }),
    alarm('elder_sos', 'calling', { id: 'newer', raisedAt: '2026-01-31T11:00:00.000Z' }),
  ]
  t.same(
    list.sort(byUrgency).map(({ id }) => id),
    ['newer', 'older', 'elder_vitals calling', 'elder_fall answered', 'elder_sos resolved'],
  )
})
