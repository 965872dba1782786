import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { DatabaseSync } from '@photostructure/sqlite'
import t, { type Test } from 'tap'
import type { Alarm, AlarmTransition } from '../core/alarm.ts'
import { StartError } from '../core/errors.ts'
import type { JournalEntry } from '../core/journal.ts'
import { canonicalJson } from './canonical-json.ts'
import { type OpenStore, openStore } from './store.ts'
import { day, sampleAlarm, sampleCase, sampleEvidence, system } from './testing/sample-rows.ts'
import { verifyJournal } from './verify.ts'

const open = (t: Test, options: { file?: string; now?: () => number } = {}): OpenStore => {
  const store = openStore({ file: options.file ?? join(t.testdir(), 'gateway.db'), now: options.now ?? (() => day) })
  t.teardown(() => store.close())
  return store
}

const raise = (store: OpenStore, alarm: Alarm): JournalEntry =>
  store.transact((transaction) => transaction.putAlarm(alarm, { type: 'raised', alarm }, system, alarm.raisedAt))

const move = (store: OpenStore, alarm: Alarm, transition: AlarmTransition): JournalEntry =>
  store.transact((transaction) => transaction.putAlarm(alarm, transition, system, day + 1))

t.test('an alarm and its journal row come back as they were stored, also after a restart', async (t) => {
  const file = join(t.testdir(), 'new', 'folder', 'gateway.db')
  const first = openStore({ file, now: () => day })
  const alarm = sampleAlarm()
  const entry = raise(first, alarm)
  first.close()

  const store = open(t, { file })
  t.strictSame(store.alarm(alarm.id), alarm)
  t.strictSame(store.journal({ after: 0, limit: 10 }), [entry])
  t.match(entry, { seq: 1, topic: 'alarm', subject: alarm.id, transition: 'raised', previousHash: '', at: day })
  t.strictSame(entry.data, { alarm, transition: { type: 'raised', alarm } })
  t.equal(store.lastSeq, 1)
  t.equal(store.alarm('nobody'), undefined)
})

t.test('a transaction that fails stores nothing, tells nobody and leaves no gap', async (t) => {
  const store = open(t)
  const heard: number[] = []
  store.onAppend((entry) => heard.push(entry.seq))
  t.throws(
    () =>
      store.transact((transaction) => {
        const alarm = sampleAlarm()
        transaction.putAlarm(alarm, { type: 'raised', alarm }, system, day)
        transaction.nextCaseNumber(2026)
        throw new Error('power of the case service failed')
      }),
    { message: 'power of the case service failed' },
  )
  t.equal(store.alarm('alarm-1'), undefined)
  t.equal(store.lastSeq, 0)
  t.strictSame(heard, [])
  t.equal(raise(store, sampleAlarm()).seq, 1)
  t.strictSame(heard, [1])
  t.equal(
    store.transact((transaction) => transaction.nextCaseNumber(2026)),
    1,
  )
})

t.test('work that waits is refused, because what it writes later would belong to no transaction', async (t) => {
  const store = open(t)
  t.throws(() => store.transact(async (transaction) => transaction.nextCaseNumber(2026)), { message: /synchronous/ })
  let kept: Parameters<Parameters<OpenStore['transact']>[0]>[0] | undefined
  store.transact((transaction) => {
    kept = transaction
    t.throws(() => store.transact(() => 1), { message: /already open/ })
  })
  t.throws(() => kept?.nextCaseNumber(2026), { message: /has ended/ })
  t.equal(
    store.transact((transaction) => transaction.nextCaseNumber(2026)),
    1,
  )
})

