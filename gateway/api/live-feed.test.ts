import { setImmediate } from 'node:timers/promises'
import t from 'tap'
import { createEvidenceStore } from '../storage/evidence.ts'
import { openStore } from '../storage/store.ts'
import { sampleAlarm, system } from '../storage/testing/sample-rows.ts'
import { apiStarter, bridgeToken, type Client, eventually, password } from './testing/start-api.ts'

const start = apiStarter({ openStore, createEvidenceStore })

const headers = { authorization: `Bearer ${bridgeToken}` }
type Entry = { seq: number; topic: string; data: { alarm?: { state: string; raisedAt: string } } }

const entriesOf = (client: Client) => client.messages.filter((m) => m.type === 'entry').map((m) => m.entry as Entry)
const seqsOf = (client: Client) => entriesOf(client).map((entry) => entry.seq)
const upTo = (last: number, from = 1) => Array.from({ length: last - from + 1 }, (_, n) => n + from)

const append = (store: Awaited<ReturnType<typeof start>>['store'], count: number, size = 0) =>
  store.transact((transaction) => {
    const data = { filler: 'x'.repeat(size) }
    // What events are about is withheld from the bridge, and with it the filler.
    const topic = 'case' as 'event'
    for (let n = 0; n < count; n++)
      transaction.append({ topic, at: 1, subject: 's', transition: 'happened', actor: system, data })
  })

t.test('the feed says hello, then what was missed, then what happens', async (t) => {
  const scene = await start(t)
  append(scene.store, 5)
  const client = await scene.connect('/api/v1/live?after=2', headers)
  await client.until((messages) => messages.length >= 4, 'three missed entries')
  t.match(client.messages[0], { type: 'hello', lastSeq: 5, serverTime: '2026-11-22T00:00:00.000Z' })
  t.same(seqsOf(client), [3, 4, 5])

  const alarm = sampleAlarm()
  scene.store.transact((transaction) => transaction.putAlarm(alarm, { type: 'raised', alarm }, system, alarm.raisedAt))
  await client.until(() => seqsOf(client).includes(6), 'the alarm')
  t.match(entriesOf(client).at(-1), {
    topic: 'alarm',
    data: { alarm: { state: 'active-unacknowledged', raisedAt: '2026-03-01T00:00:00.000Z' } },
  })
  const later = await scene.connect('/api/v1/live', headers)
  await later.until((messages) => messages.length > 0, 'hello')
  append(scene.store, 1)
  await later.until((messages) => messages.length > 1, 'the next entry')
  t.same(seqsOf(later), [7], 'without a cursor only the new')
})

t.test('whoever catches up while things happen misses nothing and hears nothing twice', async (t) => {
  const scene = await start(t)
  append(scene.store, 3000)
  const clients = await Promise.all(
    [0, 700, 2999].map((after) => scene.connect(`/api/v1/live?after=${after}`, headers)),
  )
  for (let n = 0; n < 300; n++) {
    append(scene.store, 1 + (n % 3))
    await setImmediate()
  }
  const last = scene.store.lastSeq
  t.equal(last, 3600)
  for (const [n, after] of [0, 700, 2999].entries()) {
    const client = clients[n]!
    await client.until(() => seqsOf(client).at(-1) === last, `entry ${last}`)
    t.strictSame(seqsOf(client), upTo(last, after + 1), `from ${after}`)
  }
})

t.test('a viewer that stopped reading is closed, hinders nobody, and resumes where it was', async (t) => {
  const scene = await start(t, { limits: { maxUnsentBytes: 100_000 } })
  const [slow, quick] = [
    await scene.connect('/api/v1/live?after=0', headers),
    await scene.connect('/api/v1/live?after=0', headers),
  ]
  await slow.until((messages) => messages.length > 0, 'hello')
  slow.socket.pause()
  let sent = 0
  const metrics = async () => (await scene.bridge({ url: '/metrics' })).body
  while (!/slow_viewers_closed_total 1/.test(await metrics())) {
    append(scene.store, 10, 10_000)
    sent += 10
    await quick.until(() => seqsOf(quick).length === sent, 'the quick viewer')
    t.ok(sent < 5000, 'the slow viewer is closed at some time') || t.bailout('it never is')
  }
  slow.socket.resume()
  t.equal(await slow.closed, 1013)
  const seen = seqsOf(slow)
  t.strictSame(seen, upTo(seen.length), 'what it got has no gap')
  t.ok(seen.length < sent, 'and is not all')
  const again = await scene.connect(`/api/v1/live?after=${seen.length}`, headers)
  await again.until(() => seqsOf(again).at(-1) === sent, 'the rest')
  t.strictSame([...seen, ...seqsOf(again)], upTo(sent))
})

