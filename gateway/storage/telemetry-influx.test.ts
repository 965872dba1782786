import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { systemClock } from '../core/clock.ts'
import type { Measurement } from '../core/measurement.ts'
import { createTelemetryInflux, type TelemetryInflux, type TelemetryInfluxOptions } from './telemetry-influx.ts'
import {
  type Engine,
  hasEngine,
  listen,
  startInfluxd,
  startRewritingProxy,
  startVictoriaMetrics,
} from './testing/influx-engine.ts'
import { testTelemetry } from './testing/telemetry-contract.ts'

const base = Math.floor(Date.now() / 1000) * 1000 - 60_000

const measured = (changes: Partial<Measurement> = {}): Measurement => ({
  device: 'lift-1-thermometer',
  metric: 'temperatureCelsius',
  value: 21.5,
  deviceAt: base,
  ingestedAt: base,
  clockTrusted: true,
  ...changes,
})

function create(t: Test, options: Partial<TelemetryInfluxOptions> & { url: string }): TelemetryInflux {
  const telemetry = createTelemetryInflux({
    org: 'garden',
    bucket: 'telemetry',
    token: 'top-secret',
    flushMs: 5,
    retry: { minMs: 1, maxMs: 20 },
    ...options,
  })
  t.teardown(() => telemetry.close())
  return telemetry
}

/** Waits for something that must come true, without guessing how long it takes. */
async function until(what: string, isTrue: () => boolean): Promise<void> {
  for (const deadline = Date.now() + 30_000; !isTrue(); ) {
    if (Date.now() > deadline) throw new Error(`never came true: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

// ── A real influxd 1.6 behind the addresses of InfluxDB 2 ────────────────────────────────────────────────────────────

let databases = 0

async function createDatabase(engine: Engine): Promise<string> {
  const name = `telemetry_${++databases}`
  await influxql(engine, `CREATE DATABASE ${name}`)
  return name
}

async function influxql(engine: Engine, q: string, db = ''): Promise<unknown> {
  const answer = await fetch(`${engine.url}/query`, {
    method: 'POST',
    body: new URLSearchParams({ q, db, epoch: 'ms' }),
  })
  return answer.json()
}

t.test('influxd from Debian', async (t) => {
  if (!hasEngine(t, 'influxd', 'influxdb')) return
  const engine = await startInfluxd(t, join(t.testdir(), 'influxd'))
  const { url } = await startRewritingProxy(t, engine)

  testTelemetry(t, async (t) => {
    const bucket = await createDatabase(engine)
    const telemetry = create(t, { url, bucket, queryLanguage: 'influxql' })
    return { telemetry, settle: telemetry.flush }
  })

  t.test('a real engine reads our lines as we meant them', async (t) => {
    const bucket = await createDatabase(engine)
    const telemetry = create(t, { url, bucket })
    await telemetry.write([measured(), measured({ metric: 'label', value: '电梯 "3"' })])
    await telemetry.flush()
    t.match(await influxql(engine, 'SELECT * FROM temperatureCelsius', bucket), {
      results: [{ series: [{ columns: ['time', 'device', 'value'], values: [[base, 'lift-1-thermometer', 21.5]] }] }],
    })
    t.match(await influxql(engine, 'SELECT text FROM label', bucket), {
      results: [{ series: [{ values: [[base, '电梯 "3"']] }] }],
    })
  })

  t.test('one point the engine refuses costs none of its neighbours', async (t) => {
    const bucket = await createDatabase(engine)
    const warnings: unknown[] = []
    const logger = { info: () => {}, warn: (fields: object) => warnings.push(fields) }
    const telemetry = create(t, { url, bucket, logger, queryLanguage: 'influxql' })
    // The line protocol has no way to write a tag that ends in a backslash.
    const odd = (n: number) => measured({ device: 'odd\\', deviceAt: base + n })
    const good = (n: number) => measured({ deviceAt: base + n, value: n })
    const batch = Array.from({ length: 50 }, (_, n) => (n === 7 || n === 31 ? odd(n) : good(n)))
    await telemetry.write(batch)
    await telemetry.flush()
    const span = { device: 'lift-1-thermometer', metric: 'temperatureCelsius', from: 0, to: base * 2, limit: 99 }
    t.equal((await telemetry.query(span)).length, 48)
    t.match(telemetry.status(), { isUp: true, droppedPoints: 2, writtenPoints: 48, bufferedPoints: 0 })
    t.equal(warnings.length, 1, 'said once')
    t.match(warnings, [{ series: /odd/ }])
  })
})

t.test('VictoriaMetrics from Debian takes the same lines without a proxy', async (t) => {
  if (!hasEngine(t, 'victoria-metrics', 'victoria-metrics')) return
  const { url } = await startVictoriaMetrics(t, join(t.testdir(), 'victoria-metrics'))
  const telemetry = create(t, { url })
  await telemetry.write(Array.from({ length: 1200 }, (_, n) => measured({ deviceAt: base + n, value: n })))
  await telemetry.write([measured({ device: '三号楼 电梯', metric: 'isOpen', value: true })])
  await telemetry.flush()
  await fetch(`${url}/internal/force_flush`)

  const exported = async (selector: string) => {
    const text = await (await fetch(`${url}/api/v1/export?match[]=${encodeURIComponent(selector)}`)).text()
    return text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { metric: object; values: number[] })
  }
  const [temperatures] = await exported('temperatureCelsius_value')
  t.strictSame(
    temperatures?.values,
    Array.from({ length: 1200 }, (_, n) => n),
  )
  t.match(await exported('isOpen_state'), [{ metric: { device: '三号楼 电梯' }, values: [1] }])
  const span = { device: 'x', metric: 'y', from: 0, to: base, limit: 9 }
  await t.rejects(telemetry.query(span), { name: 'DeliveryError', hint: /query language influxql/ })
})

// ── A peer that speaks the protocol and fails on purpose ─────────────────────────────────────────────────────────────

interface Peer {
  url: string
  /** Lines of every accepted write. */
  accepted: string[]
  requests: Array<{ path: string; authorization: string | undefined; body: string }>
  /** What the next requests get; accepted when empty. */
  answers: Array<(response: ServerResponse) => void>
}

async function startPeer(t: Test): Promise<Peer> {
  const peer: Peer = { url: '', accepted: [], requests: [], answers: [] }
  const server = createServer(async (request, response) => {
    const body = await bodyOf(request)
    peer.requests.push({ path: request.url ?? '', authorization: request.headers.authorization, body })
    const answer = peer.answers.shift()
    if (answer) return answer(response)
    peer.accepted.push(...body.split('\n'))
    response.writeHead(204).end()
  })
  peer.url = await listen(t, server)
  return peer
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  const body = Buffer.concat(chunks)
  return (request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body).toString()
}

/** An address where a server has just gone away. */
async function nobodyListens(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  return `http://127.0.0.1:${port}`
}

const refuse =
  (status: number, headers: Record<string, string> = {}, body: object = { message: 'no' }) =>
  (response: ServerResponse): void => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body))
  }