t.test('one thing seen twice at one place cannot become two active alarms', async (t) => {
  const store = open(t)
  const alarm = sampleAlarm()
  raise(store, alarm)
  t.throws(() => raise(store, sampleAlarm({ id: 'alarm-2' })), { message: /already active as alarm-1/ })
  t.equal(store.lastSeq, 1)
  t.strictSame(store.activeAlarm('ebike_in_elevator', 'garden/b3///l1', 'camera-1'), alarm)
  t.equal(store.activeAlarm('ebike_in_elevator', 'garden/b3///l1', 'camera-2'), undefined)

  raise(store, sampleAlarm({ id: 'alarm-3', source: { type: 'camera', id: 'camera-2' } }))
  move(store, { ...alarm, isActive: false, clearedAt: day + 1 }, { type: 'cleared', at: day + 1 })
  t.equal(store.activeAlarm('ebike_in_elevator', 'garden/b3///l1', 'camera-1'), undefined)
  raise(store, sampleAlarm({ id: 'alarm-2' }))
  t.equal(store.activeAlarm('ebike_in_elevator', 'garden/b3///l1', 'camera-1')?.id, 'alarm-2')
})

t.test('alarms are listed newest first, by what is asked for, page by page without repeats', async (t) => {
  const store = open(t)
  const all = Array.from({ length: 25 }, (_, n) =>
    sampleAlarm({
      id: `alarm-${String(n).padStart(2, '0')}`,
      // Five at each instant: the id decides between them.
      raisedAt: day + Math.floor(n / 5) * 1000,
      kind: n % 5 === 0 ? 'smoke' : 'ebike_in_elevator',
      isActive: n >= 20,
      isAcknowledged: n % 2 === 0,
      source: { type: 'camera', id: `camera-${n}` },
    }),
  )
  for (const alarm of all) raise(store, alarm)
  const newestFirst = all.map(({ id }) => id).reverse()

  const pages: string[][] = []
  let before: string | undefined
  do {
    const page = store.alarms({ limit: 7, ...(before ? { before } : {}) })
    pages.push(page.items.map(({ id }) => id))
    before = page.nextBefore
  } while (before)
  t.strictSame(
    pages.map((page) => page.length),
    [7, 7, 7, 4],
  )
  t.strictSame(pages.flat(), newestFirst)
  t.equal(store.alarms({ limit: 25 }).nextBefore, undefined, 'a full last page promises no other')

  const ids = (filter: Parameters<OpenStore['alarms']>[0]) => store.alarms(filter).items.map(({ id }) => id)
  t.strictSame(ids({ isActive: true }), newestFirst.slice(0, 5))
  t.equal(ids({ isActive: false }).length, 20)
  t.strictSame(ids({ isActive: true, isAcknowledged: false }), ['alarm-23', 'alarm-21'])
  t.equal(ids({ isAcknowledged: true }).length, 13)
  t.strictSame(ids({ kind: 'smoke', since: day + 1000, until: day + 3000 }), ['alarm-10', 'alarm-05'])
  t.throws(() => store.alarms({ before: 'yesterday' }), { message: /yesterday is no cursor/ })
})

t.test('shelved alarms are listed, and those whose time has come are found', async (t) => {
  const store = open(t)
  const shelved = (n: number, until: number) =>
    sampleAlarm({
      id: `shelved-${n}`,
      source: { type: 'camera', id: `s-${n}` },
      raisedAt: day + n,
      shelved: { until, by: 'li', reason: 'works' },
    })
  for (const [n, until] of [day + 1000, day + 2000, day + 3000].entries()) raise(store, shelved(n, until))
  raise(store, sampleAlarm())
  const ids = (alarms: Alarm[]) => alarms.map(({ id }) => id)
  t.strictSame(ids(store.alarms({ isShelved: true }).items), ['shelved-2', 'shelved-1', 'shelved-0'])
  t.strictSame(ids(store.alarms({ isShelved: false }).items), ['alarm-1'])
  t.strictSame(ids(store.alarmsShelvedUntil(day + 999)), [])
  t.strictSame(ids(store.alarmsShelvedUntil(day + 2000)).sort(), ['shelved-0', 'shelved-1'])
  move(store, shelved(0, day + 9000), { type: 'shelved', at: day, until: day + 9000, by: 'li', reason: 'longer' })
  t.strictSame(ids(store.alarmsShelvedUntil(day + 2000)), ['shelved-1'], 'a prolonged shelving counts anew')
})

