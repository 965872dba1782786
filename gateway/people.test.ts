import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import pino from 'pino'
import { Registry } from 'prom-client'
import t, { type Test } from 'tap'
import { startCaregivers } from '../simulators/caregivers/caregivers.ts'
import { createAlarms } from './alarms/alarms.ts'
import { createApi } from './api/server.ts'
import { parseSite } from './config/load.ts'
import { systemClock } from './core/clock.ts'
import type { PlayReport } from './core/ports.ts'
import type { Finding } from './core/scene.ts'
import { driverSchemas } from './drivers.ts'
import { createPeople, notificationDown } from './people.ts'
import { newId } from './storage/id.ts'
import { openStore } from './storage/store.ts'
import { until } from './testing/until.ts'

const here = fileURLToPath(import.meta.url)
const silent = pino({ level: 'silent' })

interface Setting {
  dir: string
  /** Of the simulated phones. */
  phones: string
  port?: number
  steps?: string
  quiet?: boolean
}

const siteText = ({ phones, port = 8080, steps, quiet }: Setting) => `
site: { id: garden, name: { zh: 江畔花园, en: Riverside Gardens } }
http: { publicUrl: "http://127.0.0.1:${port}" }
buildings: [{ id: b1, name: { zh: 1 号楼, en: Building 1 } }]
notifiers:
  - { id: push, name: { zh: 推送, en: Push }, driver: ntfy, options: { url: "${phones}", perMinute: 100000 } }
  - { id: hook, name: { zh: 接口, en: Hook }, driver: webhook, options: { url: "${phones}/hook", secret: { file: ${here} } } }
people:
  - { id: a, name: 护理员甲, duty: caregiver, channels: [{ notifier: push, address: a }, { notifier: hook }]${quiet ? ', quietHours: { from: "00:00", to: "24:00" }' : ''} }
  - { id: b, name: 护理员乙, duty: caregiver, channels: [{ notifier: push, address: b }] }
  - { id: desk, name: 值班台, duty: control-room, channels: [{ notifier: push, address: desk }] }
chains:
  - id: quick
    repeatSeconds: 30
    steps: ${steps ?? '[{ afterSeconds: 0, tell: [contact-1] }, { afterSeconds: 2, tell: [contact-2] }, { afterSeconds: 120, tell: [control-room], task: call-120 }]'}
escalation: { elders: quick }
elders:
  - { id: elder-301, name: 301 室长者, place: { building: b1, floor: "3", flat: "301" }, contacts: [a, b] }
`

/** The part of the gateway that tells people, on a real store; the rest of the house is not needed for it. */
function build(setting: Setting, isStarted = true) {
  const { now } = systemClock
  const config = parseSite(siteText(setting), 'site.yaml', driverSchemas)
  const store = openStore({ file: join(setting.dir, 'gridgate.db'), now })
  const spoken: string[] = []
  const people = createPeople({
    ...{ config, store, clock: systemClock, random: Math.random, logger: silent },
    linkSecret: 'kept in a file in a real gateway',
    secret: () => 'shared',
    onFinding: (finding) => void alarms.take(finding, 'channels'),
    onError: (error) => {
      throw error
    },
  })
  const alarms = createAlarms({
    ...{ store, now, escalation: people.escalation },
    announcer: {
      async announce({ clip }): Promise<PlayReport> {
        spoken.push(clip)
        return { isAccepted: true, bytesSent: 1, startedAt: now(), endedAt: now(), deviceReply: 'played' }
      },
      stop() {},
    },
    route: () => ({ speakers: ['desk'], languages: ['zh-CN'] }),
    openCase: () => undefined,
    openCaseByHand: () => {
      throw new Error('no cases here')
    },
    isSourceUp: () => true,
    onError: (error) => {
      throw error
    },
    newId: (prefix) => newId(prefix, now()),
  })
  let timer: NodeJS.Timeout | undefined
  const start = () => {
    people.escalation.resume()
    people.escalation.tick()
    timer = setInterval(() => people.escalation.tick(), 100)
  }
  if (isStarted) start()
  return {
    ...{ config, store, people, alarms, spoken, start },
    async stop() {
      clearInterval(timer)
      await people.close()
      store.close()
    },
  }
}