/** A clock whose waits are noted and over at once. */
function hastyClock() {
  const waits: number[] = []
  const sleep = async (ms: number, signal?: AbortSignal) => {
    waits.push(ms)
    signal?.throwIfAborted()
    await new Promise((resolve) => setImmediate(resolve))
  }
  return { waits, clock: { now: Date.now, sleep } }
}

t.test('points gather and go in one request, to the bucket and with the token', async (t) => {
  const peer = await startPeer(t)
  const telemetry = create(t, { url: peer.url })
  await telemetry.write([measured(), measured({ metric: 'isOpen', value: false })])
  await telemetry.write([measured({ deviceAt: base + 1, value: 22 })])
  await until('all written', () => telemetry.status().writtenPoints === 3)
  t.strictSame(peer.accepted, [
    `temperatureCelsius,device=lift-1-thermometer value=21.5 ${base}`,
    `isOpen,device=lift-1-thermometer state=F ${base}`,
    `temperatureCelsius,device=lift-1-thermometer value=22 ${base + 1}`,
  ])
  t.match(peer.requests[0], {
    path: '/api/v2/write?org=garden&bucket=telemetry&precision=ms',
    authorization: 'Token top-secret',
  })
})

t.test('a refused token is said once with the cure, nothing is lost, and so is the recovery', async (t) => {
  const peer = await startPeer(t)
  const said: Array<[string, object]> = []
  const logger = {
    warn: (fields: object) => said.push(['warn', fields]),
    info: (fields: object) => said.push(['info', fields]),
  }
  peer.answers = Array.from({ length: 5 }, () => refuse(401, {}, { message: 'top-secret is not a valid token' }))
  const telemetry = create(t, { url: peer.url, logger })
  await telemetry.write([measured()])
  await until('a second request', () => peer.requests.length >= 2)
  t.match(telemetry.status(), { isUp: false, reason: /check the token/, bufferedPoints: 1, droppedPoints: 0 })
  await until('accepted', () => telemetry.status().isUp)
  t.equal(peer.accepted.length, 1)
  t.match(said, [
    ['warn', { reason: '*** is not a valid token', hint: /check the token: .* bucket telemetry/ }],
    ['info', { droppedPoints: 0 }],
  ])
  t.equal(said.length, 2)
})

