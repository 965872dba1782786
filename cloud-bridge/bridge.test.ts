import { createHash } from 'node:crypto'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { BehaviourChange } from '../simulators/grid-platform/behaviour.ts'
import { createGridPlatform } from '../simulators/grid-platform/platform.ts'
import { createBridge } from './app.ts'
import type { BridgeConfigInput } from './config.ts'
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

async function setting(t: Test, options: { behaviour?: BehaviourChange; config?: Partial<BridgeConfigInput> } = {}) {
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
  let bridge = await createBridge({ config })
  t.teardown(() => bridge.stop())
  return {
    gateway,
    platform,
    config,
    bridge: () => bridge,
    async start(more: Partial<BridgeConfigInput> = {}) {
      await bridge.stop()
      bridge = await createBridge({ config: { ...config, ...more } })
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
