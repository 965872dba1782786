import t from 'tap'
import { createCases } from '../cases/cases.ts'
import { readDisposalList } from '../config/disposal.ts'
import { alarmState, isRefusal } from '../core/alarm.ts'
import { DeliveryError } from '../core/errors.ts'
import { beginResponse } from '../core/escalation.ts'
import { elderChain } from '../core/person.ts'
import type { Announcement, PlayReport } from '../core/ports.ts'
import type { Finding } from '../core/scene.ts'
import { openStore } from '../storage/store.ts'
import { until } from '../testing/until.ts'
import { createAlarms } from './alarms.ts'
import { changeAlarm } from './change.ts'

const place = { site: 's', building: 'b1', lift: 'l1' }
const source = { type: 'camera', id: 'cam-1' } as const
const kind = 'ebike_in_elevator'
const operator = { type: 'user', id: 'zhang' } as const
const hour = 3600_000

const raised = (at: number, more: object = {}): Finding => ({
  type: 'raise',
  at,
  kind,
  place,
  source,
  severity: 'high',
  certainty: 0.9,
  why: [],
  ...more,
})

function build(
  file: string,
  options: { upstream?: string; consent?: boolean; calls?: boolean; answer?: () => Promise<PlayReport> } = {},
) {
  let time = 1_000_000
  let ids = 0
  let isUp = true
  let isFull = false
  const complaints: string[] = []
  const now = () => time
  const newId = (prefix: string) => `${prefix}-${time}-${++ids}`
  const spoken: Announcement[] = []
  const stopped: string[] = []
  const called: string[] = []
  const store = openStore({ file, now })
  const { transact } = store
  store.transact = (work) => {
    if (isFull) throw new Error('database or disk is full')
    return transact.call(store, work) as never
  }
  const cases = createCases({
    store,
    disposal: readDisposalList(),
    describePlace: () => '1 号楼',
    hasConsent: () => options.consent === true,
    now,
    newId,
    ...(options.upstream ? { upstream: options.upstream } : {}),
  })
  const alarms = createAlarms({
    store,
    announcer: {
      async announce(announcement) {
        spoken.push(announcement)
        if (options.answer) return options.answer()
        return {
          isAccepted: true,
          bytesSent: 160,
          startedAt: time,
          endedAt: time,
          deviceReply: 'played',
          phrases: [{ key: 'played' }],
        }
      },
      stop: (reference) => stopped.push(reference),
    },
    ...(options.calls
      ? {
          escalation: {
            begin: (alarm) => ({ ...alarm, response: beginResponse(elderChain, alarm.severity, time)!, told: [] }),
            worsen: () => undefined,
            tell: ({ id }) => called.push(id),
          },
        }
      : {}),
    route: () => ({ speakers: ['sp-1'], languages: ['zh-CN', 'en'] }),
    openCase: cases.openFor,
    openCaseByHand: cases.openByHand,
    isSourceUp: () => isUp,
    onError: (error) => {
      if (!isFull) throw error
      complaints.push(String(error))
    },
    now,
    newId,
  })
  return {
    store,
    alarms,
    cases,
    spoken,
    stopped,
    called,
    now,
    pass: (ms: number) => (time += ms),
    setUp: (up: boolean) => (isUp = up),
    complaints,
    setFull: (full: boolean) => (isFull = full),
  }
}

t.test('an alarm, its journal row and its case are stored together, once, however often it is seen', async (t) => {
  const { store, alarms } = build(`${t.testdir()}/a.db`)
  const alarm = alarms.take(raised(1), 'ebike-in-elevator')!
  t.equal(alarms.take(raised(2), 'ebike-in-elevator'), undefined, 'the second is a repeat')
  alarms.take({ type: 'seen', at: 3, kind, place, source }, 'ebike-in-elevator')
  const stored = store.alarm(alarm.id)!
  t.equal(stored.count, 3)
  t.equal(stored.lastSeenAt, 3)
  t.match(store.case(stored.caseId!), {
    type: kind,
    state: 'reported',
    level: 'P',
    number: /^1970-000001$/,
    code: 'x10999',
  })
  t.same(
    store.journal({ after: 0, limit: 10 }).map(({ topic, transition }) => `${topic} ${transition}`),
    ['alarm raised', 'case reported', 'alarm case-opened', 'alarm repeated', 'alarm repeated'],
  )
  store.close()
})