t.test('a case is found by its number key, its state and its place', async (t) => {
  const store = open(t)
  const transition = { to: 'reported', at: day, actor: system, role: 'reporter', idempotencyKey: 'alarm-1' } as const
  const reported = sampleCase({ history: [transition] })
  const entry = store.transact((transaction) => transaction.putCase(reported, transition, system))
  t.match(entry, { topic: 'case', subject: 'case-1', transition: 'reported', at: day })
  t.strictSame(entry.data, { case: reported, transition })
  t.strictSame(store.case('case-1'), reported)
  t.strictSame(store.caseByIdempotencyKey('alarm-1'), reported)
  t.equal(store.caseByIdempotencyKey('alarm-2'), undefined)

  const closed = sampleCase({ id: 'case-2', number: '2026-000002', state: 'closed', openedAt: day + 1000 })
  const urged = store.transact((transaction) =>
    transaction.putCase(closed, { type: 'linked', at: day + 1000 }, { type: 'bridge', id: 'bridge' }),
  )
  t.equal(urged.transition, 'linked')
  const ids = (filter: Parameters<OpenStore['cases']>[0]) => store.cases(filter).items.map(({ id }) => id)
  t.strictSame(ids({}), ['case-2', 'case-1'])
  t.strictSame(ids({ isOpen: true }), ['case-1'])
  t.strictSame(ids({ isOpen: false }), ['case-2'])
  t.strictSame(ids({ state: 'closed', type: 'ebike_in_elevator' }), ['case-2'])
  t.strictSame(ids({ type: 'smoke' }), [])
  t.equal(store.cases({ limit: 1 }).nextBefore !== undefined, true)

  t.equal(store.countCases('ebike_in_elevator', 'garden/b3///l1', day), 2)
  t.equal(store.countCases('ebike_in_elevator', 'garden/b3///l1', day + 1), 1)
  t.equal(store.countCases('ebike_in_elevator', 'garden/b4///l1', 0), 0)
})

t.test('an idempotency key moves a case once, whatever case it is tried on again', async (t) => {
  const store = open(t)
  const transition = { to: 'filed', at: day, actor: system, role: 'issuer', idempotencyKey: 'platform-7' } as const
  store.transact((transaction) => transaction.putCase(sampleCase({ state: 'filed' }), transition, system))
  const other = sampleCase({ id: 'case-2', number: '2026-000002' })
  t.throws(() => store.transact((transaction) => transaction.putCase(other, transition, system)), {
    message: /platform-7 has already moved a case/,
  })
  t.equal(store.case('case-2'), undefined)
  t.equal(store.lastSeq, 1)
})

t.test('case numbers run 1, 2, 3 in each year', async (t) => {
  const store = open(t)
  const next = (year: number) => store.transact((transaction) => transaction.nextCaseNumber(year))
  t.strictSame([next(2026), next(2026), next(2027), next(2026)], [1, 2, 1, 3])
})

t.test('the journal is read from a cursor, by topic, in the order of seq', async (t) => {
  const store = open(t)
  const topics = ['event', 'audit', 'event', 'event', 'audit'] as const
  for (const topic of topics)
    store.transact((transaction) =>
      transaction.append({ topic, at: day, subject: 'camera-1', transition: 'camera-down', actor: system, data: {} }),
    )
  raise(store, sampleAlarm())
  const seqs = (query: Parameters<OpenStore['journal']>[0]) => store.journal(query).map(({ seq }) => seq)
  t.strictSame(seqs({ after: 0, limit: 100 }), [1, 2, 3, 4, 5, 6])
  t.strictSame(seqs({ after: 2, limit: 2 }), [3, 4])
  t.strictSame(seqs({ after: 6, limit: 2 }), [])
  t.strictSame(seqs({ after: 0, limit: 3, topics: ['audit', 'alarm'] }), [2, 5, 6])
  t.strictSame(seqs({ after: 2, limit: 1, topics: ['audit', 'alarm'] }), [5])
  t.strictSame(seqs({ after: 0, limit: 9, topics: ['audit', 'audit'] }), [2, 5])
  t.strictSame(seqs({ after: 0, limit: 9, topics: [] }), [])
})

