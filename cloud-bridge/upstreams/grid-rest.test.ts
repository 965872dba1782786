import { readFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import { Check, Errors } from 'typebox/schema'
import { parse } from 'yaml'
import { createGridPlatform } from '../../simulators/grid-platform/platform.ts'
import { signedHeaders } from '../../simulators/grid-platform/signing.ts'
import { sha256 } from '../sha256.ts'
import { type ContractPeer, exampleReport, upstreamContract } from '../testing/upstream-contract.ts'
import type { UpstreamOptions } from '../upstream.ts'
import { gridRest } from './grid-rest.ts'
import { signature } from './grid-rest-signature.ts'

const secret = 'a-secret-of-the-demo-site'
const signal = new AbortController().signal
const once = { stream: 'contract-stream', seq: 1, signal }

interface Exchange {
  method: string
  path: string
  request: string
  status: number
  answer: string
}

async function peerOf(t: Test, more: Partial<UpstreamOptions> = {}) {
  const platform = await createGridPlatform({
    port: 0,
    dataDir: t.testdir(),
    secrets: { demo: { secret, site: 'demo' } },
    behaviour: { mode: 'manual' },
  })
  t.teardown(() => platform.stop())
  const exchanges: Exchange[] = []
  const recording: typeof fetch = async (url, init) => {
    const response = await fetch(url, init)
    const body = init?.body instanceof Uint8Array ? Buffer.from(init.body).toString('utf8') : ''
    exchanges.push({
      method: init?.method ?? 'GET',
      path: new URL(String(url)).pathname.replace('/grid/v1', ''),
      request: body,
      status: response.status,
      answer: await response.clone().text(),
    })
    return response
  }
  const options = { name: 'street', site: 'demo', url: platform.url, keyId: 'demo', secret, requestTimeoutMs: 10_000 }
  const upstream = gridRest.create({ ...options, ...more }, { fetch: recording, now: Date.now })
  return { platform, upstream, exchanges }
}

async function contractPeer(t: Test): Promise<ContractPeer> {
  const { platform, upstream } = await peerOf(t)
  return {
    upstream,
    secret,
    cases: () => platform.ledger().cases.length,
    steps: (ref) =>
      platform
        .ledger()
        .cases.filter((found) => found.ref === ref)
        .flatMap(({ history }) => history.filter(({ origin }) => origin === 'site').map(({ to }) => to)),
    evidence: (ref) => platform.evidence(ref).map((file) => file.sha256),
    move: (ref, to) => void platform.take(ref, { to }),
    behave(how) {
      platform.behave({
        isAway: how === 'away',
        loseAnswerShare: how === 'answers-get-lost' ? 1 : 0,
        refuseTypes: how === 'refuses-the-schema' ? ['ebike_in_elevator'] : [],
        fault:
          how === 'is-busy'
            ? { status: 429, share: 1, retryAfterSeconds: 7 }
            : { status: 503, share: how === 'fails' ? 1 : 0 },
      })
    },
    webhook(ref) {
      const body = JSON.stringify({
        site: 'demo',
        events: platform.events('demo').filter((event) => event.ref === ref),
      })
      const request = { method: 'POST', path: '/webhook?from=street', body }
      const headers = Object.entries(signedHeaders({ keyId: 'demo', secret }, request, Date.now()))
      const header = (name: string) => headers.find(([key]) => key.toLowerCase() === name.toLowerCase())?.[1]
      return { ...request, header, body: Buffer.from(body) }
    },
  }
}

upstreamContract(t, 'grid-rest', contractPeer)

t.test('the worked signature of the reference is ours', async (t) => {
  const reference = readFileSync(new URL('../../docs/reference/grid-rest.md', import.meta.url), 'utf8')
  const bodySha256 = sha256('{"hello":"网格"}')
  const signed = signature('example-secret-do-not-use', {
    method: 'post',
    path: '/grid/v1/cases',
    timestamp: 1767225600000,
    nonce: '000102030405060708090a0b0c0d0e0f',
    idempotencyKey: 'demo:0190f7c2:57',
    bodySha256,
  })
  t.ok(reference.includes(bodySha256) && reference.includes(`Grid-Signature: ${signed}`))
})

t.test('what is said and answered is what the reference describes', async (t) => {
  const reference = parse(readFileSync(new URL('../../docs/reference/grid-rest.yaml', import.meta.url), 'utf8'))
  const resolve = (node: unknown): unknown => {
    if (Array.isArray(node)) return node.map(resolve)
    if (typeof node !== 'object' || node === null) return node
    const { $ref, ...rest } = node as { $ref?: string }
    if ($ref === undefined) return Object.fromEntries(Object.entries(rest).map(([key, value]) => [key, resolve(value)]))
    const target = $ref
      .split('/')
      .slice(1)
      .reduce((at: Record<string, unknown>, key) => at[key] as never, reference)
    return resolve(target)
  }
  const { platform, upstream, exchanges } = await peerOf(t)
  const { ref } = await upstream.openCase(exampleReport('c1'), { ...once, idempotencyKey: 'demo:c1:1' })
  const actor = { type: 'user', id: 'wang', organisation: '物业' } as const
  const transition = { id: '2', to: 'accepted', role: 'unit', at: Date.now(), actor, attachments: ['e1'] } as const
  await upstream.transition(ref, { caseId: 'c1', transition }, { ...once, seq: 2, idempotencyKey: 'demo:c1:2' })
  platform.take(ref, { to: 'filed' })
  platform.take(ref, { to: 'dispatched', unit: '物业', respondBy: Date.now() + 1000 })
  await upstream.poll({ cursor: undefined, stream: 'contract-stream', head: 2, signal })
  platform.behave({ refuseTypes: ['ebike_in_elevator'] })
  await t.rejects(upstream.openCase(exampleReport('c2'), { ...once, idempotencyKey: 'demo:c2:1' }))
  t.equal(exchanges.length, 4)
  for (const { method, path, request, status, answer } of exchanges) {
    const template = path.replace(ref, '{ref}')
    const operation = resolve(reference.paths[template][method.toLowerCase()]) as {
      requestBody?: { content: Record<string, { schema: object }> }
      responses: Record<string, { content: Record<string, { schema: object }> }>
    }
    const said = operation.requestBody?.content['application/json']?.schema
    if (said)
      t.ok(
        Check(said, JSON.parse(request)),
        `${method} ${template}: ${JSON.stringify(Errors(said, JSON.parse(request)))}`,
      )
    const answered = operation.responses[status]?.content['application/json']?.schema
    t.ok(answered && Check(answered, JSON.parse(answer)), `${status} of ${method} ${template}`)
  }
})

t.test('a clock that is hours off is corrected by what the platform says', async (t) => {
  const { platform, upstream, exchanges } = await peerOf(t)
  platform.behave({ clockOffsetMs: -5 * 3600_000 })
  t.ok((await upstream.openCase(exampleReport('c1'), { ...once, idempotencyKey: 'demo:c1:1' })).ref)
  t.same(
    exchanges.map(({ status }) => status),
    [401, 201],
  )
  await upstream.poll({ cursor: undefined, stream: 'contract-stream', head: 1, signal })
  t.equal(exchanges.length, 3, 'learnt once')
})

t.test('a wrong secret is told with a hint and tried again later', async (t) => {
  const { upstream } = await peerOf(t, { secret: 'not-the-secret-of-the-site' })
  await t.rejects(upstream.openCase(exampleReport('c1'), { ...once, idempotencyKey: 'demo:c1:1' }), {
    retryable: true,
    isPlatformWide: true,
    message: /401 unauthenticated/,
    hint: /keyId/,
  })
})

t.test('a proxy that answers with a page is not mistaken for the platform', async (t) => {
  const answering =
    (body: string, status: number): typeof fetch =>
    async () =>
      new Response(body, { status })
  const options = {
    name: 's',
    site: 'demo',
    url: 'http://127.0.0.1:9/grid',
    keyId: 'k',
    secret,
    requestTimeoutMs: 1000,
  }
  for (const [body, status] of [
    ['<html>login</html>', 200],
    ['{"ref":"../../etc"}', 201],
    ['', 502],
  ] as const) {
    const upstream = gridRest.create(options, { fetch: answering(body, status), now: Date.now })
    const opening = upstream.openCase(exampleReport('c1'), { ...once, idempotencyKey: 'demo:c1:1' })
    await t.rejects(opening, { name: 'UpstreamError', retryable: true })
  }
})

t.test('the matter takes region, cell and department from the upstream where the case has none', async (t) => {
  const more = { gridCell: '330106001002003', regionCode: '330106', departmentCode: 'CG01', departmentName: '城管' }
  const { platform, upstream } = await peerOf(t, more)
  const report = exampleReport('c1')
  const { gridCell: _, ...place } = report.case.place
  await upstream.openCase(
    { ...report, code: '09012', case: { ...report.case, place } },
    { ...once, idempotencyKey: 'k:c:1' },
  )
  t.same(platform.ledger().cases[0]?.report.matter, {
    SXDM: '33010609012',
    SXMC: '电动自行车进电梯',
    ZGBMDM: 'CG01',
    ZGBMMC: '城管',
    SFWZ: 'b1 l1',
    SZDYWGBSM: '330106001002003',
  })
})