t.test('a bin that is full for a week does not fill the journal', async (t) => {
  const { store, alarms } = build(':memory:')
  const minute = 60_000
  const alarm = alarms.take(raised(minute), 's')!
  const seen = (minutes: number) => alarms.take({ type: 'seen', at: minutes * minute, kind, place, source }, 's')
  for (let n = 2; n <= 11; n++) seen(n)
  t.equal(store.alarm(alarm.id)!.count, 11, 'the first minutes are all told')
  const week = 7 * 24 * 60
  for (let n = 12; n <= week; n++) seen(n)
  const rows = store.journal({ after: 0, limit: 20_000 }).filter(({ transition }) => transition === 'repeated')
  t.ok(rows.length < week / 25, `${rows.length} rows`)
  t.ok(week - store.alarm(alarm.id)!.lastSeenAt / minute <= 30, 'it was last seen less than half an hour ago')
  store.close()
})

t.test('another lift and a later entry are alarms of their own', async (t) => {
  const { store, alarms } = build(':memory:')
  const first = alarms.take(raised(1), 's')!
  t.ok(alarms.take(raised(2, { place: { ...place, lift: 'l2' }, source: { type: 'camera', id: 'cam-2' } }), 's'))
  alarms.take({ type: 'clear', at: 10, kind, place, source }, 's')
  t.equal(alarmState(store.alarm(first.id)!), 'cleared-unacknowledged', 'nobody has acknowledged it yet')
  t.ok(alarms.take(raised(20), 's'), 'the next entry rings again')
})

t.test('the voice speaks every language, and what the speaker answered stands on the alarm', async (t) => {
  const { store, alarms, spoken, stopped } = build(':memory:')
  alarms.take({ type: 'warn', at: 1, kind, place, clip: 'ebike-warning-1', nth: 1 }, 's')
  const alarm = alarms.take(raised(1), 's')!
  t.same(
    spoken.map(({ language }) => language),
    ['zh-CN', 'en'],
  )
  await until('both results are written', () => store.alarm(alarm.id)?.warnings.length === 2)
  t.match(store.alarm(alarm.id)?.warnings[0], {
    speaker: 'sp-1',
    result: 'played',
    phrases: [{ key: 'played' }],
    isDelivered: true,
  })
  await alarms.repeatVoice(alarm.id, operator)
  t.equal(spoken.length, 4, 'an operator lets it speak again')
  alarms.stopVoice(alarm.id, operator)
  t.equal(stopped.length, 1)
})

t.test('a speaker that fails is written down too', async (t) => {
  const { store, alarms } = build(':memory:', {
    answer: async () => {
      throw new DeliveryError('the speaker did not answer', { retryable: true, phrase: { key: 'no-answer' } })
    },
  })
  const alarm = alarms.take(raised(1), 's')!
  alarms.take({ type: 'warn', at: 1, kind, place, clip: 'ebike-warning-1', nth: 1 }, 's')
  await until('the failure is written', () => store.alarm(alarm.id)?.warnings.length === 2)
  t.match(store.alarm(alarm.id)?.warnings[0], {
    result: 'the speaker did not answer',
    phrases: [{ key: 'no-answer' }],
    isDelivered: false,
  })
})