const sos = (n = 1, more: object = {}): Finding => ({
  type: 'raise',
  at: Date.now(),
  kind: 'elder_sos',
  place: { site: 'garden', building: 'b1', floor: '3', flat: '301' },
  source: { type: 'device', id: `button-${n}` },
  severity: 'critical',
  certainty: 1,
  person: 'elder-301',
  why: [],
  ...more,
})

async function child(): Promise<void> {
  const setting = JSON.parse(process.argv[3]!) as Setting
  const house = build(setting, false)
  const api = await createApi({
    ...{ host: '127.0.0.1', port: setting.port!, store: house.store, alarms: house.alarms, people: house.people.parts },
    ...({ cases: {}, doors: { list: () => [] }, telemetry: {}, evidence: {}, passwords: {} } as object),
    cameras: { list: () => [], onStatus: () => () => {} },
    devices: { list: () => [] },
    site: { ...house.config.site, languages: [], buildings: [], lifts: [], cameras: [], speakers: [], disposal: [] },
    passwords: { hash: async (text: string) => text, verify: async () => false },
    health: () => ({ state: 'ok', parts: [] }),
    metrics: new Registry(),
    now: systemClock.now,
    logger: silent,
  } as never)
  const { port } = await api.listen()
  // As in the whole gateway: who is told must find the page open.
  house.start()
  process.on('message', (message) => {
    if (message === 'sos') process.send!({ alarm: house.alarms.take(sos(), 'elder')!.id })
    else process.send!({ state: house.store.alarm((message as { read: string }).read) })
  })
  process.send!({ port })
}

if (process.argv[2] === 'child') await child()
else tests()

