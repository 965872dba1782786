import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { BehaviourChange } from './behaviour.ts'
import { createGridPlatform } from './platform.ts'
import { signedHeaders } from './signing.ts'

const key = { keyId: 'demo', secret: 'a-secret-of-the-demo-site' }
const quick = { file: 5, dispatch: 5, accept: 5, handle: 5, verify: 5, close: 5 }

async function setting(t: Test, behaviour: BehaviourChange = {}, now?: () => number) {
  const open = (dataDir: string) =>
    createGridPlatform({
      port: 0,
      dataDir,
      secrets: { demo: { secret: key.secret, site: 'demo' }, other: { secret: key.secret, site: 'other' } },
      behaviour: { delaysMs: quick, ...behaviour },
      ...(now ? { now } : {}),
    })
  const dataDir = join(t.testdir(), 'platform')
  let platform = await open(dataDir)
  t.teardown(() => platform.stop())
  return {
    platform: () => platform,
    async restart() {
      await platform.stop()
      platform = await open(dataDir)
    },
    async call(
      method: string,
      path: string,
      body?: object,
      idempotencyKey?: string,
      more: Record<string, string> = {},
    ) {
      const text = body ? JSON.stringify(body) : ''
      const url = new URL(platform.url + path)
      // The webhook helper signs without an idempotency key; a site signs with it.
      const headers = idempotencyKey
        ? signedAsSite(method, url.pathname + url.search, text, idempotencyKey)
        : signedHeaders(key, { method, path: url.pathname + url.search, body: text }, Date.now())
      const response = await fetch(url, {
        method,
        headers: { ...headers, 'content-type': 'application/json', ...more },
        ...(body ? { body: text } : {}),
      })
      return { status: response.status, headers: response.headers, body: JSON.parse((await response.text()) || 'null') }
    },
  }
}

function signedAsSite(method: string, path: string, body: string, idempotencyKey: string): Record<string, string> {
  const headers = signedHeaders(key, { method, path, body }, Date.now(), idempotencyKey)
  return { ...headers, 'Idempotency-Key': idempotencyKey }
}

const at = '2026-11-22T00:00:00.000Z'
const actor = { type: 'system', id: 'gateway' }
const report = (id: string, seq: number) => ({
  site: 'demo',
  stream: 'stream-of-test',
  seq,
  case: {
    id,
    number: '2026-000001',
    type: 'ebike_in_elevator',
    title: '电动自行车进电梯 <b>',
    severity: 'high',
    level: 'X',
    openedAt: at,
    place: { site: 'demo' },
    alarmIds: [],
  },
  matter: { SXMC: '电动自行车进电梯 <b>', SFWZ: 'b1' },
  transition: { id: '1', to: 'reported', role: 'reporter', at, actor },
})

