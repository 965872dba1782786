import t from 'tap'
import { isRefusal } from './alarm.ts'
import { applyCase, type Case, type CaseState, type CaseTransition, isEnded, nextStates } from './case.ts'
import { deadlineColour } from './deadline.ts'

const hour = 3600_000
const reported: Case = {
  id: 'c1',
  number: '2026-000001',
  type: 'ebike_in_elevator',
  title: 't',
  severity: 'high',
  place: { site: 's' },
  alarmIds: ['a1'],
  state: 'reported',
  level: 'P',
  openedAt: 0,
  respondBy: hour,
  resolveBy: 10 * hour,
  returnedCount: 0,
  reworkCount: 0,
  history: [],
}

const step = (to: CaseState, role: CaseTransition['role'], more: Partial<CaseTransition> = {}): CaseTransition => ({
  to,
  role,
  at: 1,
  actor: { type: 'user', id: 'u' },
  ...more,
})

const walk = (...steps: CaseTransition[]): Case =>
  steps.reduce<Case>((current, transition) => {
    const next = applyCase(current, transition)
    if (isRefusal(next)) throw new Error(next.refused)
    return next
  }, reported)

const untilHandled = [
  step('filed', 'issuer'),
  step('dispatched', 'issuer', { unit: 'security' }),
  step('accepted', 'unit'),
  step('handling', 'unit'),
  step('handled', 'unit', { note: 'bike taken out' }),
]

t.test('a case walks the six steps and ends closed', async (t) => {
  const closed = walk(...untilHandled, step('verified', 'issuer'), step('closed', 'issuer'))
  t.equal(closed.state, 'closed')
  t.equal(closed.history.length, 7)
  t.ok(isEnded(closed.state))
})

t.test('no step can be missed', async (t) => {
  t.ok(isRefusal(applyCase(reported, step('handled', 'unit', { note: 'n' }))))
  t.ok(isRefusal(applyCase(walk(...untilHandled), step('closed', 'issuer'))))
})

t.test('who issues the order verifies and closes: the unit cannot close its own work', async (t) => {
  const handled = walk(...untilHandled)
  t.match(applyCase(handled, step('verified', 'unit')), { refused: /only the issuer/ })
  t.same(nextStates('handled', 'unit'), [])
})

t.test('sending back needs a reason and is counted', async (t) => {
  const handled = walk(...untilHandled)
  t.ok(isRefusal(applyCase(handled, step('rework', 'issuer'))))
  t.equal(walk(...untilHandled, step('rework', 'issuer', { reason: 'still there' })).reworkCount, 1)
})

t.test('a case is green, amber, yellow when overdue and red when twice overdue', async (t) => {
  t.equal(deadlineColour(reported, 0.5 * hour), 'green')
  t.equal(deadlineColour(reported, 0.9 * hour), 'amber')
  t.equal(deadlineColour(reported, 1.1 * hour), 'yellow')
  t.equal(deadlineColour(reported, 2 * hour), 'red')
  t.equal(deadlineColour(walk(...untilHandled), 1.1 * hour), 'green', 'accepted in time: the resolve limit counts')
})
