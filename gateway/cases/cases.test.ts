import t from 'tap'
import { readDisposalList } from '../config/disposal.ts'
import type { Case } from '../core/case.ts'
import { openStore } from '../storage/store.ts'
import { sampleCase, system } from '../storage/testing/sample-rows.ts'
import { createCases } from './cases.ts'

const minute = 60_000

function build() {
  const clock = { at: Date.UTC(2026, 10, 22) }
  const now = () => clock.at
  const store = openStore({ file: ':memory:', now })
  const cases = createCases({
    ...{ store, disposal: readDisposalList(), upstream: 'street', describePlace: () => '1 号楼', now },
    ...{ hasConsent: () => false, newId: (prefix) => `${prefix}-new` },
  })
  let count = 0
  function add(more: Partial<Case> = {}): Case {
    count += 1
    const added = sampleCase({
      ...{ id: `case-${count}`, number: `2026-${String(count).padStart(6, '0')}`, alarmIds: [], openedAt: clock.at },
      ...more,
    })
    store.transact((tx) => tx.putCase(added, { to: 'reported', at: clock.at, actor: system, role: 'reporter' }, system))
    return added
  }
  return { store, cases, add, clock }
}

t.test('a case that is overdue is marked and goes up, however many younger ones are open', async (t) => {
  const { store, cases, add, clock } = build()
  const oldest = add({ respondBy: clock.at + 5 * minute, resolveBy: clock.at + 30 * minute })
  for (let n = 0; n < 450; n += 1) {
    clock.at += 1
    add()
  }
  clock.at += 31 * minute
  for (let n = 0; n < 3; n += 1) cases.tick()
  t.match(store.case(oldest.id), { overdueAt: clock.at, level: 'X', upstream: 'street' })

  const youngest = add({ respondBy: clock.at + 5 * minute })
  clock.at += 6 * minute
  for (let n = 0; n < 3; n += 1) cases.tick()
  t.match(store.case(youngest.id), { overdueAt: clock.at }, 'and after the last it begins anew')
})

t.test('a platform moves no case of the property, and no other platform takes a case over', async (t) => {
  const { store, cases, add } = build()
  const bridge = { type: 'bridge', id: 'duty officer 3' } as const
  const own = add()
  t.match(cases.transition(own.id, { to: 'rejected', role: 'issuer', reason: 'ours' }, bridge), {
    phrase: { key: 'case-of-property' },
  })
  t.match(store.case(own.id), { state: 'reported' })
  const reported = add({ level: 'X', upstream: 'street' })
  t.match(cases.linkUpstream(reported.id, { upstream: 'district', upstreamRef: 'D-1' }, bridge), {
    phrase: { key: 'case-reported', upstream: 'street' },
  })
  t.match(cases.transition(reported.id, { to: 'filed', role: 'issuer' }, bridge), { state: 'filed' })
})
