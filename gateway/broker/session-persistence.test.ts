import { once } from 'node:events'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import pino from 'pino'
import t from 'tap'
import { FairEmitter } from './emitter.ts'
import { defaultLimits } from './limits.ts'
import { nodeTestOn } from './node-test-context.ts'
import type { SessionPacket } from './session-backlog.ts'
import { SessionPersistence, type SessionPersistenceOptions } from './session-persistence.ts'

const require = createRequire(import.meta.url)
const logger = pino({ enabled: false })
const limits = defaultLimits.session
const base = { file: ':memory:', limits, alarmTopics: ['alarm/#'], logger, now: Date.now }

async function open(t: Tap, options: Partial<SessionPersistenceOptions> = {}, brokerId = 'broker') {
  const sessions = new SessionPersistence({ ...base, ...options })
  await sessions.setup({ id: brokerId })
  t.teardown(() => sessions.destroy().catch(() => {}))
  return sessions
}

type Tap = Parameters<typeof nodeTestOn>[0]

let counter = 0
function message(topic: string, payload: string, extra: Partial<SessionPacket> = {}): SessionPacket {
  const name = { brokerId: 'broker', brokerCounter: ++counter }
  return { cmd: 'publish', topic, payload: Buffer.from(payload), qos: 1, retain: false, ...name, ...extra }
}

async function waiting(sessions: SessionPersistence, id: string): Promise<string[]> {
  const payloads: string[] = []
  for await (const packet of sessions.outgoingStream({ id })) payloads.push(String(packet.payload ?? packet.cmd))
  return payloads
}

t.test('the sessions keep the contract of aedes-persistence', async (t) => {
  const suite = nodeTestOn(t)
  require('aedes-persistence/abstract.js')({
    test: suite.test,
    persistence: () => new SessionPersistence(base),
    buildEmitter: () => new FairEmitter(),
    testAsync: true,
  })
  await suite.done()
})

t.test('everything a broker owes its clients is there again after a restart', async (t) => {
  const file = join(t.testdir(), 'sessions.db')
  const gateway = { id: 'gateway' }
  const before = await open(t, { file }, 'broker-1')
  before.touch('gateway')
  await before.addSubscriptions(gateway, [{ topic: 'site/#', qos: 1 }])
  await before.outgoingEnqueue({ clientId: 'gateway' }, message('site/a', 'waiting'))
  await before.outgoingEnqueue({ clientId: 'gateway' }, message('site/b', 'received', { qos: 2, brokerCounter: 77 }))
  await before.outgoingUpdate(gateway, message('site/b', 'received', { qos: 2, brokerCounter: 77, messageId: 9 }))
  await before.outgoingUpdate(gateway, { ...message('', ''), cmd: 'pubrel', brokerCounter: 0, messageId: 9 })
  await before.storeRetained(message('site/status', 'online', { retain: true }))
  await before.putWill(gateway, message('site/status', 'offline'))
  await before.incomingStorePacket({ id: 'device' }, message('site/c', 'twice', { qos: 2, messageId: 5 }))
  await before.destroy()

  const after = await open(t, { file }, 'broker-2')
  t.match(await after.subscriptionsByTopic('site/x'), [{ clientId: 'gateway', topic: 'site/#', qos: 1 }])
  t.same(await waiting(after, 'gateway'), ['waiting', 'pubrel'])
  const [retained] = await after.createRetainedStream('#').toArray()
  t.match(retained, { topic: 'site/status', retain: true })
  t.equal(retained.payload.toString(), 'online')
  const [will] = await after.streamWill({ 'broker-2': Date.now() }).toArray()
  t.match(will, { clientId: 'gateway', brokerId: 'broker-1', topic: 'site/status' })
  await t.resolves(after.incomingGetPacket({ id: 'device' }, message('', '', { messageId: 5 })))
  await after.outgoingClearMessageId(gateway, message('', '', { messageId: 9 }))
  t.same(await waiting(after, 'gateway'), ['waiting'])
})

t.test('a client that is away keeps its newest messages and all its alarms', async (t) => {
  const sessions = await open(t, { limits: { ...limits, messages: 3 } })
  const subscription = { clientId: 'gateway' }
  await sessions.outgoingEnqueue(subscription, message('alarm/sos', 'sos'))
  for (const n of [1, 2, 3, 4, 5]) await sessions.outgoingEnqueue(subscription, message('telemetry', `t${n}`))
  await sessions.outgoingEnqueue(subscription, message('alarm/fall', 'fall'))
  t.same(await waiting(sessions, 'gateway'), ['sos', 'fall', 't3', 't4', 't5'])
  t.match(sessions.metrics(), { droppedFull: 2, droppedAlarms: 0, queuedMessages: 5 })
})

