import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import WebSocket from 'ws'
import { createEvidenceStore } from '../storage/evidence.ts'
import { openStore } from '../storage/store.ts'
import { sampleAlarm, system } from '../storage/testing/sample-rows.ts'
import { apiStarter, bridgeToken, eventually, password } from './testing/start-api.ts'

const start = apiStarter({ openStore, createEvidenceStore })

type Method = 'GET' | 'HEAD' | 'POST' | 'DELETE'
interface Operation {
  summary?: string
  description?: string
  responses: Record<string, unknown>
}

/** Every operation of the API's own description. */
async function operations(scene: Awaited<ReturnType<typeof start>>) {
  const document = (await scene.bridge({ url: '/api/v1/openapi.json' })).json<{
    openapi: string
    paths: Record<string, Record<string, Operation>>
  }>()
  const all = Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({
      path,
      url: path.replace('{id}', 'x'),
      method: method.toUpperCase() as Method,
      operation,
    })),
  )
  return { document, all }
}

t.test('a stranger gets in nowhere but at the login, the health and the console', async (t) => {
  const scene = await start(t)
  const { all } = await operations(scene)
  t.ok(all.length > 30, `${all.length} operations`)
  const open = ['POST /api/v1/session', 'GET /health']
  for (const { method, url } of all) {
    if (open.includes(`${method} ${url}`)) continue
    const answers = await Promise.all([
      scene.app.inject({ method, url }),
      scene.app.inject({ method, url, headers: { authorization: 'Bearer wrong' } }),
      scene.app.inject({ method, url, headers: { cookie: 'gridgate_session=wrong' } }),
    ])
    t.same(
      answers.map((answer) => answer.statusCode),
      [401, 401, 401],
      `${method} ${url}`,
    )
  }
  t.equal((await scene.app.inject('/health')).statusCode, 200)
  t.equal((await scene.app.inject({ method: 'POST', url: '/api/v1/session' })).statusCode, 400)
})

t.test('a stranger opens no WebSocket', async (t) => {
  const scene = await start(t)
  for (const path of ['/api/v1/live', '/api/v1/cameras/camera-1/live'])
    await t.rejects(scene.connect(path), { message: /401/ }, path)
})

t.test('the description says what each operation does, who may use it and how it fails', async (t) => {
  const scene = await start(t)
  const { document, all } = await operations(scene)
  t.equal(document.openapi, '3.1.0')
  for (const { method, path, operation } of all) {
    t.ok(operation.summary, `${method} ${path} has a summary`)
    t.match(operation.description, /Roles: |No login needed/, `${method} ${path} says who`)
    t.ok('400' in operation.responses && '500' in operation.responses, `${method} ${path} says how it fails`)
  }
})

t.test('each role does what it is for and nothing else', async (t) => {
  const scene = await start(t)
  const { all } = await operations(scene)
  const visitors = {
    admin: await scene.login('admin'),
    operator: await scene.login('operator'),
    caregiver: await scene.login('caregiver'),
    bridge: { inject: scene.bridge },
  }
  // Logging out is tried elsewhere: it would end the session used here.
  for (const { method, path, url, operation } of all.filter((one) => one.method !== 'DELETE')) {
    const allowed = operation.description?.match(/Roles: (.*)\.$/)?.[1]?.split(', ')
    if (!allowed) continue
    for (const [role, visitor] of Object.entries(visitors)) {
      const { statusCode } = await visitor.inject({ method, url })
      t.equal(statusCode === 403, !allowed.includes(role), `${role}: ${method} ${path} ${statusCode}`)
    }
  }
  const rolesOf = (method: string, path: string) =>
    all.find((one) => one.method === method && one.path === path)?.operation.description?.match(/Roles: .*/)?.[0]
  t.equal(rolesOf('GET', '/api/v1/users'), 'Roles: admin.')
  t.equal(rolesOf('POST', '/api/v1/alarms/{id}/acknowledge'), 'Roles: admin, operator.')
  t.equal(rolesOf('POST', '/api/v1/cases/{id}/upstream'), 'Roles: bridge.')
})

t.test('a change without the CSRF token of the session is refused', async (t) => {
  const scene = await start(t)
  scene.store.transact((transaction) => {
    const alarm = sampleAlarm()
    transaction.putAlarm(alarm, { type: 'raised', alarm }, system, alarm.raisedAt)
  })
  const [operator, admin] = [await scene.login('operator'), await scene.login('admin')]
  const acknowledge = { method: 'POST', url: '/api/v1/alarms/alarm-1/acknowledge' } as const
  for (const token of ['', 'wrong', admin.csrfToken])
    t.equal((await operator.inject({ ...acknowledge, headers: { 'x-csrf-token': token } })).statusCode, 403, token)
  t.equal(scene.store.alarm('alarm-1')?.isAcknowledged, false)
  t.equal((await operator.inject(acknowledge)).statusCode, 200)
  t.equal(
    (
      await scene.bridge({
        method: 'POST',
        url: '/api/v1/cases/x/upstream',
        payload: { upstream: 'u', upstreamRef: '1' },
      })
    ).statusCode,
    404,
    'a machine needs none',
  )
})

