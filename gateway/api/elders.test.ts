import t from 'tap'
import { WebSocket } from 'ws'
import { createAnswerLinks } from '../alarms/answer-links.ts'
import { changeAlarm } from '../alarms/change.ts'
import type { Alarm } from '../core/alarm.ts'
import type { Elder } from '../core/elder.ts'
import type { ChannelState, ResponseService, Store } from '../core/ports.ts'
import { createEvidenceStore } from '../storage/evidence.ts'
import { openStore } from '../storage/store.ts'
import { apiStarter, bridgeToken } from './testing/start-api.ts'

const start = apiStarter({ openStore, createEvidenceStore })
const words = (zh: string, en: string) => ({ zh, en })

const elder = (id: string, more: Partial<Elder> = {}): Elder => ({
  id,
  name: `${id} 室长者`,
  place: { site: 'garden', building: 'b3', flat: id },
  devices: ['device-1'],
  bandPosition: 'wrist',
  oxygenScale: 1,
  contacts: ['caregiver-a'],
  consents: { city: false, health: true, recordedAt: 1, recordedBy: '值班员' },
  ...more,
})
const elders = [elder('e301'), elder('e302', { contacts: ['caregiver-b'], consents: { city: false, health: false } })]
const persons = [
  { id: 'caregiver-a', name: '护理员甲', duty: 'caregiver' },
  { id: 'caregiver-b', name: '护理员乙', duty: 'caregiver' },
]

const alarm = (id: string, person: string): Alarm => ({
  id,
  scene: 'sos',
  kind: 'elder_sos',
  severity: 'critical',
  certainty: 1,
  place: { site: 'garden', building: 'b3', flat: person },
  source: { type: 'device', id: `button-${id}` },
  person,
  raisedAt: Date.UTC(2026, 10, 22),
  lastSeenAt: Date.UTC(2026, 10, 22),
  count: 1,
  isActive: true,
  isAcknowledged: false,
  why: [{ key: 'button', button: 'pull-cord' }],
  evidence: [],
  warnings: [],
  response: {
    ...{ chain: 'elder', state: 'calling', startedAt: 1, round: 0, roundStartedAt: 1, nextStep: 1, nextAt: 60_000 },
    ...{ tasks: [], answers: [], notices: 1 },
  },
  told: [
    { id: 'n1', at: 1, round: 0, step: 0, person: 'caregiver-a', notifier: 'push', state: 'accepted', acceptedAt: 2 },
  ],
})

async function startHouse(t: Parameters<typeof start>[0]) {
  let store: Store | undefined
  const clock = { at: Date.UTC(2026, 10, 22) }
  const now = () => clock.at
  const responses: ResponseService = {
    answer: (id, type, by, via, note) =>
      changeAlarm(store!, id, { type, at: now(), by: by.id, via, ...(note ? { note } : {}) }, by, now()),
    next: ({ response }) =>
      response?.nextAt === undefined
        ? undefined
        : { at: response.nextAt, round: 0, people: ['caregiver-b'], task: 'call-120' },
    seen: (id, person) =>
      void changeAlarm(store!, id, { type: 'seen', at: now(), by: person }, { type: 'person', id: person }, now()),
  }
  const links = createAnswerLinks({ secret: 'key', baseUrl: 'http://127.0.0.1', now })
  const scene = await start(t, {
    people: {
      ...{ elders, persons, responses, links, timeZone: 'Asia/Shanghai', channels: () => [lost] },
      describePlace: ({ flat }) => words(`3 号楼 ${flat} 室`, `flat ${flat}, building 3`),
      describeKind: () => words('老人紧急呼叫', 'Elder SOS'),
      push: { publicKey: 'B'.repeat(87), isTold: (person) => person === 'caregiver-a' },
    },
  })
  store = scene.store
  const raise = (id: string, person: string) => {
    const raised = alarm(id, person)
    scene.store.transact((tx) => tx.putAlarm(raised, { type: 'raised', alarm: raised }, { type: 'system', id: 'g' }, 1))
    return raised
  }
  const admin = await scene.login('admin')
  await admin.inject({ method: 'POST', url: '/api/v1/users/id-caregiver/person', payload: { person: 'caregiver-a' } })
  const linkPath = (raised: Alarm, person: string) => new URL(links.linkFor(raised, person)!).pathname
  return { ...scene, admin, raise, linkPath, ownClock: clock }
}