t.test('an alarm weighs more when more is known, and steps back while another stands for it', async (t) => {
  const { store, alarms } = build(':memory:')
  const { id } = alarms.take(raised(1), 's')!
  const why = [{ key: 'smoke-neighbours', count: 2 }]
  alarms.take({ type: 'reassess', at: 5, kind, place, source, severity: 'critical', certainty: 0.97, why }, 's')
  t.match(store.alarm(id), { severity: 'critical', certainty: 0.97, why, count: 1, lastSeenAt: 5 })
  t.equal(store.journal({ after: 0, limit: 100 }).at(-1)?.transition, 'reassessed')

  const bridge = { kind: 'bridge_offline', place, source: { type: 'device', id: 'zigbee-1' } } as const
  alarms.take({ type: 'suppress', at: 6, kind, place, source, by: bridge }, 's')
  t.equal(store.alarm(id)?.suppressedBy, undefined, 'a parent that is not open stands for nobody')
  const parent = alarms.take(raised(7, bridge), 's')!
  alarms.take({ type: 'suppress', at: 8, kind, place, source, by: bridge }, 's')
  t.equal(store.alarm(id)?.suppressedBy, parent.id)
  alarms.take({ type: 'suppress', at: 9, kind, place, source, by: undefined }, 's')
  t.equal(store.alarm(id)?.suppressedBy, undefined)
})

t.test('a call for help from before a restart stays open until a person has seen it', async (t) => {
  const file = `${t.testdir()}/a.db`
  const before = build(file)
  const { id } = before.alarms.take(raised(1, { person: 'elder-301' }), 's')!
  before.store.close()
  const { store, alarms, pass } = build(file)
  t.teardown(() => store.close())
  pass(61_000)
  alarms.tick()
  t.equal(store.alarm(id)?.isActive, true)
  alarms.acknowledge(id, operator)
  alarms.tick()
  t.equal(store.alarm(id)?.isActive, false)
})

t.test('who presses again after somebody has settled it calls everybody anew', async (t) => {
  const { store, alarms, called } = build(':memory:', { calls: true })
  t.teardown(() => store.close())
  const person = 'elder-301'
  const first = alarms.take(raised(1, { severity: 'critical', person }), 'sos')!
  const again = (at: number): Finding => ({ type: 'seen', at, kind, place, source, isAgain: true })
  t.equal(alarms.take(again(2), 'sos'), undefined, 'while nobody has settled it, it is the same call')
  const caregiver = { type: 'person', id: 'caregiver-a' } as const
  changeAlarm(store, first.id, { type: 'resolved', at: 3, by: caregiver.id, via: 'page' }, caregiver, 3)
  t.equal(alarms.take({ type: 'seen', at: 4, kind, place, source }, 'sos'), undefined, 'a sensor that still says so')
  t.match(store.alarm(first.id), { isActive: true, isAcknowledged: true })

  const second = alarms.take(again(5), 'sos')!
  t.match(second, { severity: 'critical', person, raisedAt: 5, isAcknowledged: false, response: { state: 'calling' } })
  t.match(store.alarm(first.id), { isActive: false, clearedReason: 'happened-again' })
  t.same(called, [first.id, second.id])
})

t.test('who presses the day after a restart is a new call, whatever became of the one before', async (t) => {
  const person = { type: 'person', id: 'caregiver-a' } as const
  const press = (at: number) => raised(at, { severity: 'critical', person: 'elder-301', isOccurrence: true })
  for (const type of ['answered', 'arrived', 'resolved'] as const)
    for (const isHeard of [true, false]) {
      const file = `${t.testdir()}/${type}-${isHeard}.db`
      const before = build(file, { calls: true })
      const first = before.alarms.take(press(1), 'sos')!
      changeAlarm(before.store, first.id, { type, at: 2, by: person.id, via: 'link' }, person, 2)
      before.store.close()

      const { store, alarms, called, pass, setUp } = build(file, { calls: true })
      setUp(isHeard)
      const at = pass(24 * hour)
      alarms.tick()
      const second = alarms.take(press(at), 'sos')
      t.match(second, { severity: 'critical', raisedAt: at, response: { state: 'calling' } }, `${type}, ${isHeard}`)
      t.same(called, [second?.id], 'everybody is called anew')
      t.equal(store.alarm(first.id)?.isActive, false, 'one call for help is one alarm')
      store.close()
    }
})