t.test('a few large messages fill a queue as well as many small ones', async (t) => {
  const sessions = await open(t, { limits: { ...limits, bytes: 3000 } })
  const subscription = { clientId: 'gateway' }
  for (const n of [1, 2, 3, 4]) await sessions.outgoingEnqueue(subscription, message('telemetry', `${n}`.repeat(1000)))
  t.same(
    (await waiting(sessions, 'gateway')).map((payload) => payload[0]),
    ['3', '4'],
  )
})

t.test('messages past their age are dropped, alarms are not', async (t) => {
  let now = 1_000_000
  const sessions = await open(t, { now: () => now, limits: { ...limits, ageMs: 60_000 } })
  const subscription = { clientId: 'gateway' }
  await sessions.outgoingEnqueue(subscription, message('alarm/sos', 'sos'))
  await sessions.outgoingEnqueue(subscription, message('telemetry', 'old'))
  now += 50_000
  await sessions.outgoingEnqueue(subscription, message('telemetry', 'new'))
  now += 20_000
  await sessions.sweep(() => false)
  t.same(await waiting(sessions, 'gateway'), ['sos', 'new'])
  t.equal(sessions.metrics().droppedExpired, 1)
})

t.test('a store full of alarms drops the oldest of the fullest client and says so loudly', async (t) => {
  const lines: string[] = []
  const loud = pino({}, { write: (line: string) => void lines.push(line) })
  const sessions = await open(t, { logger: loud, limits: { ...limits, storeBytes: 2500 } })
  await sessions.outgoingEnqueue({ clientId: 'gateway' }, message('telemetry', 'first to go'))
  await sessions.outgoingEnqueue({ clientId: 'gateway' }, message('alarm/sos', 'kept'))
  for (let n = 0; n < 12; n++) await sessions.outgoingEnqueue({ clientId: 'gone' }, message('alarm/sos', `alarm ${n}`))
  t.same(await waiting(sessions, 'gateway'), ['kept'])
  t.equal(sessions.metrics().droppedFull, 1)
  t.ok(sessions.metrics().droppedAlarms > 0)
  t.equal(lines.filter((line) => JSON.parse(line).level === 60).length, 1, 'one fatal line a minute')
})

t.test('a client that has been away for too long loses its session, one that is there does not', async (t) => {
  let now = 1_000_000
  const sessions = await open(t, { now: () => now, limits: { ...limits, expiryMs: 60_000 } })
  for (const id of ['here', 'away']) {
    sessions.touch(id)
    await sessions.addSubscriptions({ id }, [{ topic: 'x', qos: 1 }])
    await sessions.outgoingEnqueue({ clientId: id }, message('x', 'for you'))
  }
  now += 61_000
  await sessions.sweep((id) => id === 'here')
  t.same(await waiting(sessions, 'here'), ['for you'])
  t.same(await waiting(sessions, 'away'), [])
  t.match(await sessions.subscriptionsByTopic('x'), [{ clientId: 'here' }])
  t.match(sessions.metrics(), { sessions: 1, expiredSessions: 1 })
})

t.test('a client that starts afresh finds nothing of its earlier session', async (t) => {
  const sessions = await open(t)
  await sessions.addSubscriptions({ id: 'phone' }, [{ topic: 'x', qos: 1 }])
  await sessions.outgoingEnqueue({ clientId: 'phone' }, message('x', 'stale'))
  await sessions.cleanSubscriptions({ id: 'phone' })
  t.same(await waiting(sessions, 'phone'), [])
  t.same(await sessions.subscriptionsByClient({ id: 'phone' }), [])
  t.equal(sessions.metrics().queuedBytes, 0)
})

t.test('subscriptions that overlap are one message', async (t) => {
  const sessions = await open(t)
  await sessions.outgoingEnqueueCombi([{ clientId: 'gateway' }, { clientId: 'gateway' }], message('x', 'once'))
  t.same(await waiting(sessions, 'gateway'), ['once'])
})

t.test('a subscription that is not allowed is not kept, even beside one that is', async (t) => {
  const sessions = await open(t, { admits: (_client, filter) => filter !== '#' })
  await sessions.addSubscriptions({ id: 'device' }, [
    { topic: 'own/down', qos: 1 },
    { topic: '#', qos: 1 },
  ])
  t.match(await sessions.subscriptionsByClient({ id: 'device' }), [{ topic: 'own/down' }])
  t.same(await sessions.subscriptionsByTopic('anything'), [])
})