/** A channel of the site that was lost. */
const lost: ChannelState = {
  ...{ notifier: 'hook', channel: 'webhook', state: 'down', since: 1_000, waiting: 3 },
  ...{ reason: 'hook.invalid did not answer (ECONNREFUSED)', hint: 'Check the way to the Internet.' },
  phrases: [{ key: 'no-answer', by: 'hook.invalid', said: 'ECONNREFUSED' }, { key: 'check-way' }],
}

t.test('the control room sees which channel is lost and why, in words and for translation', async (t) => {
  const { login, admin } = await startHouse(t)
  t.same((await admin.inject({ url: '/api/v1/channels' })).json(), {
    items: [{ ...lost, since: '1970-01-01T00:00:01.000Z' }],
  })
  const caregiver = await login('caregiver')
  t.equal((await caregiver.inject({ url: '/api/v1/channels' })).statusCode, 403)
})

t.test('a caregiver sees their own people, the control room all, and looking is on record', async (t) => {
  const { login, admin, raise, store } = await startHouse(t)
  raise('a1', 'e301')
  const caregiver = await login('caregiver')
  const ids = async (who: typeof caregiver) =>
    (await who.inject({ url: '/api/v1/elders' })).json<{ items: Array<{ id: string }> }>().items.map(({ id }) => id)
  t.same(await ids(caregiver), ['e301'])
  t.same(await ids(admin), ['e301', 'e302'])

  const own = (await caregiver.inject({ url: '/api/v1/elders/e301' })).json()
  t.match(own, {
    name: 'e301 室长者',
    where: { zh: '3 号楼 e301 室' },
    openAlarms: [{ id: 'a1', name: { zh: '老人紧急呼叫' }, response: { state: 'calling' } }],
    contacts: [{ name: '护理员甲' }],
    devices: [{ id: 'device-1', values: { temperatureCelsius: { value: 21 } } }],
    alarms: [{ id: 'a1', told: [{ person: 'caregiver-a', state: 'accepted' }] }],
  })
  t.equal((await caregiver.inject({ url: '/api/v1/elders/e302' })).statusCode, 404)
  t.equal((await caregiver.inject({ url: '/api/v1/elders/e302/alarms' })).statusCode, 404)
  const audit = store.journal({ after: 0, limit: 100, topics: ['audit'] })
  t.match(
    audit.filter(({ transition }) => transition === 'elder-viewed'),
    [{ subject: 'e301' }],
  )
  t.match(
    audit.filter(({ transition }) => transition === 'elders-listed'),
    [{ data: { elders: ['e301'] } }, { data: { elders: ['e301', 'e302'] } }],
    'so is who was shown the list',
  )
  t.match(
    audit.filter(({ transition }) => transition === 'elder-refused'),
    [{ subject: 'e302' }, { subject: 'e302' }],
  )
})

t.test('without consent to health data no value is shown, to nobody', async (t) => {
  const { admin } = await startHouse(t)
  t.same((await admin.inject({ url: '/api/v1/elders/e302' })).json().devices[0].values, {})
  const [agreed, silent] = (await admin.inject({ url: '/api/v1/elders' })).json().items
  t.match(agreed.vitals, [{ metric: 'heartRateBpm', value: 71, device: 'device-1' }])
  t.notOk('vitals' in silent)
  const course = '/telemetry?device=device-1&metric=temperatureCelsius'
  t.equal((await admin.inject({ url: `/api/v1/elders/e302${course}` })).statusCode, 403)
  t.equal((await admin.inject({ url: `/api/v1/elders/e301${course}` })).json().items.length, 2)
  t.equal((await admin.inject({ url: '/api/v1/elders/e301/telemetry?device=other&metric=x' })).statusCode, 404)
})

t.test('an account without a person sees nobody, and only an admin says whose it is', async (t) => {
  const { login, admin } = await startHouse(t)
  const set = (person: string | null) =>
    admin.inject({ method: 'POST', url: '/api/v1/users/id-caregiver/person', payload: { person } })
  t.equal((await set('nobody')).statusCode, 400)
  t.equal((await set(null)).statusCode, 200)
  const caregiver = await login('caregiver')
  t.same((await caregiver.inject({ url: '/api/v1/elders' })).json().items, [])
  const attempt = {
    method: 'POST',
    url: '/api/v1/users/id-caregiver/person',
    payload: { person: 'caregiver-a' },
  } as const
  t.equal((await caregiver.inject(attempt)).statusCode, 403)
})

