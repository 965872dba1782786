import t, { type Test } from 'tap'
import { type Chain, elderChain } from '../core/person.ts'
import type { Errand, ErrandOutcome } from '../core/ports.ts'
import type { Finding } from '../core/scene.ts'
import { openStore } from '../storage/store.ts'
import { createAlarms } from './alarms.ts'
import { createEscalation } from './escalation.ts'

const second = 1000
/** 02:00 in Shanghai: within everybody's quiet hours. */
const night = Date.UTC(2026, 0, 5, 18, 0, 0)
const place = { site: 's', building: 'b1', flat: '301' }
const source = { type: 'device', id: 'band' } as const
const key = { kind: 'elder_fall', place, source } as const
const fire: Chain = {
  id: 'fire',
  repeatMs: 60 * second,
  steps: [{ afterMs: 0, tell: [{ type: 'person', id: 'guard' }] }],
}
const operator = { type: 'user', id: 'operator' } as const

/** Alarms and those who are told of them, by a clock that the test turns. */
function build(t: Test, options: { isQuiet?: boolean } = {}) {
  let at = night
  let ids = 0
  const now = () => at
  const store = openStore({ file: `${t.testdir()}/a.db`, now })
  t.teardown(() => store.close())
  const told: string[] = []
  const messages: string[] = []
  const quietHours = { fromMinute: 22 * 60, toMinute: 7 * 60 }
  const person = (id: string, duty: string) => ({
    ...{ id, name: id, duty, channels: [{ notifier: 'push', address: id }], languages: ['en'] as const },
    ...(options.isQuiet && duty === 'caregiver' ? { quietHours } : {}),
  })
  const escalation = createEscalation({
    store,
    courier: {
      async send({ to, message }: Errand): Promise<ErrandOutcome> {
        told.push(`+${(at - night) / second} ${to.person}: ${message.severity}`)
        messages.push(message.text)
        return { state: 'stopped', reply: '', phrases: [] }
      },
      withdraw() {},
    },
    people: [
      ...[person('first', 'caregiver'), person('second', 'caregiver')],
      ...[person('desk', 'control-room'), person('guard', 'security')],
    ],
    rotas: [],
    chains: [elderChain, fire],
    elders: [
      {
        ...{ id: 'elder-301', name: '301', place, devices: [], contacts: ['first', 'second'] },
        ...{ bandPosition: 'wrist', oxygenScale: 1, consents: { city: false, health: true } },
      },
    ],
    rules: { elders: 'elder', alarms: [{ kinds: ['smoke'], severities: ['critical'], chain: 'fire' }] },
    ...{ channelOf: () => 'ntfy', timeZone: 'Asia/Shanghai', linkFor: () => undefined },
    describeKind: (kind) => ({ zh: kind, en: kind }),
    describePlace: () => ({ zh: '301', en: '301' }),
    onError: (error) => {
      throw error
    },
    now,
  })
  const alarms = createAlarms({
    ...{ store, now, escalation },
    announcer: {
      announce: () => Promise.reject(new Error('no speaker here')),
      stop() {},
    },
    route: () => ({ speakers: [], languages: [] }),
    openCase: () => undefined,
    openCaseByHand: () => {
      throw new Error('no cases here')
    },
    isSourceUp: () => true,
    onError: (error) => {
      throw error
    },
    newId: (prefix) => `${prefix}-${++ids}`,
  })
  const judged = (severity: 'low' | 'medium' | 'critical', more: object) => ({
    ...{ at, ...key, severity, certainty: 0.9, why: [], ...more },
  })
  return {
    ...{ store, alarms, escalation, told, messages },
    raise: (severity: 'low' | 'medium' | 'critical', more: object = {}) =>
      alarms.take({ type: 'raise', ...judged(severity, { person: 'elder-301', ...more }) } as Finding, 'fall')!,
    reassess: (severity: 'low' | 'medium' | 'critical', more: object = {}) =>
      alarms.take({ type: 'reassess', ...judged(severity, more) } as Finding, 'fall'),
    /** Somebody sets the clock, while the gateway runs or before it starts again. */
    setClock: (byMs: number) => (at += byMs),
    passed: (seconds: number) => {
      for (let n = 0; n < seconds; n++) {
        at += second
        escalation.tick()
      }
    },
    /** Lets the clock run, a second at a time. */
    until(seconds: number) {
      while (at < night + seconds * second) {
        at += second
        escalation.tick()
      }
    },
  }
}

