import { createHash } from 'node:crypto'
import type { Test } from 'tap'
import type { CaseState } from '../../gateway/core/case.ts'
import { type CaseReport, type Delivery, type Upstream, UpstreamError, type WebhookRequest } from '../upstream.ts'

/** What the suite needs of the other side: a real or simulated platform that speaks the dialect over real sockets. */
export interface ContractPeer {
  upstream: Upstream
  /** How many cases the platform has. */
  cases(): number
  /** Steps of the site the platform keeps, oldest first. */
  steps(ref: string): CaseState[]
  /** Hashes of the files the platform keeps. */
  evidence(ref: string): string[]
  /** The platform takes a step that the site will hear of. */
  move(ref: string, to: 'filed' | 'dispatched'): void
  /** How every request is answered from now on. */
  behave(how: 'well' | 'away' | 'answers-get-lost' | 'fails' | 'is-busy' | 'refuses-the-schema'): void
  /** A webhook as the platform would send it now, where the dialect has webhooks. */
  webhook?(ref: string): WebhookRequest
  /** Must never be seen in an error. */
  secret: string
}

const at = Date.UTC(2026, 10, 22)
const actor = { type: 'system', id: 'gateway' } as const

/** A case report as the outbox keeps it. */
export function exampleReport(id: string): CaseReport {
  return {
    case: {
      id,
      number: '2026-000001',
      type: 'ebike_in_elevator',
      title: '电动自行车进电梯',
      severity: 'high',
      level: 'X',
      openedAt: at,
      respondBy: at + 1800_000,
      place: { site: 'demo', building: 'b1', lift: 'l1', gridCell: '310104001001001' },
      alarmIds: ['a1'],
    },
    code: 'x10999',
    unit: '物业服务中心',
    transition: { id: '1', to: 'reported', role: 'reporter', at, actor },
  }
}

/**
 * What every dialect must do. Called by the test of the dialect:
 * `upstreamContract(t, 'grid-rest', createPeer)`; `createPeer` registers its own clean-up on `t`.
 */