t.test('answer, arrival and settling by the page are three times; a stranger’s alarm cannot be answered', async (t) => {
  const { login, raise, clock, store } = await startHouse(t)
  raise('a1', 'e301')
  raise('a2', 'e302')
  const caregiver = await login('caregiver')
  const press = (id: string, what: string) => caregiver.inject({ method: 'POST', url: `/api/v1/alarms/${id}/${what}` })
  t.equal((await press('a2', 'answer')).statusCode, 404)
  for (const what of ['answer', 'arrived']) {
    clock.at += 60_000
    t.equal((await press('a1', what)).statusCode, 200)
  }
  const settle = (payload: object) => caregiver.inject({ method: 'POST', url: '/api/v1/alarms/a1/resolved', payload })
  t.equal((await settle({ note: 'x'.repeat(2001) })).statusCode, 400)
  t.equal((await settle({ note: ' 已扶起，无外伤 ' })).statusCode, 200)
  t.equal((await press('a1', 'arrived')).statusCode, 409)
  t.match(store.alarm('a1')?.response, {
    state: 'resolved',
    answers: [{ by: 'caregiver-a', via: 'page' }, { type: 'arrived' }, { type: 'resolved', note: '已扶起，无外伤' }],
  })
  t.equal(store.alarm('a2')?.response?.state, 'calling')
})

t.test('who is told next is shown to those who may answer', async (t) => {
  const { login, admin, raise } = await startHouse(t)
  raise('a1', 'e301')
  raise('a2', 'e302')
  const caregiver = await login('caregiver')
  const next = (who: typeof caregiver, id: string) => who.inject({ url: `/api/v1/alarms/${id}/next-step` })
  t.same((await next(caregiver, 'a1')).json(), {
    next: { at: '1970-01-01T00:01:00.000Z', round: 0, people: ['caregiver-b'], task: 'call-120' },
  })
  t.equal((await next(caregiver, 'a2')).statusCode, 404)
  t.equal((await next(admin, 'a2')).statusCode, 200)
  await caregiver.inject({ method: 'POST', url: '/api/v1/alarms/a1/answer' })
  t.same((await next(caregiver, 'a1')).json(), {}, 'nobody, once somebody has answered')
})