function tests(): void {
  t.setTimeout(600_000)
  t.test(
    'an SOS goes on until somebody answers, and a gateway killed in between forgets nothing',
    { timeout: 400_000 },
    async (t) => {
      const dir = t.testdir()
      const phones = await startCaregivers({ caregivers: [{ id: 'a' }, { id: 'b', answersAfterMs: 200 }] })
      t.teardown(() => phones.stop())
      const port = await freePort()
      const first = await startGateway(t, { dir, phones: phones.url, port })
      first.send('sos')
      const { alarm } = (await answerOf(first, 'alarm')) as { alarm: string }
      await until('the first caregiver has it', () => phones.received.some(({ to }) => to === 'a'))
      first.kill('SIGKILL')
      await once(first, 'exit')
      t.notOk(
        phones.received.some(({ to }) => to === 'b'),
        'the second caregiver knows nothing yet',
      )

      const second = await startGateway(t, { dir, phones: phones.url, port })
      await until('the second caregiver has answered by the link', () =>
        phones.pressed.some(({ status }) => status === 303),
      )
      second.send({ read: alarm })
      const { state } = await answerOf(second, 'state')
      t.match(state, { response: { state: 'answered', answers: [{ by: 'b', via: 'link' }] }, isAcknowledged: false })
      t.notOk((state as { response: { nextAt?: number } }).response.nextAt, 'nothing is due any more')
      const told = (state as { told: Array<{ person: string; notifier: string; state: string }> }).told
      for (const person of ['a', 'b'])
        t.ok(told.some((notice) => notice.person === person && notice.state === 'accepted'))
      second.kill('SIGKILL')
    },
  )

  t.test('who is told says so on the alarm: tried, accepted, answered, and the console is an answer too', async (t) => {
    const phones = await startCaregivers({ caregivers: [] })
    t.teardown(() => phones.stop())
    const house = build({ dir: t.testdir(), phones: phones.url })
    t.teardown(() => house.stop())
    const { id } = house.alarms.take(sos(), 'elder')!
    const current = () => house.store.alarm(id)!
    await until('receipts are written', () => current().told?.every(({ state }) => state === 'accepted') === true)
    t.match(current().told, [
      { person: 'a', notifier: 'push', triedAt: Number, acceptedAt: Number, reply: 'taken by ntfy' },
      { person: 'a', notifier: 'hook', triedAt: Number, acceptedAt: Number },
    ])
    t.match(house.people.escalation.next(current()), { round: 0, people: ['b'] }, 'and who is next')
    house.alarms.acknowledge(id, { type: 'user', id: 'guard' })
    t.equal(house.people.escalation.next(current()), undefined)
    t.match(current().response, { state: 'answered', answers: [{ by: 'guard', via: 'console' }] })
    t.match(
      house.store.journal({ after: 0, limit: 10 }).map(({ transition }) => transition),
      ['raised', 'receipts'],
    )
  })

  t.test('quiet hours hold back what can wait, never what is critical', async (t) => {
    const phones = await startCaregivers({ caregivers: [] })
    t.teardown(() => phones.stop())
    const house = build({ dir: t.testdir(), phones: phones.url, quiet: true })
    t.teardown(() => house.stop())
    const low = house.alarms.take(sos(1, { severity: 'medium', kind: 'elder_vitals' }), 'elder')!
    t.same(
      house.store.alarm(low.id)?.told?.map(({ state }) => state),
      ['quiet', 'quiet'],
    )
    house.alarms.take(sos(2), 'elder')
    await until('the SOS got through', () => phones.received.some(({ to }) => to === 'a'))
    t.notMatch(JSON.stringify(phones.received.filter(({ to }) => to === 'a')), /生命体征/)
  })

  t.test('a channel that is down is an alarm on the console and is spoken; it clears when it is back', async (t) => {
    const phones = await startCaregivers({ caregivers: [] })
    const house = build({ dir: t.testdir(), phones: phones.url })
    t.teardown(() => house.stop())
    await phones.stop()
    const { id } = house.alarms.take(sos(), 'elder')!
    const down = () => house.store.alarms({ kind: notificationDown, isActive: true }).items
    await until('every channel is an alarm', () => down().length === 2)
    t.same(
      down()
        .map(({ source }) => source.id)
        .sort(),
      ['hook', 'push'],
    )
    t.ok(
      down().some(({ severity }) => severity === 'critical'),
      'none is left',
    )
    for (const { why, source } of down())
      t.match(
        why,
        [
          { key: /^(every-)?channel-down$/, channel: source.id },
          { key: 'no-answer', by: new URL(phones.url).host },
          { key: 'check-way' },
        ],
        'it says why, and what can be done',
      )
    t.ok(house.spoken.includes('notification-down'))
    t.equal(house.store.alarm(id)?.response?.state, 'calling')
    const back = await startCaregivers({ caregivers: [], port: Number(new URL(phones.url).port) })
    t.teardown(() => back.stop())
    await until('both are back', () => down().length === 0)
    t.ok(
      back.received.some(({ title }) => /紧急/.test(title)),
      'and the SOS was not forgotten',
    )
  })

  t.test('of a thousand alarms at once somebody is told of each, once', async (t) => {
    const phones = await startCaregivers({ caregivers: [] })
    t.teardown(() => phones.stop())
    const house = build({
      dir: t.testdir(),
      phones: phones.url,
      steps: '[{ afterSeconds: 0, tell: [contact-1], channels: [ntfy] }]',
    })
    t.teardown(() => house.stop())
    const ids: string[] = []
    for (let n = 0; n < 1000; n++) {
      ids.push(house.alarms.take(sos(n), 'elder')!.id)
      await new Promise((resolve) => setImmediate(resolve))
    }
    const noticeOf = (id: string) => house.store.alarm(id)?.told?.[0]
    await until('every message is out', () => ids.every((id) => noticeOf(id)?.state === 'accepted'), 300_000, 500)
    const delays = ids.map((id) => noticeOf(id)!.triedAt! - house.store.alarm(id)!.decidedAt!)
    delays.sort((x, y) => x - y)
    t.comment(`alarm to first attempt: p50 ${delays[500]!.toFixed(1)} ms, p99 ${delays[990]!.toFixed(1)} ms`)
    t.ok(
      ids.every((id) => house.store.alarm(id)!.told!.length === 1),
      'once each',
    )
  })
}

async function startGateway(t: Test, setting: Setting): Promise<ChildProcess> {
  const gateway = spawn(process.execPath, [...process.execArgv, here, 'child', JSON.stringify(setting)], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  t.teardown(() => gateway.kill('SIGKILL'))
  await answerOf(gateway, 'port')
  return gateway
}

/** The next message with this field; the test runner in the child sends messages of its own. */
async function answerOf(gateway: ChildProcess, field: string): Promise<Record<string, unknown>> {
  for (;;) {
    const [message] = (await once(gateway, 'message')) as [Record<string, unknown>]
    if (field in message) return message
  }
}

async function freePort(): Promise<number> {
  const { createServer } = await import('node:net')
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}