t.test('listeners hear every committed entry in order, even when one of them fails or writes itself', async (t) => {
  const errors: number[] = []
  const store = openStore({
    file: join(t.testdir(), 'gateway.db'),
    now: () => day,
    logger: { error: (fields) => errors.push(fields.seq) },
  })
  t.teardown(() => store.close())
  const event = { topic: 'event', at: day, subject: 'x', transition: 'y', actor: system, data: {} } as const
  const heard: number[] = []
  store.onAppend((entry) => {
    if (entry.seq === 1) store.transact((transaction) => transaction.append(event))
    throw new Error('broken viewer')
  })
  const stop = store.onAppend((entry) => heard.push(entry.seq))
  store.transact((transaction) => [transaction.append(event), transaction.append(event)])
  t.strictSame(heard, [1, 2, 3])
  t.strictSame(errors, [1, 2, 3])
  stop()
  store.transact((transaction) => transaction.append(event))
  t.strictSame(heard, [1, 2, 3])
})

t.test('a journal row that somebody changed, removed or added shows', async (t) => {
  for (const [name, sql, broken] of [
    ['changed', `UPDATE journal SET data = '{"count":2}' WHERE seq = 3`, 3],
    ['removed', 'DELETE FROM journal WHERE seq = 2', 2],
    ['re-hashed', `UPDATE journal SET hash = '${'a'.repeat(64)}' WHERE seq = 5`, 5],
    [
      'added',
      `INSERT INTO journal SELECT 6, at, topic, subject, transition, actor, data, hash, '${'b'.repeat(64)}'
       FROM journal WHERE seq = 5`,
      6,
    ],
  ] as const) {
    const file = join(t.testdir(), `${name}.db`)
    const store = open(t, { file })
    for (let n = 1; n <= 5; n++)
      store.transact((transaction) =>
        transaction.append({
          topic: 'event',
          at: day + n,
          subject: '设备"1"',
          transition: 'x',
          actor: system,
          data: { z: 1, count: n, a: { d: [1, { y: null, b: '二' }], c: 1.5 } },
        }),
      )
    t.equal(verifyJournal(file).brokenSeq, undefined)
    const other = new DatabaseSync(file)
    t.throws(() => other.exec(sql.startsWith('INSERT') ? 'DELETE FROM journal' : sql), { message: /append-only/ })
    other.exec('DROP TRIGGER journal_is_not_edited; DROP TRIGGER journal_is_not_shortened')
    other.exec(sql)
    other.close()
    t.equal(verifyJournal(file).brokenSeq, broken, name)
  }
})

t.test('a forger who also recomputes the hash of the row is found out by the next row', async (t) => {
  const file = join(t.testdir(), 'gateway.db')
  const store = open(t, { file })
  for (let n = 1; n <= 3; n++) raise(store, sampleAlarm({ id: `alarm-${n}`, source: { type: 'camera', id: `c${n}` } }))
  const { hash: _, previousHash, ...row } = { ...store.journal({ after: 1, limit: 1 })[0]!, transition: 'forged' }
  const forged = createHash('sha256')
    .update(`${previousHash}\n${canonicalJson(row)}`)
    .digest('hex')
  const other = new DatabaseSync(file)
  other.exec(`DROP TRIGGER journal_is_not_edited;
    UPDATE journal SET transition = 'forged', hash = '${forged}' WHERE seq = 2`)
  other.close()
  t.equal(verifyJournal(file).brokenSeq, 3)
})

t.test('evidence is known from the moment its alarm names it, and says when retention removed it', async (t) => {
  const store = open(t)
  const evidence = sampleEvidence()
  raise(store, sampleAlarm())
  t.equal(store.evidence('evidence-1'), undefined)
  const shown = sampleAlarm({ evidence: [evidence] })
  move(store, shown, { type: 'evidence-added', at: day, evidence })
  t.strictSame(store.evidence('evidence-1'), evidence)
  move(store, shown, { type: 'repeated', at: day })

  store.evidenceRows.markDeleted('evidence-1', day + 5)
  t.strictSame(store.evidence('evidence-1'), { ...evidence, deletedAt: day + 5 })
  t.strictSame(store.alarm('alarm-1')?.evidence, [{ ...evidence, deletedAt: day + 5 }])
  t.strictSame(store.alarms({}).items[0]?.evidence, [{ ...evidence, deletedAt: day + 5 }])
})