t.test('who presses after a restart while everybody is still being called is the same call', async (t) => {
  const file = `${t.testdir()}/a.db`
  const press = (at: number) => raised(at, { severity: 'critical', person: 'elder-301', isOccurrence: true })
  const before = build(file, { calls: true })
  const { id } = before.alarms.take(press(1), 'sos')!
  before.store.close()
  const { store, alarms, called } = build(file, { calls: true })
  t.teardown(() => store.close())
  t.equal(alarms.take(press(2), 'sos'), undefined)
  t.match(store.alarm(id), { isActive: true, count: 2, response: { state: 'calling' } })
  t.same(called, [])
})

t.test('what cannot be stored because the disk is full is stored as soon as it has room', async (t) => {
  const { store, alarms, setFull, complaints, pass } = build(':memory:')
  t.teardown(() => store.close())
  setFull(true)
  t.equal(alarms.take(raised(1), 's'), undefined)
  alarms.take({ type: 'reassess', at: 2, kind, place, source, severity: 'critical', certainty: 1, why: [] }, 's')
  alarms.take({ type: 'seen', at: 3, kind, place, source }, 's')
  alarms.tick()
  t.same(alarms.unstored(), { kept: 1, dropped: 0 })
  t.equal(complaints.length, 1, 'said once')
  setFull(false)
  pass(1000)
  alarms.tick()
  t.match(store.alarms({}).items, [{ kind, raisedAt: 1, severity: 'critical', isActive: true }])
  t.match(alarms.unstored(), { kept: 0 })

  setFull(true)
  alarms.take({ type: 'clear', at: 4, kind, place, source }, 's')
  setFull(false)
  alarms.take(raised(5), 's')
  const alarmsNow = store.alarms({}).items.map(({ raisedAt, isActive }) => [raisedAt, isActive])
  t.same(
    alarmsNow,
    [
      [5, true],
      [1, false],
    ],
    'the end that was missed is made up for before the next begins',
  )
})

t.test('what was over before the disk had room is forgotten, but never a call for help', async (t) => {
  const { store, alarms, setFull } = build(':memory:')
  t.teardown(() => store.close())
  const help = { kind: 'elder_sos', source: { type: 'device', id: 'button' } as const }
  setFull(true)
  alarms.take(raised(1), 's')
  alarms.take({ type: 'clear', at: 2, kind, place, source }, 's')
  alarms.take(raised(1, { ...help, person: 'elder-301' }), 's')
  alarms.take({ type: 'clear', at: 2, place, ...help }, 's')
  t.equal(alarms.unstored().kept, 1)
  setFull(false)
  alarms.tick()
  t.match(store.alarms({}).items, [{ kind: 'elder_sos', isActive: false, isAcknowledged: false }])
  t.equal(store.alarms({}).items.length, 1)
})

t.test('people are called at once though the disk is full, and not again when it has room', async (t) => {
  const { store, alarms, setFull, called } = build(':memory:', { calls: true })
  t.teardown(() => store.close())
  setFull(true)
  alarms.take(raised(1, { severity: 'critical', person: 'elder-301' }), 'sos')
  alarms.take(raised(1, { source: { type: 'camera', id: 'cam-2' } }), 's')
  t.equal(called.length, 1, 'what does not concern life is told once it is stored')
  setFull(false)
  alarms.tick()
  const [other, help] = store.alarms({}).items.sort((one) => (one.person ? 1 : -1))
  t.match(help, { id: called[0], response: { state: 'calling' } }, 'the alarm of which they were told')
  t.same(called, [help?.id, other?.id])
})

t.test('an alarm survives a restart, and ends by itself only when its camera sees that nothing is there', async (t) => {
  const file = `${t.testdir()}/a.db`
  const before = build(file)
  const { id } = before.alarms.take(raised(1), 's')!
  before.store.close()
  const { store, alarms } = build(file)
  t.equal(alarms.take(raised(2), 's'), undefined, 'still there after the restart: no second alarm')
  store.close()

  const again = build(file)
  again.setUp(false)
  again.pass(61_000)
  again.alarms.tick()
  t.ok(again.store.alarm(id)?.isActive, 'a blind camera ends nothing')
  again.setUp(true)
  again.alarms.tick()
  t.notOk(again.store.alarm(id)?.isActive)
  again.store.close()
})