async function until(holds: () => unknown): Promise<void> {
  for (const end = Date.now() + 30_000; !holds(); ) {
    if (Date.now() > end) throw new Error('never happened')
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

t.test('a case given to the street goes through all six steps by itself', async (t) => {
  const { platform, call } = await setting(t, { dispatchTo: 'street' })
  const { status, body } = await call('POST', '/cases', report('c1', 1), 'demo:c1:1')
  t.equal(status, 201)
  await until(() => platform().state(body.ref) === 'closed')
  const { body: page } = await call('GET', '/cases/events?site=demo')
  t.same(
    page.events.map((event: { to: string; caseSeq: number }) => `${event.caseSeq} ${event.to}`),
    ['1 filed', '2 dispatched', '3 accepted', '4 handling', '5 handled', '6 verified', '7 closed'],
  )
  const { body: seen } = await call('GET', `/cases/${body.ref}`)
  t.match(seen, { state: 'closed', caseId: 'c1', history: [{ to: 'reported' }, { to: 'filed' }] })
})

t.test('a case may be rejected, sent back for rework, or returned and given to the street', async (t) => {
  const rejecting = await setting(t, { rejectTypes: ['ebike_in_elevator'] })
  const rejected = await rejecting.call('POST', '/cases', report('c1', 1), 'demo:c1:1')
  await until(() => rejecting.platform().state(rejected.body.ref) === 'rejected')
  const step = (to: string, seq: number) => ({
    site: 'demo',
    stream: 'stream-of-test',
    seq,
    caseId: 'c2',
    transition: { id: String(seq), to, role: 'unit', at, actor, reason: '不属于本单位', note: 'n' },
  })
  rejecting.platform().behave({ rejectTypes: [], reworkTimes: 1 })
  const { body } = await rejecting.call('POST', '/cases', report('c2', 2), 'demo:c2:1')
  await until(() => rejecting.platform().state(body.ref) === 'dispatched')
  const handled = await rejecting.call('POST', `/cases/${body.ref}/transitions`, step('handled', 3), 'demo:c2:3')
  t.match(handled.body, { isApplied: true, state: 'handled' })
  await until(() => rejecting.platform().state(body.ref) === 'rework')
  const late = await rejecting.call('POST', `/cases/${body.ref}/transitions`, step('accepted', 4), 'demo:c2:4')
  t.match(late, { status: 201, body: { isApplied: false, state: 'rework' } }, 'a late step is kept, not an error')
  await rejecting.call('POST', `/cases/${body.ref}/transitions`, step('handled', 5), 'demo:c2:5')
  await until(() => rejecting.platform().state(body.ref) === 'closed')

  const returning = await setting(t)
  const opened = await returning.call('POST', '/cases', report('c2', 1), 'demo:c2:1')
  await until(() => returning.platform().state(opened.body.ref) === 'dispatched')
  await returning.call('POST', `/cases/${opened.body.ref}/transitions`, step('returned', 2), 'demo:c2:2')
  await until(() => returning.platform().state(opened.body.ref) === 'closed')
})

t.test('a repeat is answered as before and counted, also after a restart', async (t) => {
  const { platform, restart, call } = await setting(t, { mode: 'manual' })
  const first = await call('POST', '/cases', report('c1', 1), 'demo:c1:1')
  await restart()
  const second = await call('POST', '/cases', report('c1', 1), 'demo:c1:1')
  t.same(second.body, first.body)
  t.equal(second.headers.get('idempotency-replayed'), 'true')
  t.match(platform().ledger(), { cases: { length: 1 }, deliveries: [{ key: 'demo:c1:1', received: 2 }] })
})

t.test('automatic steps that were due go on after a restart', async (t) => {
  const { platform, restart, call } = await setting(t, { dispatchTo: 'street', delaysMs: { ...quick, file: 300 } })
  const { body } = await call('POST', '/cases', report('c1', 1), 'demo:c1:1')
  await restart()
  await until(() => platform().state(body.ref) === 'closed')
})

t.test('gaps in the sequence of a site show, also behind the last number that came', async (t) => {
  const { platform, call } = await setting(t, { mode: 'manual' })
  await call('POST', '/cases', report('c1', 1), 'demo:c1:1')
  await call('POST', '/cases', report('c2', 5), 'demo:c2:1')
  await call('GET', '/cases/events?site=demo&stream=stream-of-test&head=9')
  const { body } = await call('GET', '/sites/demo/sequence')
  t.match(body.streams, [
    {
      received: 2,
      highest: 5,
      head: 9,
      missing: [
        [2, 4],
        [6, 9],
      ],
    },
  ])
  const page = await (await fetch(platform().pageUrl)).text()
  t.match(page, '2–4, 6–9')
  t.match(page, '立案')
  t.notMatch(page, '电梯 <b>', 'what sites write cannot become markup')
})

t.test('strangers, replays, other sites and wrong bodies are turned away', async (t) => {
  const { platform, call } = await setting(t, { mode: 'manual' })
  t.match(await call('POST', '/cases', report('c1', 1), 'demo:c1:1', { 'Grid-Key-Id': 'nobody' }), {
    status: 401,
    body: { error: { code: 'unauthenticated' } },
  })
  t.match(await call('POST', '/cases', report('c1', 1), 'demo:c1:1', { 'Idempotency-Key': 'demo:c9:1' }), {
    status: 401,
  })
  const nonce = { 'Grid-Key-Id': 'other' }
  t.match(await call('POST', '/cases', report('c1', 1), 'demo:c1:1', nonce), { status: 403 })
  t.match(await call('POST', '/cases', { site: 'demo' }, 'demo:c1:1'), {
    status: 422,
    body: { error: { code: 'invalid', details: Array } },
  })
  const path = '/grid/v1/cases/events?site=demo'
  const headers = signedHeaders(key, { method: 'GET', path, body: '' }, Date.now())
  const again = () => fetch(new URL(path, platform().url), { headers })
  t.equal((await again()).status, 200)
  t.match(await (await again()).json(), { error: { code: 'replayed' } })
  const old = signedHeaders(key, { method: 'GET', path, body: '' }, Date.now() - 301_000)
  const skewed = await (await fetch(new URL(path, platform().url), { headers: old })).json()
  t.match(skewed, { error: { code: 'clock-skew', serverTime: String } })
  t.equal(platform().ledger().cases.length, 0)
})

t.test('the strings can be pulled over HTTP', async (t) => {
  const { platform, call } = await setting(t, { mode: 'manual' })
  const { body } = await call('POST', '/cases', report('c1', 1), 'demo:c1:1')
  const control = (path: string, method = 'GET', change?: object) =>
    fetch(new URL(path, platform().pageUrl), {
      method,
      ...(change ? { body: JSON.stringify(change), headers: { 'content-type': 'application/json' } } : {}),
    })
  t.equal((await control('/control/behaviour', 'PUT', { isAway: 'yes' })).status, 422)
  t.match(await (await control('/control/behaviour', 'PUT', { delaysMs: { file: 1 } })).json(), {
    delaysMs: { file: 1 },
  })
  t.equal((await control(`/control/cases/${body.ref}`, 'POST', { to: 'closed' })).status, 409)
  t.equal((await control(`/control/cases/${body.ref}`, 'POST', { to: 'filed' })).status, 200)
  t.match(await (await control('/control/ledger')).json(), { cases: [{ caseId: 'c1', state: 'filed' }] })
})
