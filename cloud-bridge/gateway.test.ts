import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { apiStarter, bridgeToken } from '../gateway/api/testing/start-api.ts'
import type { Alarm } from '../gateway/core/alarm.ts'
import type { Case, CaseTransition } from '../gateway/core/case.ts'
import { createEvidenceStore } from '../gateway/storage/evidence.ts'
import { openStore } from '../gateway/storage/store.ts'
import { createGridPlatform } from '../simulators/grid-platform/platform.ts'
import { createBridge } from './app.ts'

const start = apiStarter({ openStore, createEvidenceStore })
const secret = 'a-secret-of-the-demo-site'
const system = { type: 'system', id: 'gateway' } as const
const quick = { file: 5, dispatch: 5, accept: 5, handle: 5, verify: 5, close: 5 }

async function until(what: string, holds: () => unknown): Promise<void> {
  for (const end = Date.now() + 30_000; !holds(); ) {
    if (Date.now() > end) throw new Error(`never happened: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

t.test('with the real gateway: case and evidence go up, number and all steps come back', async (t) => {
  const gateway = await start(t)
  gateway.clock.at = Date.now()
  const { store, evidence, clock } = gateway
  const platform = await createGridPlatform({
    port: 0,
    dataDir: join(gateway.dir, 'platform'),
    secrets: { demo: { secret, site: 'garden' } },
    behaviour: { delaysMs: quick, dispatchTo: 'street', reworkTimes: 1 },
  })
  t.teardown(() => platform.stop())
  const bridge = await createBridge({
    config: {
      site: 'garden',
      dataDir: join(gateway.dir, 'bridge'),
      gateway: { url: gateway.url, token: bridgeToken },
      upstreams: [{ name: 'street', kind: 'grid-rest', url: platform.url, keyId: 'demo', secret, pollMs: 50 }],
      retry: { minMs: 10, maxMs: 100 },
      journalWaitMs: 1000,
    },
  })
  t.teardown(() => bridge.stop())
  await bridge.start()

  const place = { site: 'garden', building: 'b3', lift: 'l1', gridCell: '310104001001001' }
  const alarm: Alarm = {
    id: 'alarm-1',
    scene: 'ebike-in-elevator',
    kind: 'ebike_in_elevator',
    severity: 'high',
    certainty: 0.9,
    place,
    source: { type: 'camera', id: 'camera-1' },
    raisedAt: clock.at,
    lastSeenAt: clock.at,
    count: 1,
    isActive: true,
    isAcknowledged: false,
    why: [],
    evidence: [],
    warnings: [],
    caseId: 'case-1',
  }
  const transition: CaseTransition = { to: 'reported', at: clock.at, actor: system, role: 'reporter' }
  const opened: Case = {
    id: 'case-1',
    number: '2026-000001',
    type: 'ebike_in_elevator',
    code: 'x10999',
    title: '电动自行车进电梯',
    severity: 'high',
    place,
    alarmIds: ['alarm-1'],
    state: 'reported',
    level: 'X',
    upstream: 'street',
    openedAt: clock.at,
    returnedCount: 0,
    reworkCount: 0,
    history: [transition],
  }
  store.transact((transaction) => {
    transaction.putAlarm(alarm, { type: 'raised', alarm }, system, clock.at)
    transaction.putCase(opened, transition, system)
  })
  const { id, temporaryFile } = evidence.reserve('alarm-1', 'snapshot', 'jpg')
  writeFileSync(temporaryFile, 'a picture')
  const facts = { type: 'snapshot', camera: 'camera-1', fromAt: clock.at, toAt: clock.at } as const
  const snapshot = await evidence.commit(id, { ...facts, contentType: 'image/jpeg' })
  store.transact((transaction) =>
    transaction.putAlarm(
      { ...alarm, evidence: [snapshot] },
      { type: 'evidence-added', at: clock.at, evidence: snapshot },
      system,
      clock.at,
    ),
  )

  await until('closed', () => store.case('case-1')?.state === 'closed')
  const closed = store.case('case-1')!
  t.match(closed, { upstream: 'street', upstreamRef: /^WG-/, reworkCount: 1 })
  t.same(
    closed.history.slice(1).map(({ actor, to }) => `${actor.type} ${to}`),
    [
      'filed',
      'dispatched',
      'accepted',
      'handling',
      'handled',
      'rework',
      'handling',
      'handled',
      'verified',
      'closed',
    ].map((to) => `bridge ${to}`),
  )
  await until('the snapshot is there', () => platform.evidence(closed.upstreamRef!).length === 1)
  t.equal(platform.evidence(closed.upstreamRef!)[0]?.sha256, snapshot.sha256)
  await until('all is settled', () => bridge.status().inbox.waiting === 0)
  t.match(bridge.status(), { inbox: { refused: 0, waiting: 0 }, upstreams: [{ outbox: { parked: 0 } }] })
  t.match(platform.ledger().cases[0]?.report.matter, { SXDM: '31010410999' })
})