t.test('a fall that turns out to be serious calls the next at the times of what is serious', async (t) => {
  const { raise, reassess, until, told } = build(t)
  raise('medium')
  until(20)
  reassess('critical')
  until(300)
  t.same(told, [
    ...['+0 first: medium', '+0 desk: medium'],
    ...['+60 second: critical', '+180 desk: critical', '+180 guard: critical', '+300 desk: critical'],
  ])
})

t.test('what comes due by getting worse is told at once, and nobody twice for going up and down', async (t) => {
  const { raise, reassess, until, told, store } = build(t)
  const { id } = raise('medium')
  until(100)
  reassess('critical')
  t.same(told.slice(2), ['+100 second: critical'], 'the second contact was due at +60')
  until(101)
  reassess('medium')
  reassess('critical')
  until(179)
  t.equal(told.length, 3)
  until(180)
  t.same(told.slice(3), ['+180 desk: critical', '+180 guard: critical'])
  const rows = store.journalOf(id).map(({ transition }) => transition)
  t.equal(rows[rows.indexOf('reassessed') + 1], 'told', 'in the commit that made it worse')
})

t.test('who was spared at night is called when it becomes a matter of life', async (t) => {
  const { raise, reassess, until, told, store } = build(t, { isQuiet: true })
  const { id } = raise('medium')
  t.same(told, ['+0 desk: medium'])
  until(20)
  reassess('critical')
  t.same(told.slice(1), ['+20 first: critical'])
  t.match(
    store.alarm(id)?.told?.map(({ person, state }) => `${person} ${state}`),
    ['first quiet', 'desk waiting', 'first waiting'],
  )
})

t.test('what began as a test and becomes real calls everybody', async (t) => {
  const { raise, reassess, until, told } = build(t)
  raise('low')
  until(60)
  t.same(told, [], 'what is low is for the console alone')
  reassess('critical')
  until(120)
  t.same(told, ['+60 first: critical', '+60 desk: critical', '+120 second: critical'])
})

t.test('a row of the site file for what is critical counts when it becomes critical', async (t) => {
  const { raise, reassess, told } = build(t)
  const smoke = { kind: 'smoke', person: undefined }
  raise('medium', smoke)
  t.same(told, [])
  reassess('critical', smoke)
  t.same(told, ['+0 guard: critical'])
})

t.test('who has answered is told that it got worse, and nobody else is called', async (t) => {
  const { raise, reassess, until, told, messages, escalation, store } = build(t)
  const { id } = raise('medium')
  until(5)
  escalation.answer(id, 'answered', { type: 'person', id: 'first' }, 'link')
  until(20)
  reassess('critical')
  t.same(told.slice(2), ['+20 first: critical', '+20 desk: critical'])
  t.match(messages.at(-1), /got worse since somebody answered/)
  reassess('medium')
  reassess('critical')
  until(400)
  t.equal(told.length, 4, 'once')
  t.equal(store.alarm(id)?.response?.state, 'answered')
})

t.test('what was settled as harmless and becomes dangerous is a new alarm for everybody', async (t) => {
  const { raise, reassess, until, told, alarms, store } = build(t)
  const { id } = raise('medium')
  until(5)
  alarms.verdict(id, { value: 'false-alarm', reason: 'cooking' }, operator)
  until(20)
  const next = reassess('critical')
  t.match(next, { severity: 'critical', person: 'elder-301', isAcknowledged: false, response: { state: 'calling' } })
  t.match(store.alarm(id), { isActive: false, clearedReason: 'happened-again', severity: 'medium' })
  t.same(told.slice(2), ['+20 first: critical', '+20 desk: critical'])
  alarms.verdict(next!.id, { value: 'false-alarm', reason: 'cooking again' }, operator)
  reassess('medium')
  t.equal(reassess('critical'), undefined, 'as dangerous as when it was settled')
})

t.test('a clock that is set back eight hours keeps nobody waiting for eight hours', async (t) => {
  const { raise, until, told, setClock, passed } = build(t)
  raise('critical')
  until(30)
  setClock(-8 * 3600 * second)
  passed(29)
  t.equal(told.length, 2)
  passed(2)
  t.match(told.slice(2), [/second: critical/], 'the second contact is called 60 s after the alarm')
  passed(120)
  t.match(told.slice(3), [/desk: critical/, /guard: critical/])
})

t.test('a clock that was set back while the gateway was down brings the next step forward', async (t) => {
  const { raise, until, told, setClock, passed, escalation } = build(t)
  raise('critical')
  until(30)
  setClock(-8 * 3600 * second)
  escalation.resume()
  passed(1)
  t.match(told.slice(-1), [/second: critical/])
})