t.test('opening the link answers nothing; the button does, once', async (t) => {
  const { app, raise, linkPath, store, url } = await startHouse(t)
  const path = linkPath(raise('a1', 'e301'), 'caregiver-a')
  const preview = await app.inject({ url: path, headers: { 'user-agent': 'a chat program that fetches previews' } })
  t.equal(preview.statusCode, 200)
  for (const part of ['老人紧急呼叫', 'Elder SOS', 'e301 室', '我来处理', 'nobody has answered yet'])
    t.match(preview.body, part)
  t.notMatch(preview.body, /<script/)
  t.match(preview.headers, { 'cache-control': 'no-store', 'referrer-policy': 'same-origin' })
  t.match(store.alarm('a1'), { response: { state: 'calling' } })
  t.notOk(store.alarm('a1')?.told?.[0]?.seenAt, 'a fetched preview was seen by nobody')
  await app.inject({ method: 'HEAD', url: path })
  await app.inject({ url: path, headers: { 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' } })
  t.ok(store.alarm('a1')?.told?.[0]?.seenAt, 'a browser that opens it has')
  t.equal(store.alarm('a1')?.response?.state, 'calling')

  const form = (action: string, to = path) =>
    fetch(url + to, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded', origin: url },
      body: `action=${action}`,
      redirect: 'manual',
    })
  t.equal((await form('reboot')).status, 400)
  t.equal((await form('answered')).status, 303)
  t.match(store.alarm('a1'), { response: { state: 'answered', answers: [{ by: 'caregiver-a', via: 'link' }] } })
  const again = await form('answered')
  t.equal(again.status, 409)
  t.match(await again.text(), /无需重复/)
  t.equal((await form('arrived')).status, 303)
  t.equal((await form('resolved')).status, 303)
  const over = await app.inject({ url: path })
  t.notMatch(over.body, /e301|<button/, 'when it is over the link tells nothing of the home')
})

t.test('a link that was changed, is old, or comes from another site’s page does nothing', async (t) => {
  const { app, raise, linkPath, ownClock, store } = await startHouse(t)
  const path = linkPath(raise('a1', 'e301'), 'caregiver-a')
  const post = (url: string, origin?: string) =>
    app.inject({
      method: 'POST',
      url,
      payload: 'action=answered',
      headers: { 'content-type': 'application/x-www-form-urlencoded', ...(origin ? { origin } : {}) },
    })
  const [payload = ''] = path.split('/').at(-1)!.split('.')
  const forged = Buffer.from(JSON.stringify(['a1', 'caregiver-b', 9e9])).toString('base64url')
  t.equal((await post(path.replace(payload, forged))).statusCode, 404)
  t.equal((await post(path.slice(0, -1))).statusCode, 404)
  t.equal((await post('/answer/nothing')).statusCode, 404)
  t.equal((await post(path, 'https://evil.example')).statusCode, 403)
  ownClock.at += 25 * 3600_000
  t.equal((await post(path)).statusCode, 410)
  t.equal(store.alarm('a1')?.response?.state, 'calling')
})

t.test('the bridge is not shown whom an alarm concerns', async (t) => {
  const { bridge, raise, admin } = await startHouse(t)
  raise('a1', 'e301')
  await admin.inject({ url: '/api/v1/elders/e301' })
  const seen = [(await bridge({ url: '/api/v1/journal' })).body, (await bridge({ url: '/api/v1/alarms/a1' })).body]
  for (const body of seen) t.notMatch(body, /e301|caregiver-a|pull-cord|button-a1/)
  t.match(seen[0], /elder_sos/)
  t.equal((await bridge({ url: '/api/v1/elders' })).statusCode, 403)
  t.match((await admin.inject({ url: '/api/v1/journal' })).body, /e301/)
})

t.test('the bridge is not shown who fell and got up again', async (t) => {
  const { bridge, admin, store, url } = await startHouse(t)
  store.transact((transaction) =>
    transaction.append({
      ...{ topic: 'event', at: 1, subject: 'band-e301', transition: 'elder_fall_cancelled' },
      actor: { type: 'person', id: 'caregiver-a' },
      data: { place: { site: 'garden', building: 'b3', flat: 'e301' }, score: 0.91, person: 'e301' },
    }),
  )
  const seen = async (who: typeof bridge) => (await who({ url: '/api/v1/journal?topics=event' })).body
  const socket = new WebSocket(`${url.replace('http', 'ws')}/api/v1/live?after=0`, {
    headers: { authorization: `Bearer ${bridgeToken}` },
  })
  t.teardown(() => socket.terminate())
  const live = await new Promise<string>((resolve, reject) => {
    socket.on('message', (data) => String(data).includes('elder_fall_cancelled') && resolve(String(data)))
    socket.on('error', reject)
  })
  for (const body of [await seen(bridge), live]) {
    t.match(body, /elder_fall_cancelled/)
    t.notMatch(body, /e301|caregiver-a|0\.91/)
  }
  t.match(await seen(admin.inject), /band-e301/, 'the control room is')
})

t.test('a phone that may be woken is kept for its person', async (t) => {
  const { login, store, admin } = await startHouse(t)
  const caregiver = await login('caregiver')
  const key = async (who: typeof caregiver) => (await who.inject({ url: '/api/v1/push/key' })).json()
  t.same(await key(caregiver), { publicKey: 'B'.repeat(87), isTold: true })
  t.same(await key(admin), { publicKey: 'B'.repeat(87), isTold: false })
  const subscription = {
    endpoint: 'https://push.example.org/x',
    keys: { p256dh: 'p'.repeat(87), auth: 'a'.repeat(22) },
  }
  const post = (who: typeof caregiver, payload: object) =>
    who.inject({ method: 'POST', url: '/api/v1/push/subscriptions', payload })
  t.equal((await post(caregiver, subscription)).statusCode, 204)
  t.same(store.pushSubscriptions('caregiver-a'), [subscription])
  t.equal((await post(caregiver, subscription)).statusCode, 204, 'a page that is opened again says so again')
  const told = store.journalOf('id-caregiver').filter(({ transition }) => transition === 'push-allowed')
  t.equal(told.length, 1, 'and is on record once')
  t.equal((await post(caregiver, { ...subscription, endpoint: 'http://10.0.0.1/' })).statusCode, 400)
  t.equal((await post(admin, subscription)).statusCode, 403, 'an admin is no person of the site file')
  const change = (path: string, payload: object = {}) =>
    admin.inject({ method: 'POST', url: `/api/v1/users/id-caregiver/${path}`, payload })
  await change('person', { person: 'caregiver-b' })
  t.same(store.pushSubscriptions('caregiver-a'), [], 'who is another person now is not told of the former one')
  await change('person', { person: 'caregiver-a' })
  t.same(store.pushSubscriptions('caregiver-a'), [subscription])
  const gone = {
    method: 'DELETE',
    url: '/api/v1/push/subscriptions',
    payload: { endpoint: subscription.endpoint },
  } as const
  t.equal((await caregiver.inject(gone)).statusCode, 204)
  t.same(store.pushSubscriptions('caregiver-a'), [])

  await post(caregiver, subscription)
  await change('disable')
  t.same(store.pushSubscriptions('caregiver-a'), [], 'a closed account wakes nobody')
})