t.test('a busy server is given the time it asks for', async (t) => {
  const peer = await startPeer(t)
  const { waits, clock } = hastyClock()
  const inThreeMinutes = new Date(Date.now() + 180_000).toUTCString()
  peer.answers = [
    refuse(429, { 'retry-after': '7' }),
    refuse(503, { 'retry-after': inThreeMinutes }),
    refuse(503, { 'retry-after': '86400' }),
    refuse(503),
    refuse(500),
  ]
  const telemetry = create(t, { url: peer.url, clock, random: () => 1, retry: { minMs: 100, maxMs: 60_000 } })
  await telemetry.write([measured()])
  await until('accepted', () => telemetry.status().writtenPoints === 1)
  const asked = waits.filter((ms) => ms !== 5)
  t.equal(asked[0], 7000)
  t.ok(asked[1]! > 170_000 && asked[1]! <= 180_000, `${asked[1]}`)
  t.strictSame(asked.slice(2), [600_000, 100, 200], 'a day is too long; without a word the back-off grows')
})

t.test('while the server is away the buffer keeps the newest points and counts the others', async (t) => {
  const peer = await startPeer(t)
  peer.answers = [refuse(503), refuse(503), refuse(503)]
  const telemetry = create(t, { url: peer.url, maxBufferedPoints: 100, batchPoints: 40, flushMs: 60_000 })
  const write = (from: number, to: number) =>
    telemetry.write(
      Array.from({ length: to - from }, (_, n) => measured({ deviceAt: base + from + n, value: from + n })),
    )
  await write(0, 30)
  await t.rejects(telemetry.flush())
  await write(30, 150)
  await t.rejects(telemetry.flush())
  t.match(telemetry.status(), { isUp: false, bufferedPoints: 100, droppedPoints: 50 })
  await t.rejects(telemetry.flush())
  await telemetry.flush()
  const values = peer.accepted.map((line) => Number(line.match(/value=(\d+)/)?.[1]))
  t.strictSame(
    values,
    Array.from({ length: 100 }, (_, n) => n + 50),
    'in their order',
  )
  t.match(telemetry.status(), { isUp: true, bufferedPoints: 0, writtenPoints: 100, droppedPoints: 50 })
})

t.test('a server that takes the request and never answers is given up after the time allowed', async (t) => {
  const peer = await startPeer(t)
  peer.answers = [() => {}]
  const reasons: object[] = []
  const logger = { info: () => {}, warn: (fields: object) => reasons.push(fields) }
  const telemetry = create(t, { url: peer.url, requestTimeoutMs: 100, logger })
  await telemetry.write([measured()])
  await until('accepted', () => telemetry.status().writtenPoints === 1)
  t.match(reasons, [{ reason: 'no answer within 100 ms', hint: /is running and can be reached/ }])
})

t.test('closing sends what is left', async (t) => {
  const peer = await startPeer(t)
  const telemetry = create(t, { url: peer.url, flushMs: 60_000, batchPoints: 2 })
  await telemetry.write([1, 2, 3, 4, 5].map((n) => measured({ deviceAt: base + n })))
  await telemetry.close()
  await telemetry.close()
  t.equal(peer.accepted.length, 5)
})