t.test('what comes in while a client is given its backlog waits its turn, but an alarm goes first', async (t) => {
  const sessions = await open(t)
  const client = { id: 'gateway', conn: {} }
  const subscription = { clientId: 'gateway' }
  for (const n of [1, 2, 3]) await sessions.outgoingEnqueue(subscription, message('telemetry', `t${n}`))
  sessions.backlog.hold(client)
  const sent: string[] = []
  let id = 0
  for await (const packet of sessions.outgoingStream(client)) {
    sent.push(packet.payload.toString())
    if (sent.length === 1) {
      const live = message('telemetry', 't4')
      await sessions.outgoingEnqueue(subscription, live)
      t.ok(sessions.backlog.holds(client, live), 'a live message is held back')
      await sessions.outgoingEnqueue(subscription, message('alarm/sos', 'sos'))
    }
    await sessions.outgoingUpdate(client, { ...packet, messageId: ++id })
  }
  // One message is always read ahead by the stream.
  t.same(sent, ['t1', 't2', 'sos', 't3', 't4'])
  const later = message('telemetry', 't5')
  await sessions.outgoingEnqueue(subscription, later)
  t.notOk(sessions.backlog.holds(client, later), 'afterwards live messages flow')
})

t.test('a repeated message is marked as one and never shares its packet id', async (t) => {
  const sessions = await open(t)
  await sessions.outgoingEnqueue({ clientId: 'gateway' }, message('x', 'again'))
  const first = { id: 'gateway', conn: {} }
  for await (const packet of sessions.outgoingStream(first)) {
    t.equal(packet.dup, false)
    await sessions.outgoingUpdate(first, { ...packet, messageId: 7 })
  }
  const second = { id: 'gateway', conn: {} }
  for await (const packet of sessions.outgoingStream(second)) {
    t.match(packet, { dup: true, messageId: 7 })
    await sessions.outgoingUpdate(second, packet)
  }
  const live = message('x', 'new', { messageId: 7 })
  await sessions.outgoingEnqueue({ clientId: 'gateway' }, live)
  await sessions.outgoingUpdate(second, live)
  t.not(live.messageId, 7)
  await sessions.outgoingClearMessageId(second, message('', '', { messageId: 7 }))
  t.same(await waiting(sessions, 'gateway'), ['new'])
})

t.test('many messages stored at once are one transaction', async (t) => {
  const sessions = await open(t)
  const before = sessions.metrics().commits
  await Promise.all(
    Array.from({ length: 500 }, (_, n) => sessions.outgoingEnqueue({ clientId: 'gateway' }, message('x', `${n}`))),
  )
  t.equal(sessions.metrics().commits - before, 1)
  t.equal(sessions.metrics().queuedMessages, 500)
})

t.test('when the disk refuses, messages still pass, and what was refused is stored once it can be', async (t) => {
  const sessions = await open(t, { file: join(t.testdir(), 'sessions.db') })
  const { db } = sessions.database
  const pages = db.prepare('PRAGMA page_count').get() as { page_count: number }
  db.exec(`PRAGMA max_page_count = ${pages.page_count}`)
  await t.resolves(sessions.outgoingEnqueue({ clientId: 'gateway' }, message('alarm/sos', 'x'.repeat(20_000))))
  t.equal(sessions.database.failing, true, 'the sender is not acknowledged')
  db.exec('PRAGMA max_page_count = 100000')
  sessions.database.flush()
  t.equal(sessions.database.failing, false)
  t.equal((await waiting(sessions, 'gateway')).length, 1)
})

t.test('a retained message outlives its publisher, and an empty one removes it', async (t) => {
  const sessions = await open(t, { limits: { ...limits, retained: 1 } })
  await sessions.storeRetained(message('a', 'kept', { retain: true }))
  await sessions.storeRetained(message('b', 'one too many', { retain: true }))
  t.equal((await sessions.createRetainedStream('#').toArray()).length, 1)
  t.equal(sessions.metrics().retainedRefused, 1)
  await sessions.storeRetained(message('a', '', { retain: true }))
  t.equal((await sessions.createRetainedStream('#').toArray()).length, 0)
})

t.test('a directory that cannot be written is named with its cure', async (t) => {
  const occupied = join(t.testdir({ occupied: 'a file where a directory is wanted' }), 'occupied')
  t.throws(() => new SessionPersistence({ ...base, file: join(occupied, 'sessions.db') }), {
    name: 'StartError',
    message: /occupied/,
    hint: /directory/,
  })
})

t.test('a stream abandoned half-way leaves nothing held', async (t) => {
  const sessions = await open(t)
  const client = { id: 'gateway', conn: {} }
  for (const n of [1, 2]) await sessions.outgoingEnqueue({ clientId: 'gateway' }, message('x', `${n}`))
  const stream = sessions.outgoingStream(client)
  await once(stream, 'readable')
  stream.destroy()
  await once(stream, 'close')
  const live = message('x', 'live')
  await sessions.outgoingEnqueue({ clientId: 'gateway' }, live)
  t.notOk(sessions.backlog.holds(client, live))
})
