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
