import t, { type Test } from 'tap'
import { openDatabase } from './database.ts'
import { createInbox } from './inbox.ts'
import { createOutbox, type OutboxRow } from './outbox.ts'

const severities = { low: 1, medium: 2, high: 3, critical: 4 } as const

function open(t: Test) {
  const database = openDatabase(t.testdir())
  t.teardown(() => database.close())
  database.prepare('INSERT INTO bridge (id, stream) VALUES (1, ?)').run('stream-of-test')
  database.prepare('INSERT INTO upstream (name) VALUES (?)').run('street')
  const outbox = createOutbox(database)
  let at = 0
  function add(caseId: string, kind: OutboxRow['kind'], key = `${kind}-${at}`): void {
    at += 1
    outbox.append({ caseId, kind, idempotencyKey: `demo:${caseId}:${key}`, body: { n: at }, at })
  }
  return {
    database,
    outbox,
    add,
    addCase(caseId: string, severity: keyof typeof severities, isDue = true) {
      database
        .prepare('INSERT INTO site_case (case_id, severity, is_due, upstream) VALUES (?, ?, ?, ?)')
        .run(caseId, severities[severity], Number(isDue), isDue ? 'street' : null)
      add(caseId, 'open')
    },
    take: (lane: 'step' | 'evidence' = 'step', now = 1000) => outbox.take({ upstream: 'street', lane, now }),
  }
}

t.test('the steps of a case leave one after another, whatever happens to the others', async (t) => {
  const { outbox, addCase, add, take } = open(t)
  addCase('a', 'low')
  add('a', 'transition')
  add('a', 'transition')
  const first = take()!
  t.equal(first.kind, 'open')
  t.equal(take(), undefined, 'nothing of the case while its opening is under way')
  outbox.failed(first.id, 5000, 'away')
  t.equal(take(), undefined, 'nor while it waits for its next try')
  t.equal(take('step', 5000)?.id, first.id)
  outbox.delivered(first.id, 5001, 'WG-1')
  const second = take()!
  t.match(second, { kind: 'transition', ref: 'WG-1', seq: 2 })
  outbox.park(second.id, 'refused')
  t.equal(take(), undefined, 'a refused step holds the later ones of its case')
  t.ok(outbox.resend(second.id))
  t.equal(take()?.id, second.id)
})

t.test('a fresh severe incident leaves before a backlog of ten thousand', async (t) => {
  const { database, outbox, addCase, add, take } = open(t)
  database.exec('BEGIN')
  for (let n = 0; n < 5000; n += 1) {
    addCase(`old-${n}`, 'medium')
    add(`old-${n}`, 'transition')
  }
  database.exec('COMMIT')
  outbox.delivered(take()!.id, 1, 'WG-0')
  addCase('fresh', 'critical')
  const startedAt = performance.now()
  const next = outbox.take({ upstream: 'street', lane: 'step', now: 1000 })
  t.equal(next?.caseId, 'fresh')
  t.comment(`picked among 10,000 rows in ${(performance.now() - startedAt).toFixed(1)} ms`)
  t.equal(take()?.caseId, 'old-1', 'then by age: opening a case goes before later steps of the same severity')
})

t.test('evidence waits for its case only and holds up no step', async (t) => {
  const { outbox, addCase, add, take } = open(t)
  addCase('a', 'high')
  add('a', 'evidence')
  add('a', 'transition')
  t.equal(take('evidence'), undefined, 'the case has no number yet')
  outbox.delivered(take()!.id, 1, 'WG-1')
  const evidence = take('evidence')!
  t.equal(evidence.kind, 'evidence')
  outbox.park(evidence.id, 'too large')
  t.equal(take()?.kind, 'transition')
})

t.test('a case of the property waits held; lifted, its rows get numbers in order', async (t) => {
  const { database, outbox, addCase, add, take } = open(t)
  addCase('p', 'high', false)
  add('p', 'transition')
  t.equal(take(), undefined)
  t.equal(outbox.held(), 2)
  addCase('a', 'high')
  database.prepare(`UPDATE site_case SET is_due = 1, upstream = 'street' WHERE case_id = 'p'`).run()
  outbox.release('p', 'street')
  const rows = database.prepare('SELECT case_id AS id, kind, seq FROM outbox ORDER BY seq').all() as object[]
  t.match(rows, [
    { id: 'a', seq: 1 },
    { id: 'p', kind: 'open', seq: 2 },
    { id: 'p', kind: 'transition', seq: 3 },
  ])
  t.equal(outbox.head('street'), 3)
})

t.test('a key seen before adds nothing and takes no number', async (t) => {
  const { outbox, addCase, add } = open(t)
  addCase('a', 'high')
  add('a', 'transition', 'same')
  add('a', 'transition', 'same')
  t.equal(outbox.counts('street').waiting, 2)
  t.equal(outbox.head('street'), 2)
})

t.test('while the platform is given a rest only a severe incident of since then knocks, once', async (t) => {
  const { outbox, addCase } = open(t)
  addCase('before', 'critical')
  const freshSince = 2
  addCase('mild', 'medium')
  addCase('severe', 'high')
  const knock = () => outbox.take({ upstream: 'street', lane: 'step', now: 1000, freshSince })
  const row = knock()!
  t.equal(row.caseId, 'severe')
  outbox.failed(row.id, 0, 'away')
  t.equal(knock(), undefined)
})

