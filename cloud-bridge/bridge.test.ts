import { createHash } from 'node:crypto'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { type Clock, systemClock } from '../gateway/core/clock.ts'
import type { BehaviourChange } from '../simulators/grid-platform/behaviour.ts'
import { createGridPlatform } from '../simulators/grid-platform/platform.ts'
import { createBridge } from './app.ts'
import type { BridgeConfigInput } from './config.ts'
import { openDatabase } from './database.ts'
import { createInbox } from './inbox.ts'
import { createOutbox } from './outbox.ts'
import { createGatewayPeer } from './testing/gateway-peer.ts'

const secret = 'a-secret-of-the-demo-site'
const quick = { file: 5, dispatch: 5, accept: 5, handle: 5, verify: 5, close: 5 }
const deadlineMs = 30_000

/** Polls until it holds: what is waited for happens in other loops, over real sockets. */
async function until(what: string, holds: () => unknown): Promise<void> {
  const end = Date.now() + deadlineMs
  while (!holds()) {
    if (Date.now() > end) throw new Error(`never happened: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

interface SettingOptions {
  behaviour?: BehaviourChange
  config?: Partial<BridgeConfigInput>
  /** Bends the events of a polled page before the bridge reads them; returns what takes the page's place. */
  bend?(page: { events: object[]; cursor: string; hasMore: boolean }): object
  clock?: Clock
  fetch?: typeof fetch
}

/** A fetch whose answers to polls are bent. */
const bending =
  (bend: NonNullable<SettingOptions['bend']>): typeof fetch =>
  async (url, init) => {
    const response = await fetch(url, init)
    if (!String(url).includes('/cases/events?') || !response.ok) return response
    return Response.json(bend((await response.json()) as never), { status: response.status })
  }

async function setting(t: Test, options: SettingOptions = {}) {
  const dir = t.testdir()
  const gateway = await createGatewayPeer('demo')
  t.teardown(() => gateway.close())
  const platform = await createGridPlatform({
    port: 0,
    dataDir: join(dir, 'platform'),
    secrets: { demo: { secret, site: 'demo' } },
    behaviour: { delaysMs: quick, ...options.behaviour },
  })
  t.teardown(() => platform.stop())
  const config: BridgeConfigInput = {
    site: 'demo',
    dataDir: join(dir, 'bridge'),
    gateway: { url: gateway.url, token: gateway.token },
    upstreams: [
      {
        name: 'street',
        kind: 'grid-rest',
        url: platform.url,
        keyId: 'demo',
        secret,
        pollMs: 50,
        webhook: { port: 0 },
      },
    ],
    retry: { minMs: 10, maxMs: 100 },
    journalWaitMs: 1000,
    ...options.config,
  }
  const world = {
    ...(options.bend ? { fetch: bending(options.bend) } : {}),
    ...(options.fetch ? { fetch: options.fetch } : {}),
    ...(options.clock ? { clock: options.clock } : {}),
  }
  let bridge = await createBridge({ config, ...world })
  t.teardown(() => bridge.stop())
  return {
    gateway,
    platform,
    config,
    bridge: () => bridge,
    async start(more: Partial<BridgeConfigInput> = {}) {
      await bridge.stop()
      bridge = await createBridge({ config: { ...config, ...more }, ...world })
      await bridge.start()
      return bridge
    },
  }
}

t.test('a case goes up, is filed, dispatched, handled by the property, verified and closed', async (t) => {
  const { gateway, platform, start } = await setting(t)
  await start()
  const picture = new TextEncoder().encode('a picture')
  const { id, alarmIds } = gateway.report()
  gateway.addEvidence(alarmIds[0]!, 'snapshot', picture)
  await until('the dispatch comes back', () => gateway.case(id).state === 'dispatched')
  t.match(gateway.case(id), { upstream: 'street', upstreamRef: /^WG-/ }, 'the case carries the number of the platform')
  gateway.step(id, { to: 'accepted', role: 'unit' })
  gateway.step(id, { to: 'handling', role: 'unit' })
  gateway.step(id, { to: 'handled', role: 'unit', note: '已劝离' })
  gateway.addEvidence(alarmIds[0]!, 'clip', new TextEncoder().encode('a clip'))
  await until('the platform closes it', () => gateway.case(id).state === 'closed')
  const ref = gateway.case(id).upstreamRef!
  await until('the clip arrives', () => platform.evidence(ref).length === 2)
  t.equal(platform.evidence(ref)[0]?.sha256, createHash('sha256').update(picture).digest('hex'))
  const steps = platform.ledger().cases[0]!.history.map(({ origin, to }) => `${origin} ${to}`)
  t.same(steps, [
    'site reported',
    'platform filed',
    'platform dispatched',
    'site accepted',
    'site handling',
    'site handled',
    'platform verified',
    'platform closed',
  ])
  t.match(platform.ledger().cases[0]!.report.matter, {
    SXDM: '31010410999',
    SZDYWGBSM: '310104001001001',
    SFWZ: 'b1 l1',
  })
  t.same(platform.sequence('demo')[0]?.missing, [], 'nothing is missing')
})

t.test('a case of the property stays at home; lifted, its whole history goes up in order', async (t) => {
  const { gateway, platform, start, bridge } = await setting(t, { behaviour: { mode: 'manual' } })
  await start()
  const { id } = gateway.report({ level: 'P' })
  gateway.step(id, { to: 'filed', role: 'issuer' })
  gateway.step(id, { to: 'dispatched', role: 'issuer', unit: '保安' })
  gateway.step(id, { to: 'accepted', role: 'unit' })
  await until('the bridge has read it', () => bridge().status().held === 4)
  t.equal(platform.ledger().cases.length, 0)
  gateway.lift(id)
  await until('all of it arrived', () => platform.ledger().cases[0]?.history.length === 5)
  t.same(
    platform.ledger().cases[0]!.history.map(({ to, isApplied }) => `${to} ${isApplied}`),
    ['reported true', 'filed false', 'dispatched false', 'accepted false', 'reported false'],
    'what happened before is history, not an order of the platform',
  )
  t.equal(bridge().status().held, 0)
})

t.test('what the bridge wrote into a case is not told to the platform again', async (t) => {
  const { gateway, platform, start } = await setting(t, { behaviour: { dispatchTo: 'street' } })
  await start()
  const { id } = gateway.report()
  await until('the street handled and closed it', () => gateway.case(id).state === 'closed')
  const { history } = platform.ledger().cases[0]!
  t.same(
    history.filter(({ origin }) => origin === 'site').map(({ to }) => to),
    ['reported'],
  )
  const handled = gateway.case(id).history.find(({ to }) => to === 'handled')
  t.match(handled, { role: 'unit', actor: { type: 'bridge', organisation: '街道城管执法中队' } })
})

t.test('an answer that got lost is asked for again and applied once', async (t) => {
  const { gateway, platform, start } = await setting(t, { behaviour: { mode: 'manual', loseAnswerShare: 1 } })
  await start()
  gateway.report()
  await until('it was sent more than once', () => (platform.ledger().deliveries[0]?.received ?? 0) > 1)
  platform.behave({ loseAnswerShare: 0 })
  await until('the number came back', () => gateway.cases()[0]?.upstreamRef)
  t.equal(platform.ledger().cases.length, 1)
})

t.test('a platform that is away, slow, overloaded or broken gets everything later', async (t) => {
  const { gateway, platform, start, bridge } = await setting(t, {
    behaviour: { mode: 'manual' },
    config: { requestTimeoutMs: 300 },
  })
  await start()
  const faults: Array<[BehaviourChange, BehaviourChange]> = [
    [{ isAway: true }, { isAway: false }],
    [{ answerDelayMs: 2000 }, { answerDelayMs: 0 }],
    [{ fault: { status: 500, share: 1 } }, { fault: { status: 500, share: 0 } }],
    [{ fault: { status: 429, share: 1, retryAfterSeconds: 1 } }, { fault: { status: 429, share: 0 } }],
  ]
  let expected = 0
  for (const [fault, cure] of faults) {
    await until('all is well', () => bridge().status().upstreams[0]?.state === 'up')
    platform.behave(fault)
    gateway.report()
    expected += 1
    await until('the bridge says so', () => bridge().status().upstreams[0]?.state === 'down')
    t.ok(bridge().status().isDegraded, JSON.stringify(fault))
    t.equal(bridge().status().upstreams[0]?.outbox.parked, 0, 'nothing is parked for that')
    platform.behave(cure)
    await until('it arrives', () => platform.ledger().cases.length === expected)
  }
})

t.test('a platform whose clock is far away is understood', async (t) => {
  const { gateway, platform, start } = await setting(t, { behaviour: { clockOffsetMs: 3 * 3600_000 } })
  await start()
  const { id } = gateway.report()
  await until('the dispatch comes back', () => gateway.case(id).state === 'dispatched')
  t.ok(
    gateway.case(id).history.every(({ at }) => at <= Date.now() + 1000),
    'nothing happened in the future',
  )
  t.equal(platform.ledger().cases.length, 1)
})

t.test('a matter the platform cannot read is parked, holds up no other case, and goes when sent again', async (t) => {
  const { gateway, platform, start, bridge } = await setting(t, {
    behaviour: { mode: 'manual', refuseTypes: ['wire_charging'] },
  })
  await start()
  const refused = gateway.report({ type: 'wire_charging', severity: 'critical' })
  const other = gateway.report()
  await until('the other is there', () => gateway.case(other.id).upstreamRef)
  await until('the refused one is parked', () => bridge().parked().length === 1)
  t.match(bridge().parked()[0], { caseId: refused.id, kind: 'open', lastError: /422 invalid.*wire_charging/ })
  t.same(platform.sequence('demo')[0]?.missing, [[1, 1]], 'the platform sees the gap')
  platform.behave({ refuseTypes: [] })
  const database = openDatabase(join(t.testdirName, 'bridge'))
  createOutbox(database).resend(bridge().parked()[0]!.id)
  database.close()
  await until('it is there now', () => gateway.case(refused.id).upstreamRef)
  t.same(platform.sequence('demo')[0]?.missing, [])
})

t.test('a gateway that is away or turns the bridge away is waited for', async (t) => {
  const { gateway, start, bridge } = await setting(t)
  gateway.mode = 'away'
  await start()
  const { id } = gateway.report()
  await until('the bridge says so', () => bridge().status().gateway.state === 'down')
  gateway.mode = 401
  await until('the reason names the token', () => /token/.test(bridge().status().gateway.reason ?? ''))
  gateway.mode = 'well'
  await until('the case went up and came back', () => gateway.case(id).state === 'dispatched')
  gateway.mode = 503
  gateway.step(id, { to: 'accepted', role: 'unit' })
  gateway.mode = 'lossy'
  gateway.step(id, { to: 'handling', role: 'unit' })
  gateway.step(id, { to: 'handled', role: 'unit', note: 'n' })
  await until('answers were lost', () => gateway.calls.repeated > 0)
  gateway.mode = 'well'
  await until('closed', () => gateway.case(id).state === 'closed')
  t.equal(gateway.case(id).history.filter(({ to }) => to === 'verified').length, 1, 'nothing was applied twice')
})

t.test('a status the gateway refuses is recorded, shown and not repeated', async (t) => {
  const { gateway, platform, start, bridge } = await setting(t, { behaviour: { mode: 'manual' } })
  await start()
  const { id } = gateway.report()
  await until('it is up', () => gateway.case(id).upstreamRef)
  gateway.step(id, { to: 'filed', role: 'issuer' })
  const ref = gateway.case(id).upstreamRef!
  platform.take(ref, { to: 'filed' })
  await until('refused', () => bridge().status().inbox.refused === 1)
  t.ok(bridge().status().isDegraded, 'somebody should look at it today')
  platform.take(ref, { to: 'dispatched' })
  await until('the next one is applied', () => gateway.case(id).state === 'dispatched')
  t.equal(gateway.calls.refused, 1)
})

t.test('a platform does not move the cases of another, nor under another number', async (t) => {
  const { gateway, platform, start, bridge, config } = await setting(t, {
    behaviour: { mode: 'manual' },
    bend: (page) => ({
      ...page,
      events: page.events.map((event) =>
        'to' in event && event.to === 'rejected' ? { ...event, ref: 'WG-0' } : event,
      ),
    }),
  })
  const [{ webhook: _, ...street }] = config.upstreams as [NonNullable<BridgeConfigInput['upstreams']>[number]]
  await start({ upstreams: [street, { ...street, name: 'district' }] })
  const { id } = gateway.report()
  await until('it is up', () => gateway.case(id).upstreamRef)
  const ref = gateway.case(id).upstreamRef!
  platform.take(ref, { to: 'filed' })
  await until('one of them has filed it', () => gateway.case(id).state === 'filed')
  await until('and the other was refused', () => bridge().status().inbox.refused === 1)
  t.match(gateway.case(id).history.at(-1)?.idempotencyKey, /^street:/)
  t.match(bridge().refusals(), [{ upstream: 'district', lastError: /reported to street, not to district/ }])
  t.equal(gateway.calls.applied, 1, 'the gateway was not even asked')

  const other = gateway.report()
  await until('it is up', () => gateway.case(other.id).upstreamRef)
  platform.take(gateway.case(other.id).upstreamRef!, { to: 'rejected', reason: '重复' })
  await until('refused to both', () => bridge().status().inbox.refused === 3)
  t.equal(gateway.case(other.id).state, 'reported')
})

t.test('a platform that gives no reason and no name is believed all the same', async (t) => {
  const { gateway, platform, start } = await setting(t, { behaviour: { mode: 'manual' } })
  await start()
  const { id } = gateway.report()
  await until('it is up', () => gateway.case(id).upstreamRef)
  platform.take(gateway.case(id).upstreamRef!, { to: 'rejected', actorName: '', organisation: '' })
  await until('rejected', () => gateway.case(id).state === 'rejected')
  t.match(gateway.case(id).history.at(-1), { reason: /not given by the platform/ })
})

t.test('a platform that writes a time that never was is believed all the same, with the time of receipt', async (t) => {
  const never = ['2026-13-45T25:61:61Z', '0001-01-01T00:00:00Z']
  const { gateway, platform, start } = await setting(t, {
    behaviour: { mode: 'manual' },
    bend: (page) => ({
      ...page,
      events: page.events.map((event, n) => ({ ...event, at: never[n], respondBy: never[n] })),
    }),
  })
  const startedAt = Date.now()
  await start()
  const { id } = gateway.report()
  await until('it is up', () => gateway.case(id).upstreamRef)
  platform.take(gateway.case(id).upstreamRef!, { to: 'filed' })
  platform.take(gateway.case(id).upstreamRef!, { to: 'dispatched', note: '请处置' })
  await until('both are told', () => gateway.case(id).state === 'dispatched')
  const [, filed, dispatched] = gateway.case(id).history
  for (const step of [filed!, dispatched!]) {
    t.ok(step.at >= startedAt - 1 && step.at <= Date.now(), new Date(step.at).toISOString())
    t.match(step.note, /the time of receipt/)
    t.equal(step.respondBy, undefined)
  }
  t.match(dispatched?.note, /^请处置/)
  t.equal(gateway.calls.refused, 0)
})

t.test('an event nobody can read is kept for a person and holds up no other', async (t) => {
  const { gateway, platform, start, bridge } = await setting(t, {
    behaviour: { mode: 'manual' },
    bend: (page) => ({
      ...page,
      events: page.events.flatMap((event) =>
        'to' in event && event.to === 'filed'
          ? [{ ...event, id: 'odd', caseSeq: 9, to: 'pondered' }, 7, event]
          : [event],
      ),
    }),
  })
  await start()
  const { id } = gateway.report()
  await until('it is up', () => gateway.case(id).upstreamRef)
  platform.take(gateway.case(id).upstreamRef!, { to: 'filed' })
  platform.take(gateway.case(id).upstreamRef!, { to: 'dispatched' })
  await until('what can be read is told', () => gateway.case(id).state === 'dispatched')
  await until('the unreadable are on the list', () => bridge().status().inbox.refused === 2)
  const database = openDatabase(join(t.testdirName, 'bridge'))
  t.teardown(() => database.close())
  const [second, first] = createInbox(database).refusals(10)
  t.match(first, { eventId: 'odd', caseId: id, body: { to: 'pondered' }, lastError: /\/to/ })
  t.match(second, { eventId: /^unreadable-/, caseId: '', body: 7 })
})

t.test('webhook and polling bring the same events, each applied once', async (t) => {
  const { gateway, platform, start, bridge } = await setting(t)
  await start()
  platform.setWebhook('demo', `http://127.0.0.1:${bridge().ports().webhooks.street}/webhook`)
  const ids = Array.from({ length: 5 }, () => gateway.report().id)
  await until('all are dispatched', () => ids.every((id) => gateway.case(id).state === 'dispatched'))
  t.same(gateway.calls, { links: 5, applied: 10, repeated: 0, refused: 0 })
})

t.test('with polling slow, the webhook alone is enough', async (t) => {
  const { gateway, platform, config, start } = await setting(t)
  const bridge = await start({ upstreams: [{ ...config.upstreams![0]!, pollMs: 3600_000 }] })
  platform.setWebhook('demo', `http://127.0.0.1:${bridge.ports().webhooks.street}/webhook`)
  const { id } = gateway.report()
  await until('the dispatch is there', () => gateway.case(id).state === 'dispatched')
  t.same(gateway.calls, { links: 1, applied: 2, repeated: 0, refused: 0 })
})

t.test('after a restart it goes on where it was', async (t) => {
  const { gateway, platform, start, bridge } = await setting(t, { behaviour: { mode: 'manual', isAway: true } })
  await start()
  const { id } = gateway.report()
  await until('it waits', () => bridge().status().upstreams[0]?.outbox.waiting === 1)
  await bridge().stop()
  platform.behave({ isAway: false })
  gateway.report()
  await start()
  await until('both are up', () => gateway.cases().every(({ upstreamRef }) => upstreamRef))
  await until('the journal is read to its end', () => bridge().status().gateway.cursor === gateway.journal().length)
  t.equal(platform.ledger().cases.filter(({ caseId }) => caseId === id).length, 1)
})

t.test(
  'a bridge that comes up years ahead forgets no case, and goes on at once when its clock is set right',
  async (t) => {
    const aheadMs = 10 * 365 * 24 * 3600_000
    let shiftMs = 0
    const clock: Clock = { now: () => Date.now() + shiftMs, sleep: systemClock.sleep }
    const { gateway, platform, start, bridge } = await setting(t, { behaviour: { mode: 'manual' }, clock })
    await start()
    const { id } = gateway.report()
    await until('it is up', () => gateway.case(id).upstreamRef)
    platform.take(gateway.case(id).upstreamRef!, { to: 'rejected', reason: '重复' })
    await until('it has ended', () => gateway.case(id).state === 'rejected')
    await until('the bridge knows', () => bridge().status().gateway.cursor === gateway.journal().length)
    shiftMs = aheadMs
    await start()
    platform.behave({ isAway: true })
    const fresh = gateway.report()
    await until('it was tried', () => bridge().status().upstreams[0]?.state === 'down')
    t.equal(bridge().status().upstreams[0]?.outbox.delivered, 1, 'the ended case is still known')
    shiftMs = 0
    platform.behave({ isAway: false })
    await until('the fresh one is up', () => gateway.case(fresh.id).upstreamRef)
  },
)

t.test('a bridge that lost its outbox says everything again and the platform recognises it', async (t) => {
  const { gateway, platform, start } = await setting(t)
  await start()
  const { id } = gateway.report()
  await until('dispatched', () => gateway.case(id).state === 'dispatched')
  const again = await start({ dataDir: join(t.testdirName, 'new-disk') })
  await until('it has read everything', () => again.status().gateway.cursor === gateway.journal().length)
  await until('it was recognised', () => platform.ledger().deliveries[0]?.received === 2)
  t.equal(platform.ledger().cases.length, 1)
  t.equal(platform.sequence('demo').length, 2, 'the platform sees that a new sequence began')
  await until('its events were recognised, too', () => gateway.calls.repeated === 2)
})

t.test('a gateway restored from a backup is read again from the start', async (t) => {
  const { gateway, platform, config, start } = await setting(t)
  await start()
  gateway.report()
  await until('one is up', () => platform.ledger().cases.length === 1)
  const other = await createGatewayPeer('demo')
  t.teardown(() => other.close())
  other.report()
  other.report()
  const bridge = await start({ gateway: { url: other.url, token: other.token } })
  await until('both cases of the other journal are up', () => platform.ledger().cases.length === 3)
  t.equal(bridge.status().gateway.state, 'up')
  t.ok(config.dataDir)
})

t.test('health, metrics and the parked list can be read', async (t) => {
  const { gateway, platform, start } = await setting(t, { behaviour: { refuseTypes: ['ebike_in_elevator'] } })
  const bridge = await start({ http: { port: 0 } })
  const get = async (path: string) => (await fetch(`http://127.0.0.1:${bridge.ports().http}${path}`)).text()
  gateway.report()
  await until('parked', () => bridge.parked().length === 1)
  t.match(JSON.parse(await get('/health')), { status: 'degraded' })
  t.match(await get('/metrics'), /gridgate_bridge_outbox_rows\{upstream="street",state="parked"\} 1/)
  t.match(JSON.parse(await get('/parked')), { items: [{ kind: 'open', hint: /send the row again/ }] })
  t.match(await (await fetch(platform.pageUrl)).text(), /网格化综合管理平台/)
})

t.test('a case the platform has lost is shown as stuck, and health says that somebody should look', async (t) => {
  let shiftMs = 0
  const clock: Clock = { now: () => Date.now() + shiftMs, sleep: systemClock.sleep }
  const { gateway, start } = await setting(t, {
    behaviour: { mode: 'manual' },
    clock,
    fetch: async (url, init) =>
      String(url).includes('/grid/') && String(url).endsWith('/transitions')
        ? new Response('{}', { status: 404 })
        : await fetch(url, init),
  })
  const bridge = await start({ http: { port: 0 } })
  const get = async (path: string) => (await fetch(`http://127.0.0.1:${bridge.ports().http}${path}`)).json()
  const { id } = gateway.report()
  await until('it is up', () => gateway.case(id).upstreamRef)
  gateway.step(id, { to: 'filed', role: 'issuer' })
  shiftMs = 2 * 3600_000
  await until('it counts as stuck', () => bridge.status().stuck === 1)
  t.match(await get('/health'), { status: 'degraded', stuck: 1, parked: 0, down: [] })
  t.match(await get('/parked'), { items: [], stuck: { rows: [{ caseId: id, lastError: /404/ }], events: [] } })
})

t.test('a second bridge on the same data, a taken port and a wrong configuration are told in words', async (t) => {
  const { config, start } = await setting(t)
  await t.rejects(createBridge({ config }), { name: 'StartError', message: /another bridge/ })
  const bridge = await start({ http: { port: 0 } })
  const second = { ...config, dataDir: join(t.testdirName, 'second') }
  const taken = await createBridge({ config: { ...second, http: { port: bridge.ports().http ?? 0 } } })
  await t.rejects(taken.start(), { name: 'StartError', message: /port is in use/ })
  await t.rejects(createBridge({ config: { site: 'demo' } }), { name: 'ConfigError' })
})