t.test('acknowledging, shelving and verdicts are the operator’s and are refused when they make no sense', async (t) => {
  const { store, alarms, pass, now } = build(':memory:')
  const { id } = alarms.take(raised(1), 's')!
  t.match(alarms.acknowledge(id, operator), { isAcknowledged: true, acknowledgedBy: 'zhang' })
  t.ok(isRefusal(alarms.acknowledge(id, operator)))
  t.ok(isRefusal(alarms.verdict(id, { value: 'false-alarm' }, operator)))
  t.match(alarms.verdict(id, { value: 'false-alarm', reason: 'stroller' }, operator), {
    verdict: { reason: 'stroller' },
  })
  alarms.shelve(id, { until: now() + 1000, reason: 'works in the cab' }, operator)
  pass(1001)
  store.alarms = () => t.fail('the tick reads every alarm') as never
  alarms.tick()
  t.equal(store.alarm(id)?.shelved, undefined, 'a shelving ends by itself')
  t.match(alarms.openCase(id, operator), { refused: /already case/ })
})

t.test('a case goes up when the property does not settle it in time', async (t) => {
  const { store, alarms, cases, pass } = build(':memory:', { upstream: 'street' })
  const { caseId } = alarms.take(raised(1), 's')!
  pass(6 * 60_000)
  cases.tick()
  cases.tick()
  t.match(store.case(caseId!), { level: 'P', overdueAt: Number }, 'late to respond: yellow, still the property’s')
  pass(hour)
  cases.tick()
  cases.tick()
  t.match(store.case(caseId!), { level: 'X', upstream: 'street', state: 'reported' })
  t.match(cases.reportUpstream(caseId!, operator), { refused: /already reported/ })
  t.match(cases.transition(caseId!, { to: 'filed', role: 'issuer' }, operator), { refused: /only street/ })
  const bridge = { type: 'bridge', id: 'street' } as const
  t.match(cases.linkUpstream(caseId!, { upstream: 'street', upstreamRef: 'G-1' }, bridge), { upstreamRef: 'G-1' })
  t.match(cases.transition(caseId!, { to: 'filed', role: 'issuer', idempotencyKey: 'e1' }, bridge), { state: 'filed' })
  t.match(cases.transition(caseId!, { to: 'filed', role: 'issuer', idempotencyKey: 'e1' }, bridge), { state: 'filed' })
})

t.test('the third e-bike in the same lift within thirty days goes to the city at once', async (t) => {
  const { store, alarms } = build(':memory:', { upstream: 'street' })
  const levels = [1, 2, 3].map((at) => {
    const alarm = alarms.take(raised(at), 's')!
    alarms.take({ type: 'clear', at: at + 0.5, kind, place, source }, 's')
    return store.case(alarm.caseId!)?.level
  })
  t.same(levels, ['P', 'P', 'X'])
})

t.test('the city hears of an elder only with consent, and never of the home', async (t) => {
  const elder = {
    kind: 'elder_fall',
    person: 'elder-301',
    place: { site: 's', building: 'b1', floor: '3', flat: '301' },
  }
  const silent = build(':memory:', { upstream: 'street' })
  const alarm = silent.alarms.take(raised(1, elder), 's')!
  const opened = silent.alarms.openCase(alarm.id, operator) as { id: string }
  t.match(silent.store.case(opened.id), { level: 'P', place: { floor: '3' } })
  t.notOk(silent.store.case(opened.id)?.place.flat)
  t.notMatch(JSON.stringify(silent.store.case(opened.id)), /elder-301|"301"/)
  t.match(silent.cases.reportUpstream(opened.id, operator), { refused: /has not agreed/ })

  const agreed = build(':memory:', { upstream: 'street', consent: true })
  const told = agreed.alarms.openCase(agreed.alarms.take(raised(1, elder), 's')!.id, operator) as { id: string }
  t.equal(agreed.store.case(told.id)?.level, 'X')
})