t.test(
  'rows cut short by a crash are waiting again, and only ended cases without open rows are forgotten',
  async (t) => {
    const { database, outbox, addCase, take } = open(t)
    addCase('a', 'high')
    addCase('b', 'low')
    take()
    t.equal(outbox.recover(), 1)
    const row = take()!
    t.match(row, { caseId: 'a', attempts: 2 })
    outbox.delivered(row.id, 1, 'WG-1')
    database.exec('UPDATE site_case SET ended_at = 10')
    t.equal(outbox.prune(100), 1, 'b has not been delivered and stays')
    t.equal(outbox.counts('street').waiting, 1)
  },
)

t.test(
  'in any order of successes, failures and crashes each case is delivered in its own order, all of it',
  async (t) => {
    let state = 7
    const random = () => {
      state = (state * 48271) % 2147483647
      return state / 2147483647
    }
    const { outbox, addCase, add, take } = open(t)
    const expected = new Map<string, number>()
    for (let n = 0; n < 40; n += 1) {
      const id = `c${n}`
      addCase(id, (['low', 'medium', 'high', 'critical'] as const)[Math.floor(random() * 4)]!)
      const steps = Math.floor(random() * 6)
      for (let step = 0; step < steps; step += 1) add(id, 'transition')
      expected.set(id, steps + 1)
    }
    const delivered = new Map<string, number[]>()
    const flying: OutboxRow[] = []
    for (let now = 0; outbox.counts('street').delivered < [...expected.values()].reduce((a, b) => a + b); now += 1) {
      const row = take('step', now)
      if (row) {
        t.notOk(
          flying.some(({ caseId }) => caseId === row.caseId),
          'never two of one case at once',
        )
        flying.push(row)
      }
      if (random() < 0.02) {
        outbox.recover()
        flying.length = 0
      }
      const done = random() < 0.6 ? flying.shift() : undefined
      if (!done) continue
      if (random() < 0.3) outbox.failed(done.id, now + random() * 20, 'away')
      else {
        outbox.delivered(done.id, now, done.kind === 'open' ? `WG-${done.caseId}` : undefined)
        delivered.set(done.caseId, [...(delivered.get(done.caseId) ?? []), done.id])
      }
    }
    for (const [id, count] of expected) {
      const ids = delivered.get(id) ?? []
      t.equal(ids.length, count)
      t.same(
        ids,
        [...ids].sort((a, b) => a - b),
      )
    }
  },
)

t.test('events of a case are told in order, each once, after the number of the case', async (t) => {
  const { database, outbox, addCase, take } = open(t)
  const inbox = createInbox(database)
  addCase('a', 'high')
  const event = (caseSeq: number) => ({
    id: `ev-${caseSeq}`,
    caseId: 'a',
    ref: 'WG-1',
    caseSeq,
    to: 'filed' as const,
    role: 'issuer' as const,
    at: 1,
    actorName: 'n',
    organisation: 'o',
  })
  t.equal(inbox.receive('street', [event(2)], 1), 1, 'a webhook that overtook another')
  t.equal(inbox.receive('street', [event(1)], 1), 1)
  t.equal(inbox.next(10), undefined, 'we have not heard the number of the case')
  outbox.delivered(take()!.id, 5, 'WG-1')
  const told: string[] = []
  for (let row = inbox.next(10); row; row = inbox.next(10)) {
    told.push(row.eventId)
    inbox.applied(row.id, 10)
  }
  t.same(told, ['link', 'ev-1', 'ev-2'])
  inbox.receive('street', [event(4)], 1)
  t.equal(inbox.next(10), undefined, 'the third is missing')
  t.equal(
    inbox.receive('street', [event(2), event(3), event(4)], 2, 'cursor-4'),
    1,
    'polling brings the one that was missing',
  )
  t.equal(inbox.cursor('street'), 'cursor-4')
  const third = inbox.next(10)!
  t.equal(third.eventId, 'ev-3')
  inbox.failed(third.id, 50, 'away')
  t.equal(inbox.next(10), undefined)
  inbox.refused(inbox.next(50)!.id, 50, 'not from this state')
  t.equal(inbox.next(50)?.eventId, 'ev-4', 'a refused one is settled')
  t.same(inbox.counts(), { waiting: 1, applied: 3, refused: 1 })
})

t.test('a row that was put off before the clock was set back goes at once, also after a restart', async (t) => {
  const { database, outbox, addCase, take } = open(t)
  const today = Date.UTC(2026, 10, 22)
  const wrong = Date.UTC(2036, 1, 7)
  addCase('a', 'high')
  outbox.failed(take('step', wrong)!.id, wrong + 60_000, 'away')
  t.equal(take('step', wrong), undefined)
  t.equal(take('step', today)?.caseId, 'a')
  outbox.recover()
  t.equal(createOutbox(database).take({ upstream: 'street', lane: 'step', now: today })?.caseId, 'a')

  const inbox = createInbox(database)
  database.exec(`INSERT INTO inbox (upstream, event_id, kind, case_id, case_seq, body, is_in_order, received_at)
                 VALUES ('street', 'ev-1', 'event', 'b', 1, '{}', 1, 1)`)
  inbox.failed(inbox.next(wrong)!.id, wrong + 60_000, 'away')
  t.equal(inbox.next(wrong), undefined)
  t.equal(inbox.next(today)?.eventId, 'ev-1')
})