t.test('pages of other sites neither change anything nor listen', async (t) => {
  const scene = await start(t, { origins: ['https://console.example'] })
  const operator = await scene.login('operator')
  const { host } = new URL(scene.url)
  for (const [origin, isOwn] of [
    ['https://evil.example', false],
    ['null', false],
    [`http://${host}`, true],
    ['https://console.example', true],
  ] as const) {
    const answer = await operator.inject({
      method: 'POST',
      url: '/api/v1/alarms/x/acknowledge',
      headers: { origin, host },
    })
    t.equal(answer.statusCode, isOwn ? 404 : 403, `changing from ${origin}`)
    const login = { method: 'POST', url: '/api/v1/session', payload: { name: 'n', password: 'p' } } as const
    t.equal((await scene.app.inject({ ...login, headers: { origin, host } })).statusCode, isOwn ? 401 : 403)
    const listening = scene.connect('/api/v1/live', { cookie: operator.cookie, origin })
    if (isOwn) await t.resolves(listening, `listening from ${origin}`)
    else await t.rejects(listening, { message: /403/ }, `listening from ${origin}`)
  }
})

t.test('bad input is told by the field it is in, all at once', async (t) => {
  const scene = await start(t)
  const operator = await scene.login('operator')
  const query = await operator.inject({ url: '/api/v1/alarms?limit=many&since=yesterday&active=perhaps' })
  t.equal(query.statusCode, 400)
  t.match(query.json(), { error: { code: 'invalid', message: /^query\./ } })
  t.same(
    query
      .json()
      .error.details.map((detail: { field: string }) => detail.field)
      .sort(),
    ['query.active', 'query.limit', 'query.since'],
  )

  const admin = await scene.login('admin')
  const body = await admin.inject({
    method: 'POST',
    url: '/api/v1/users',
    payload: { name: 'x', role: 'god', color: 'red' },
  })
  t.same(body.json().error.details, [
    { field: 'body.password', message: 'is missing', phrase: { key: 'missing' } },
    { field: 'body.color', message: 'is not known here', phrase: { key: 'unknown' } },
    {
      ...{ field: 'body.role', message: 'must be one of admin, operator, caregiver' },
      phrase: { key: 'one-of', values: 'admin, operator, caregiver' },
    },
  ])
  const broken = await admin.inject({
    method: 'POST',
    url: '/api/v1/users',
    payload: '{"name":',
    headers: { 'content-type': 'application/json' },
  })
  t.match(broken.json(), { error: { code: 'invalid' } })
  const text = await admin.inject({
    method: 'POST',
    url: '/api/v1/users',
    payload: 'name=x',
    headers: { 'content-type': 'text/plain' },
  })
  t.equal(text.statusCode, 415)
})

t.test('what is not there is a JSON 404 and a fault of the gateway keeps its inside to itself', async (t) => {
  const scene = await start(t, {
    health: () => {
      throw new Error('secret of the inside')
    },
  })
  for (const url of ['/api/v1/nothing', '/api', '/metrics/x']) {
    const answer = await scene.app.inject(url)
    t.equal(answer.statusCode, 404)
    t.match(answer.json(), { error: { code: 'not-found', message: `there is no GET ${url}` } })
  }
  const fault = await scene.app.inject('/health')
  t.equal(fault.statusCode, 500)
  t.match(fault.json(), { error: { code: 'internal' } })
  t.notMatch(fault.body, /secret|\.ts/)
})

t.test('health is 503 when the gateway fails and says which part', async (t) => {
  let state: 'ok' | 'degraded' | 'failing' = 'degraded'
  const scene = await start(t, { health: () => ({ state, parts: [{ name: 'store', state, message: 'disk full' }] }) })
  t.equal((await scene.app.inject('/health')).statusCode, 200, 'degraded still does its job')
  state = 'failing'
  const answer = await scene.app.inject('/health')
  t.equal(answer.statusCode, 503)
  t.match(answer.json(), { state: 'failing', parts: [{ name: 'store', message: 'disk full' }] })
})

t.test('Prometheus reads with the metrics token, which opens nothing else', async (t) => {
  const scene = await start(t, { metricsTokenHash: createHash('sha256').update('scrape').digest('hex') })
  const headers = { authorization: 'Bearer scrape' }
  const answer = await scene.app.inject({ url: '/metrics', headers })
  t.equal(answer.statusCode, 200)
  t.match(answer.headers['content-type'], /text\/plain/)
  t.match(answer.body, /gridgate_api_websockets 0/)
  t.equal((await scene.app.inject({ url: '/api/v1/journal', headers })).statusCode, 403)
})

