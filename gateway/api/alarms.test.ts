import t from 'tap'
import { Value } from 'typebox/value'
import { createEvidenceStore } from '../storage/evidence.ts'
import { openStore } from '../storage/store.ts'
import { sampleAlarm, system } from '../storage/testing/sample-rows.ts'
import { Alarm, AlarmPage } from './schemas/index.ts'
import { apiStarter } from './testing/start-api.ts'

const start = apiStarter({ openStore, createEvidenceStore })
type Scene = Awaited<ReturnType<typeof start>>

const raise = (scene: Scene, changes: Parameters<typeof sampleAlarm>[0] = {}) => {
  const alarm = sampleAlarm(changes)
  scene.store.transact((transaction) => transaction.putAlarm(alarm, { type: 'raised', alarm }, system, alarm.raisedAt))
}
const post = (path: string, payload?: object) =>
  ({ method: 'POST', url: `/api/v1/alarms/${path}`, ...(payload ? { payload } : {}) }) as const

t.test('alarms are listed newest first, in pages, by state, kind and time', async (t) => {
  const scene = await start(t)
  const day = sampleAlarm().raisedAt
  for (let n = 0; n < 5; n++)
    raise(scene, {
      id: `a${n}`,
      raisedAt: day + n * 1000,
      source: { type: 'camera', id: `c${n}` },
      isAcknowledged: n === 1,
      kind: n === 2 ? 'smoke' : 'ebike_in_elevator',
    })
  const operator = await scene.login('operator')
  const list = async (query: string) => {
    const page = (await operator.inject({ url: `/api/v1/alarms?${query}` })).json()
    t.ok(Value.Check(AlarmPage, page), JSON.stringify(Value.Errors(AlarmPage, page)))
    return page as AlarmPage
  }
  const ids = (page: AlarmPage) => page.items.map((alarm) => alarm.id)
  const first = await list('limit=3')
  t.same(ids(first), ['a4', 'a3', 'a2'])
  const second = await list(`limit=3&before=${encodeURIComponent(first.nextBefore!)}`)
  t.same(ids(second), ['a1', 'a0'])
  t.notOk(second.nextBefore)
  t.same(ids(await list('acknowledged=true')), ['a1'])
  t.same(ids(await list('active=false')), [])
  t.same(ids(await list('kind=smoke')), ['a2'])
  const instant = new Date(day + 3000).toISOString()
  t.same(ids(await list(`since=${instant}`)), ['a4', 'a3'])
  t.same(ids(await list(`since=${encodeURIComponent(instant.replace('Z', '+00:00'))}&active=true`)), ['a4', 'a3'])
})

t.test('a person acknowledges, judges, shelves and unshelves, under the own name', async (t) => {
  const scene = await start(t)
  raise(scene)
  const operator = await scene.login('operator')
  const answer = await operator.inject(post('alarm-1/acknowledge'))
  t.ok(Value.Check(Alarm, answer.json()))
  t.match(answer.json(), {
    state: 'active-acknowledged',
    acknowledgedBy: 'id-operator',
    acknowledgedAt: '2026-11-22T00:00:00.000Z',
  })
  t.match(
    (await operator.inject(post('alarm-1/shelve', { until: '2026-11-22T09:00:00+08:00', reason: 'works' }))).json(),
    {
      shelved: { until: '2026-11-22T01:00:00.000Z', by: 'id-operator', reason: 'works' },
    },
  )
  const shelved = async (is: boolean) =>
    (await operator.inject({ url: `/api/v1/alarms?shelved=${is}` })).json().items.map(({ id }: { id: string }) => id)
  t.same(await shelved(true), ['alarm-1'], 'what is shelved can be asked for')
  t.same(await shelved(false), [])
  t.notOk((await operator.inject(post('alarm-1/unshelve'))).json().shelved)
  t.same(await shelved(true), [])
  t.match((await operator.inject(post('alarm-1/verdict', { value: 'false-alarm', reason: 'a pram' }))).json(), {
    verdict: { value: 'false-alarm', reason: 'a pram' },
  })
  t.match((await operator.inject({ url: '/api/v1/alarms/alarm-1' })).json(), { verdict: { by: 'id-operator' } })
  const last = scene.store.journal({ after: 0, limit: 100, topics: ['alarm'] }).at(-1)
  t.match(last, { transition: 'verdict', actor: { type: 'user', id: 'id-operator' } })
})

t.test('what the rules refuse is a 409 in their words', async (t) => {
  const scene = await start(t)
  raise(scene)
  const operator = await scene.login('operator')
  await operator.inject(post('alarm-1/acknowledge'))
  const again = await operator.inject(post('alarm-1/acknowledge'))
  t.equal(again.statusCode, 409)
  const phrase = { key: 'alarm-acknowledged', by: 'id-operator' }
  t.same(again.json(), { error: { code: 'refused', message: 'already acknowledged by id-operator', phrase } })
  t.equal(
    (await operator.inject(post('alarm-1/verdict', { value: 'false-alarm' }))).json().error.message,
    'a false alarm needs a reason',
  )
  t.equal(
    (await operator.inject(post('alarm-1/shelve', { until: '2020-01-01T00:00:00Z', reason: 'r' }))).statusCode,
    409,
  )
  t.equal((await operator.inject(post('nobody/acknowledge'))).statusCode, 404)
})

t.test('the voice is repeated or stopped, and a silent speaker is told with the cure', async (t) => {
  const scene = await start(t)
  raise(scene)
  const operator = await scene.login('operator')
  t.equal((await operator.inject(post('alarm-1/voice', { action: 'stop' }))).statusCode, 204)
  const repeat = await operator.inject(post('alarm-1/voice', { action: 'repeat' }))
  t.equal(repeat.statusCode, 502)
  t.same(repeat.json().error, { code: 'unavailable', message: 'the speaker does not answer: look at its power' })
  t.equal((await operator.inject(post('alarm-1/voice', { action: 'sing' }))).statusCode, 400)
})

t.test('a case is opened by hand, once', async (t) => {
  const scene = await start(t)
  raise(scene)
  const operator = await scene.login('operator')
  const opened = await operator.inject(post('alarm-1/case'))
  t.equal(opened.statusCode, 201)
  t.match(opened.json(), { id: 'case-of-alarm-1', state: 'reported', alarmIds: ['alarm-1'] })
})