t.test('a session ends when it expires, when its user is disabled or takes a new password', async (t) => {
  let now = day
  const store = open(t, { now: () => now })
  const user = { id: 'u1', name: 'Duty', role: 'operator', isDisabled: false, createdAt: day } as const
  store.putUser({ ...user, passwordHash: 'first' })
  t.strictSame(store.users(), [user])
  t.strictSame(store.userWithHash('duty'), { ...user, passwordHash: 'first' })
  t.equal(store.userWithHash('nobody'), undefined)
  t.throws(() => store.putUser({ ...user, id: 'u2', name: 'DUTY', passwordHash: 'x' }), { message: /DUTY is taken/ })

  const login = (tokenHash: string) => ({
    tokenHash,
    userId: 'u1',
    createdAt: now,
    lastUsedAt: now,
    expiresAt: now + 1000,
  })
  store.putSession(login('a'))
  t.strictSame(store.session('a'), { ...login('a'), user })
  t.equal(store.session('b'), undefined)
  store.putSession({ ...login('a'), lastUsedAt: day + 5, expiresAt: day + 2000 })
  now = day + 1500
  t.equal(store.session('a')?.lastUsedAt, day + 5, 'it was prolonged')
  now = day + 2000
  t.equal(store.session('a'), undefined, 'it has expired')

  store.putSession(login('c'))
  store.putUser({ ...user, role: 'admin', passwordHash: 'first' })
  t.equal(store.session('c')?.user.role, 'admin')
  store.putUser({ ...user, passwordHash: 'second' })
  t.equal(store.session('c'), undefined, 'a new password')
  store.putSession(login('d'))
  store.putUser({ ...user, isDisabled: true, passwordHash: 'second' })
  t.equal(store.session('d'), undefined, 'disabled')
  store.putUser({ ...user, passwordHash: 'second' })
  store.putSession(login('e'))
  store.putSession(login('f'))
  store.deleteSession('e')
  t.equal(store.session('e'), undefined)
  t.equal(store.deleteSessionsOf('u1'), 1)
  t.equal(store.session('f'), undefined)
})

t.test('two gateways cannot share one data directory', async (t) => {
  const file = join(t.testdir(), 'gateway.db')
  const store = openStore({ file, now: () => day })
  t.throws(() => openStore({ file, now: () => day }), { name: 'StartError', hint: /stop the other gateway/ })
  store.close()
  store.close()
  open(t, { file })
})

t.test('killed at any moment, nothing that was reported as stored is lost', async (t) => {
  const file = join(t.testdir(), 'gateway.db')
  const writer = fileURLToPath(new URL('./testing/alarm-writer.ts', import.meta.url))
  const said: string[] = []
  for (let round = 1; round <= 3; round++) {
    const child = spawn(process.execPath, [...process.execArgv, writer, file, `round${round}`], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    t.teardown(() => child.kill('SIGKILL'))
    const closed = new Promise((resolve) => child.once('close', resolve))
    const enough = 5 + Math.floor(Math.random() * 150)
    let heard = 0
    for await (const line of createInterface({ input: child.stdout })) {
      said.push(line)
      if (++heard === enough) child.kill('SIGKILL')
    }
    await closed
    t.ok(heard >= enough, `round ${round}: ${heard} alarms said to be stored before the kill`)
  }

  const store = open(t, { file })
  t.strictSame(
    said.filter((id) => !store.alarm(id)),
    [],
    `all ${said.length} are there`,
  )
  t.equal(verifyJournal(file).brokenSeq, undefined)
  const entries = store.journal({ after: 0, limit: 1e6 })
  t.equal(entries.length % 2, 0, 'no half transaction')
  const numbers = entries.filter(({ topic }) => topic === 'event').map(({ data }) => data.number)
  t.strictSame(
    numbers,
    numbers.map((_, n) => n + 1),
  )
})

t.test('a store that cannot be opened says so as something to mend', async (t) => {
  const file = join(t.testdir({ occupied: 'a file' }), 'occupied', 'gateway.db')
  t.throws(() => openStore({ file, now: () => day }), StartError)
})
