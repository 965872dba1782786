import t from 'tap'
import { Value } from 'typebox/value'
import { createEvidenceStore } from '../storage/evidence.ts'
import { openStore } from '../storage/store.ts'
import { sampleCase, system } from '../storage/testing/sample-rows.ts'
import { Case, CasePage } from './schemas/index.ts'
import { apiStarter } from './testing/start-api.ts'

const start = apiStarter({ openStore, createEvidenceStore })

const open = (scene: Awaited<ReturnType<typeof start>>, changes: Parameters<typeof sampleCase>[0] = {}) => {
  const current = sampleCase(changes)
  scene.store.transact((transaction) => transaction.putCase(current, { type: 'opened', at: current.openedAt }, system))
}
const step = (payload: object) => ({ method: 'POST', url: '/api/v1/cases/case-1/transitions', payload }) as const

t.test('cases are listed by state, type and whether they are open', async (t) => {
  const scene = await start(t)
  open(scene)
  open(scene, {
    id: 'case-2',
    number: '2026-000002',
    state: 'closed',
    type: 'smoke',
    openedAt: sampleCase().openedAt + 1,
  })
  const operator = await scene.login('operator')
  for (const [query, expected] of [
    ['', ['case-2', 'case-1']],
    ['open=true', ['case-1']],
    ['open=false', ['case-2']],
    ['state=reported', ['case-1']],
    ['type=smoke', ['case-2']],
  ] as const) {
    const page = (await operator.inject({ url: `/api/v1/cases?${query}` })).json()
    t.ok(Value.Check(CasePage, page), JSON.stringify(Value.Errors(CasePage, page)))
    t.same(
      page.items.map((one: Case) => one.id),
      expected,
      query,
    )
  }
  t.equal((await operator.inject({ url: '/api/v1/cases?state=lost' })).statusCode, 400)
})

t.test('a person walks a case through its steps without naming sides', async (t) => {
  const scene = await start(t)
  open(scene)
  const operator = await scene.login('operator')
  for (const payload of [
    { to: 'filed' },
    { to: 'dispatched', unit: 'security', resolveBy: '2026-11-23T00:00:00Z' },
    { to: 'accepted' },
    { to: 'handling' },
    { to: 'handled', note: 'taken out' },
    { to: 'verified' },
    { to: 'closed' },
  ]) {
    const answer = await operator.inject(step(payload))
    t.equal(answer.statusCode, 200, answer.body)
    t.ok(Value.Check(Case, answer.json()))
    t.equal(answer.json().state, payload.to)
  }
  const closed = (await operator.inject({ url: '/api/v1/cases/case-1' })).json<Case>()
  t.equal(closed.isOpen, false)
  t.equal(closed.resolveBy, '2026-11-23T00:00:00.000Z')
  t.same(
    closed.history.map((one) => one.role),
    ['issuer', 'issuer', 'unit', 'unit', 'unit', 'issuer', 'issuer'],
  )
  t.match(closed.history[0]?.actor, { type: 'user', id: 'id-operator' })
})

t.test('a step the rules refuse is a 409 in their words', async (t) => {
  const scene = await start(t)
  open(scene)
  const operator = await scene.login('operator')
  const answer = await operator.inject(step({ to: 'closed' }))
  t.equal(answer.statusCode, 409)
  const phrase = { key: 'case-step', from: 'reported', to: 'closed' }
  t.same(answer.json(), { error: { code: 'refused', message: 'a case cannot go from reported to closed', phrase } })
  t.equal((await operator.inject(step({ to: 'rejected' }))).json().error.message, 'rejected needs a reason')
  const report = await operator.inject({ method: 'POST', url: '/api/v1/cases/case-1/report' })
  t.equal(report.json().error.message, 'no upstream is configured')
})

t.test('the bridge speaks for the platform, and its repeats change nothing', async (t) => {
  const scene = await start(t)
  open(scene)
  const link = await scene.bridge({
    method: 'POST',
    url: '/api/v1/cases/case-1/upstream',
    payload: { upstream: 'grid', upstreamRef: 'G-7' },
  })
  t.match(link.json(), { upstream: 'grid', upstreamRef: 'G-7' })
  const filing = step({
    to: 'filed',
    at: '2026-11-21T23:59:00Z',
    actorName: 'duty officer 3',
    organisation: 'street centre',
    idempotencyKey: 'grid:G-7:1',
  })
  const first = await scene.bridge(filing)
  t.match(first.json().history[0], {
    at: '2026-11-21T23:59:00.000Z',
    role: 'issuer',
    actor: { type: 'bridge', id: 'duty officer 3', organisation: 'street centre' },
  })
  const repeat = await scene.bridge(filing)
  t.equal(repeat.statusCode, 200)
  t.same(repeat.json(), first.json())
  open(scene, { id: 'case-2', number: '2026-000002' })
  const elsewhere = await scene.bridge({ ...filing, url: '/api/v1/cases/case-2/transitions' })
  t.equal(elsewhere.statusCode, 409, 'a key belongs to one case')
})

t.test('a time the journal cannot hold is named, not an error of the gateway', async (t) => {
  const scene = await start(t)
  open(scene)
  for (const [field, at] of [
    ['at', '1970-01-01T00:00:00Z'],
    ['at', '0001-01-01T00:00:00Z'],
    ['respondBy', '1969-12-31T23:59:59Z'],
  ] as const) {
    const answer = await scene.bridge(step({ to: 'filed', [field]: at }))
    t.equal(answer.statusCode, 400, answer.body)
    t.match(answer.json(), { error: { code: 'invalid', details: [{ field: `body.${field}` }] } })
  }
})

t.test('a person can neither speak for others nor backdate', async (t) => {
  const scene = await start(t)
  open(scene)
  const operator = await scene.login('operator')
  t.match((await operator.inject(step({ to: 'filed', actorName: 'the boss' }))).json().error.details, [
    { field: 'body.actorName' },
  ])
  t.match((await operator.inject(step({ to: 'filed', at: '2020-01-01T00:00:00Z' }))).json().error.details, [
    { field: 'body.at' },
  ])
  t.equal(scene.store.case('case-1')?.state, 'reported')
})