t.test('closing does not wait for a server that is gone or silent, and says what was left', async (t) => {
  for (const kind of ['gone', 'silent'] as const) {
    const peer = await startPeer(t)
    peer.answers = Array.from({ length: 9 }, () => () => {})
    const warnings: object[] = []
    const logger = { info: () => {}, warn: (fields: object) => warnings.push(fields) }
    const url = kind === 'gone' ? await nobodyListens() : peer.url
    const telemetry = create(t, { url, logger, closeMs: 100, flushMs: 60_000 })
    await telemetry.write([measured(), measured({ deviceAt: base + 1 })])
    const began = systemClock.now()
    await telemetry.close()
    t.ok(systemClock.now() - began < 8000, 'long before the request times out')
    t.match(warnings.at(-1), { droppedPoints: 2 }, kind)
    t.equal(telemetry.status().droppedPoints, 2)
  }
})

t.test('points are asked for in Flux and read from annotated CSV', async (t) => {
  const peer = await startPeer(t)
  // As the documentation of InfluxDB 2 shows the format: a table for each field, its type in the annotation.
  const csv = [
    '#group,false,false,false,false,true',
    '#datatype,string,long,dateTime:RFC3339,double,string',
    '#default,_result,,,,',
    ',result,table,_time,_value,_field',
    `,,0,${new Date(base + 2).toISOString()},21.5,value`,
    `,,0,${new Date(base + 4).toISOString()},-3,value`,
    '',
    '#group,false,false,false,false,true',
    '#datatype,string,long,dateTime:RFC3339Nano,boolean,string',
    '#default,_result,,,,',
    ',result,table,_time,_value,_field',
    `,,1,${new Date(base + 3).toISOString().replace('Z', '000000Z')},true,state`,
    '',
    '#group,false,false,false,false,true',
    '#datatype,string,long,dateTime:RFC3339,string,string',
    '#default,_result,,,,',
    ',result,table,_time,_value,_field',
    `,,2,${new Date(base + 1).toISOString()},"电梯, ""3""",text`,
    '',
  ].join('\r\n')
  const answer = (response: ServerResponse) => response.writeHead(200, { 'content-type': 'text/csv' }).end(csv)
  peer.answers = [answer, answer]
  const telemetry = create(t, { url: peer.url })
  const span = { device: 'a"b\\', metric: `temperature\n$${'{x}'}`, from: base, to: base + 5000, limit: 10 }
  t.strictSame(await telemetry.query(span), [
    { at: base + 1, value: '电梯, "3"' },
    { at: base + 2, value: 21.5 },
    { at: base + 3, value: true },
    { at: base + 4, value: -3 },
  ])
  t.match(peer.requests[0], { path: '/api/v2/query?org=garden', authorization: 'Token top-secret' })
  const { query } = JSON.parse(peer.requests[0]?.body ?? '{}') as { query: string }
  t.match(
    query,
    `range(start: time(v: "${new Date(base).toISOString()}"), stop: time(v: "${new Date(base + 5000).toISOString()}"))`,
  )
  t.match(query, String.raw`r._measurement == "temperature\n\${x}" and r.device == "a\"b\\"`)
  t.strictSame(
    (await telemetry.query({ ...span, limit: 2 })).map(({ at }) => at),
    [base + 3, base + 4],
  )
  t.strictSame(await telemetry.query({ ...span, to: base }), [], 'an empty span asks nobody')
  t.equal(peer.requests.length, 2)
})

t.test('a query that fails says why and what to do', async (t) => {
  const peer = await startPeer(t)
  for (const queryLanguage of ['flux', 'influxql'] as const) {
    const telemetry = create(t, { url: peer.url, queryLanguage })
    const span = { device: 'a', metric: 'b', from: 0, to: base, limit: 1 }
    peer.answers = [refuse(401, {}, { message: 'unauthorized' })]
    await t.rejects(telemetry.query(span), { name: 'DeliveryError', retryable: false, hint: /check the token/ })
    peer.answers = [refuse(503)]
    await t.rejects(telemetry.query(span), { name: 'DeliveryError', retryable: true })
    const url = await nobodyListens()
    const unreachable = create(t, { url: url.replace('//', '//operator:hidden@'), queryLanguage })
    const error: Error & { hint?: string } = await unreachable.query(span).then(
      () => t.fail('it answered') as never,
      (reason) => reason,
    )
    t.match(error, { message: /ECONNREFUSED/, hint: `${url} is running and can be reached` })
    t.notMatch(JSON.stringify([error.message, error.hint]), /hidden/)
  }
})