t.test('the console is served with its pages, strict headers, and assets that may be kept', async (t) => {
  const scene = await start(t, (dir) => {
    const consoleDir = join(dir, 'console')
    mkdirSync(join(consoleDir, 'assets'), { recursive: true })
    for (const [file, text] of [
      ['index.html', '<title>console</title>'],
      ['assets/app-abcdefgh.js', '1'],
      ['icon.svg', '<svg/>'],
    ] as const)
      writeFileSync(join(consoleDir, file), text)
    return { consoleDir }
  })
  for (const url of ['/', '/alarms/17?tab=clip', '/cases']) {
    const page = await scene.app.inject(url)
    t.match(page.body, /<title>console/, url)
    t.equal(page.headers['cache-control'], 'no-cache', url)
  }
  const asset = await scene.app.inject('/assets/app-abcdefgh.js')
  t.match(asset.headers['cache-control'], /immutable/)
  t.equal((await scene.app.inject('/icon.svg')).headers['cache-control'], 'no-cache')
  t.equal((await scene.app.inject('/assets/gone-abcdefgh.js')).statusCode, 404, 'a missing script is no page')
  t.equal((await scene.app.inject('/api/v1/nothing')).headers['content-type'], 'application/json; charset=utf-8')
  t.equal((await scene.app.inject('/..%2f..%2fgateway.db')).statusCode, 404)
  const { headers } = await scene.app.inject({ url: '/', headers: { host: 'gate.example:8080' } })
  const policy = String(headers['content-security-policy'])
  t.match(policy, /default-src 'self'/)
  t.match(policy, /connect-src 'self' ws:\/\/gate\.example:8080 wss:\/\/gate\.example:8080/)
  t.match(policy, /script-src 'self' 'wasm-unsafe-eval'(;|$)/)
  t.match(policy, /frame-ancestors 'none'/)
  t.notMatch(policy, /upgrade-insecure-requests/, 'plain HTTP on loopback must work')
  t.equal(headers['x-content-type-options'], 'nosniff')
})

t.test('a console that is not built says how to build it', async (t) => {
  const scene = await start(t, { consoleDir: '/nowhere' })
  const page = await scene.app.inject('/')
  t.equal(page.statusCode, 404)
  t.match(page.json().error.message, /console:build/)
})

t.test('a port in use is one clear error', async (t) => {
  const other = createServer().listen(0, '127.0.0.1')
  t.teardown(() => other.close())
  await once(other, 'listening')
  const { port } = other.address() as { port: number }
  await t.rejects(start(t, { port }), { name: 'StartError', message: `port ${port} on 127.0.0.1 is in use` })
})

t.test('with a certificate everything goes through TLS, the live feed too', async (t) => {
  const scene = await start(t, (dir) => {
    const [key, cert] = [join(dir, 'key.pem'), join(dir, 'cert.pem')]
    const request = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '1']
    execFileSync('openssl', [...request, '-subj', '/CN=localhost', '-keyout', key, '-out', cert], { stdio: 'ignore' })
    return { tls: { key: readFileSync(key), cert: readFileSync(cert) } }
  })
  t.match(scene.url, /^https:\/\/127\.0\.0\.1:\d+$/)
  const login = { method: 'POST', url: '/api/v1/session', payload: { name: 'operator', password } } as const
  const answer = await scene.app.inject(login)
  t.ok(answer.cookies[0]?.secure)
  t.match(answer.headers['strict-transport-security'], /max-age/)
  const socket = new WebSocket(`${scene.url.replace('https', 'wss')}/api/v1/live`, {
    headers: { cookie: `gridgate_session=${answer.cookies[0]?.value}` },
    rejectUnauthorized: false,
  })
  t.teardown(() => socket.terminate())
  const [hello] = await once(socket, 'message')
  t.match(JSON.parse(String(hello)), { type: 'hello' })
})

t.test('the gateway stops within seconds while clients hang on', async (t) => {
  const scene = await start(t)
  const stuck = await scene.connect('/api/v1/live', { authorization: `Bearer ${bridgeToken}` })
  stuck.socket.pause()
  const polling = fetch(`${scene.url}/api/v1/journal?after=0&waitMs=30000&topics=case`, {
    headers: { authorization: `Bearer ${bridgeToken}` },
  })
  await eventually(
    async () => /readers_waiting 1/.test((await scene.bridge({ url: '/metrics' })).body),
    'the waiting reader',
  )
  const idle = await fetch(`${scene.url}/health`)
  t.equal(idle.status, 200)
  const startedAt = Date.now()
  await scene.close()
  t.ok(Date.now() - startedAt < 25_000, 'sooner than who waits would have been answered')
  t.equal((await polling).status, 200, 'who waited is answered')
})