t.test('catching up a long journal goes at the pace of the viewer', async (t) => {
  const scene = await start(t, { limits: { maxUnsentBytes: 600_000 } })
  for (let n = 0; n < 40; n++) append(scene.store, 50, 10_000)
  const client = await scene.connect('/api/v1/live?after=0', headers)
  await client.until((messages) => messages.length > 10, 'the beginning')
  client.socket.pause()
  for (let n = 0; n < 50; n++) {
    append(scene.store, 1)
    await setImmediate()
  }
  client.socket.resume()
  await client.until(() => seqsOf(client).at(-1) === 2050, '20 MB of journal')
  t.strictSame(seqsOf(client), upTo(2050))
})

t.test('a cursor from another journal starts at the end of this one', async (t) => {
  const scene = await start(t)
  append(scene.store, 3)
  const client = await scene.connect('/api/v1/live?after=900', headers)
  append(scene.store, 1)
  await client.until((messages) => messages.length === 2, 'hello and one entry')
  t.match(client.messages[0], { type: 'hello', lastSeq: 3 })
  t.same(seqsOf(client), [4])
})

t.test('camera states and pings come along', async (t) => {
  const scene = await start(t, { limits: { pingMs: 50 } })
  const client = await scene.connect('/api/v1/live', headers)
  await client.until((messages) => messages.some((m) => m.type === 'ping'), 'a ping')
  scene.cameras[0]?.setState('down')
  await client.until((messages) => messages.some((m) => m.type === 'camera'), 'the camera')
  t.match(
    client.messages.find((m) => m.type === 'camera'),
    { camera: { id: 'camera-1', state: 'down', since: '1970-01-01T00:00:00.000Z' } },
  )
})

t.test('the feed ends at once with its session: logout, new password, disabled', async (t) => {
  const scene = await start(t, { limits: { pingMs: 3600_000 } })
  const admin = await scene.login('admin')
  const change = (path: string, payload?: object) =>
    admin.inject({ method: 'POST', url: `/api/v1/users/id-operator/${path}`, ...(payload ? { payload } : {}) })
  const ends = {
    logout: (operator: typeof admin) => operator.inject({ method: 'DELETE', url: '/api/v1/session' }),
    'new password': () => change('password', { password }),
    disabled: () => change('disable'),
  }
  for (const [name, end] of Object.entries(ends)) {
    const operator = await scene.login('operator')
    const client = await scene.connect('/api/v1/live', { cookie: operator.cookie })
    await client.until((messages) => messages.length > 0, 'hello')
    await end(operator)
    t.equal(await client.closed, 4401, name)
  }
})

t.test('the feed ends when its session expires, and keeps it from idling away before', async (t) => {
  const hour = 3600_000
  const scene = await start(t, { limits: { pingMs: 50, sessionIdleMs: 2 * hour, sessionLifetimeMs: 4 * hour } })
  const operator = await scene.login('operator')
  const client = await scene.connect('/api/v1/live', { cookie: operator.cookie })
  for (let n = 0; n < 3; n++) {
    scene.clock.at += hour
    const seen = client.messages.length
    await client.until((messages) => messages.length > seen + 2, 'pings')
  }
  t.equal(client.socket.readyState, client.socket.OPEN, 'an open console uses its session')
  scene.clock.at += hour
  t.equal(await client.closed, 4401)
})

t.test('a client that answers no ping is cut', async (t) => {
  const scene = await start(t, { limits: { pingMs: 20, silentMs: 100 } })
  const client = await scene.connect('/api/v1/live', { ...headers })
  client.socket.pause()
  const metrics = async () => (await scene.bridge({ url: '/metrics' })).body
  await t.resolves(eventually(async () => /websockets 0/.test(await metrics()), 'the end of it'))
})

t.test('one WebSocket too many is refused', async (t) => {
  const scene = await start(t, { limits: { maxSockets: 1 } })
  await scene.connect('/api/v1/live', headers)
  await t.rejects(scene.connect('/api/v1/live', headers), { message: /429/ })
})