export function upstreamContract(t: Test, name: string, createPeer: (t: Test) => Promise<ContractPeer>): void {
  let seq = 0
  const delivery = (idempotencyKey: string, signal = new AbortController().signal): Delivery => {
    seq += 1
    return { idempotencyKey, stream: 'contract-stream', seq, signal }
  }
  const poll = (upstream: Upstream, cursor?: string) =>
    upstream.poll({ cursor, stream: 'contract-stream', head: seq, signal: new AbortController().signal })
  const step = (id: string, to: CaseState) => ({
    caseId: 'c1',
    transition: { id, to, role: 'unit', at, actor, note: '备注' } as const,
  })

  t.test(`${name}: opening a case twice under one key is one case with one number`, async (t) => {
    const { upstream, cases } = await createPeer(t)
    const first = await upstream.openCase(exampleReport('c1'), delivery('demo:c1:1'))
    const second = await upstream.openCase(exampleReport('c1'), delivery('demo:c1:1'))
    t.ok(first.ref)
    t.equal(second.ref, first.ref)
    t.equal(cases(), 1)
  })

  t.test(`${name}: a change whose answer got lost may be repeated`, async (t) => {
    const { upstream, cases, steps, behave } = await createPeer(t)
    behave('answers-get-lost')
    await t.rejects(upstream.openCase(exampleReport('c1'), delivery('demo:c1:1')), {
      name: 'UpstreamError',
      retryable: true,
    })
    behave('well')
    const { ref } = await upstream.openCase(exampleReport('c1'), delivery('demo:c1:1'))
    t.equal(cases(), 1)
    behave('answers-get-lost')
    await t.rejects(upstream.transition(ref, step('2', 'accepted'), delivery('demo:c1:2')), {
      name: 'UpstreamError',
      retryable: true,
    })
    behave('well')
    await upstream.transition(ref, step('2', 'accepted'), delivery('demo:c1:2'))
    t.same(steps(ref), ['reported', 'accepted'])
  })

  t.test(`${name}: steps arrive in the order they are sent`, async (t) => {
    const { upstream, steps } = await createPeer(t)
    const { ref } = await upstream.openCase(exampleReport('c1'), delivery('demo:c1:1'))
    for (const [id, to] of [
      ['2', 'accepted'],
      ['3', 'handling'],
      ['4', 'handled'],
    ] as const)
      await upstream.transition(ref, step(id, to), delivery(`demo:c1:${id}`))
    t.same(steps(ref), ['reported', 'accepted', 'handling', 'handled'])
  })

  t.test(`${name}: evidence arrives byte for byte, once`, async (t) => {
    const { upstream, evidence } = await createPeer(t)
    const { ref } = await upstream.openCase(exampleReport('c1'), delivery('demo:c1:1'))
    const bytes = new Uint8Array(200_000).map((_, index) => (index * 31) % 256)
    const sha256 = createHash('sha256').update(bytes).digest('hex')
    const facts = {
      caseId: 'c1',
      evidenceId: 'e1',
      type: 'snapshot',
      contentType: 'image/jpeg',
      sha256,
      bytes,
    } as const
    await upstream.evidence(ref, facts, delivery('demo:c1:evidence-e1'))
    await upstream.evidence(ref, facts, delivery('demo:c1:evidence-e1'))
    t.same(evidence(ref), [sha256])
  })

  t.test(`${name}: polling gives what happened in order, and the same again for the same cursor`, async (t) => {
    const { upstream, move } = await createPeer(t)
    const { ref } = await upstream.openCase(exampleReport('c1'), delivery('demo:c1:1'))
    const empty = await poll(upstream)
    t.same(empty.events, [])
    move(ref, 'filed')
    move(ref, 'dispatched')
    const page = await poll(upstream, empty.cursor)
    t.match(page, { hasMore: false, events: [{ to: 'filed' }, { to: 'dispatched' }] })
    t.match(page.events, [
      { caseId: 'c1', ref, caseSeq: 1, role: 'issuer' },
      { caseId: 'c1', ref, caseSeq: 2, role: 'issuer' },
    ])
    t.ok(page.events.every((event) => Math.abs((event.at ?? 0) - Date.now()) < 600_000))
    t.same(await poll(upstream, empty.cursor), page)
    t.same((await poll(upstream, page.cursor)).events, [])
    t.same((await poll(upstream)).events, page.events, 'from the beginning, too')
  })

  t.test(`${name}: only a schema refusal is final`, async (t) => {
    const { upstream, behave } = await createPeer(t)
    for (const [how, expected] of [
      ['away', { retryable: true, isPlatformWide: true }],
      ['fails', { retryable: true, isPlatformWide: true }],
      ['is-busy', { retryable: true, isPlatformWide: true, retryAfterMs: Number }],
      ['refuses-the-schema', { retryable: false, isPlatformWide: false }],
    ] as const) {
      behave(how)
      const failure = await upstream.openCase(exampleReport('c1'), delivery('demo:c1:1')).catch((error) => error)
      t.ok(failure instanceof UpstreamError, how)
      t.match(failure, expected, how)
      t.ok(failure.message.length > 0 && failure.message.length < 3000)
    }
    behave('well')
    t.ok((await upstream.openCase(exampleReport('c1'), delivery('demo:c1:1'))).ref)
  })

  t.test(`${name}: secrets are never in an error`, async (t) => {
    const { upstream, behave, secret } = await createPeer(t)
    for (const how of ['away', 'fails', 'refuses-the-schema'] as const) {
      behave(how)
      const failure = await upstream.openCase(exampleReport('c1'), delivery('demo:c1:1')).catch((error) => error)
      t.notMatch(`${failure.message} ${failure.hint} ${failure.cause} ${failure.stack}`, secret, how)
    }
  })

  t.test(`${name}: an aborted delivery ends at once`, async (t) => {
    const { upstream } = await createPeer(t)
    const stopped = new AbortController()
    stopped.abort(new Error('the bridge is stopping'))
    await t.rejects(upstream.openCase(exampleReport('c1'), delivery('demo:c1:1', stopped.signal)), /stopping/)
  })

  t.test(`${name}: a webhook is believed only as it was signed, and once`, async (t) => {
    const { upstream, move, webhook } = await createPeer(t)
    if (!webhook) return t.comment('the dialect has no webhook')
    const { ref } = await upstream.openCase(exampleReport('c1'), delivery('demo:c1:1'))
    move(ref, 'filed')
    const good = webhook(ref)
    t.match(upstream.verifyWebhook({ ...good, body: Buffer.concat([good.body, Buffer.from(' ')]) }), { status: 401 })
    t.match(upstream.verifyWebhook({ ...good, path: '/other' }), { status: 401 })
    t.match(upstream.verifyWebhook({ ...good, header: () => undefined }), { status: 401 })
    const { events } = await poll(upstream)
    t.same(upstream.verifyWebhook(good), events, 'the same events as by polling')
    t.match(upstream.verifyWebhook(good), { status: 401, refused: /before/ }, 'not a second time')
  })
}
