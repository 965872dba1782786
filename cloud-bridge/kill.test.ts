import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { compileFolders } from './testing/compiled.ts'
import { createGatewayPeer, type GatewayPeer } from './testing/gateway-peer.ts'

/*
 * Bridge and platform as real processes, killed -9 at random moments while cases flow. The gateway lives in this process
 * and knows what happened; the platform's ledger says what arrived.
 */

const rounds = 20
const seed = Number(process.env.GRIDGATE_TEST_SEED ?? 20261122)
const secret = 'a-secret-of-the-demo-site'
const deadlineMs = 120_000

// Some fifty starts of two programs, on a machine that may be busy with other tests.
t.setTimeout(600_000)

interface LedgerCase {
  ref: string
  caseId: string
  state: string
  steps: Array<{ to: string; origin: 'site' | 'platform' }>
  evidence: Array<{ evidenceId: string }>
}
interface Ledger {
  cases: LedgerCase[]
  deliveries: Array<{ key: string; received: number }>
  sequence: Array<{ streams: Array<{ missing: unknown[]; received: number }> }>
}

/** Mulberry32: the same moments in every run of one seed. */
function createRandom(state: number): () => number {
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  return typeof address === 'object' && address ? address.port : 0
}

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

async function until(what: string, holds: () => unknown): Promise<void> {
  const end = Date.now() + deadlineMs
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`never happened: ${what}`)
    await sleep(50)
  }
}

/** A program of ours that is started again after each kill, on the same data. */
function createVictim(t: Test, file: string, argv: string[], isRunning: RegExp) {
  let child: ChildProcess | undefined
  async function kill() {
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill('SIGKILL')
    await ended
  }
  t.teardown(kill)
  return {
    kill,
    async start() {
      const started = spawn(process.execPath, [file, ...argv], { stdio: ['ignore', 'pipe', 'pipe'] })
      child = started
      let output = ''
      started.stderr.on('data', (chunk) => {
        output += chunk
      })
      for await (const chunk of started.stdout) {
        output += chunk
        if (isRunning.test(output)) {
          started.stdout.resume()
          return
        }
      }
      throw new Error(`${file} ended: ${output}`)
    },
  }
}

/** Answers as the property's people would: whatever is dispatched gets done. */
function workAsProperty(gateway: GatewayPeer): void {
  for (const { id, state, upstreamRef } of gateway.cases()) {
    if (!upstreamRef) continue
    if (state === 'dispatched') gateway.step(id, { to: 'accepted', role: 'unit' })
    else if (state === 'accepted' || state === 'rework') gateway.step(id, { to: 'handling', role: 'unit' })
    else if (state === 'handling') gateway.step(id, { to: 'handled', role: 'unit', note: '已处置' })
  }
}

t.test(`no case is lost and none is there twice when either side is killed ${rounds} times`, async (t) => {
  t.comment(`seed ${seed}`)
  const random = createRandom(seed)
  const dir = t.testdir()
  compileFolders(join(dir, 'built'), ['gateway/core', 'cloud-bridge', 'simulators/grid-platform'])
  const gateway = await createGatewayPeer('demo')
  t.teardown(() => gateway.close())
  const [platformPort, webhookPort] = [await freePort(), await freePort()]
  const behaviour = {
    delaysMs: { file: 30, dispatch: 30, verify: 30, close: 30 },
    reworkTimes: 1,
    loseAnswerShare: 0.1,
    fault: { status: 503, share: 0.05 },
  }
  const platform = createVictim(
    t,
    join(dir, 'built/simulators/grid-platform/main.js'),
    [
      ...['--data-dir', join(dir, 'platform'), '--port', String(platformPort), '--secret', secret],
      ...['--webhook', `http://127.0.0.1:${webhookPort}/webhook`, '--behaviour', JSON.stringify(behaviour)],
    ],
    /"url"/,
  )
  const config = {
    site: 'demo',
    dataDir: join(dir, 'bridge'),
    gateway: { url: gateway.url, token: gateway.token },
    upstreams: [
      {
        name: 'street',
        kind: 'grid-rest',
        url: `http://127.0.0.1:${platformPort}/grid/v1`,
        keyId: 'demo',
        secret,
        pollMs: 200,
        webhook: { port: webhookPort },
      },
    ],
    retry: { minMs: 20, maxMs: 500 },
    journalWaitMs: 500,
    requestTimeoutMs: 2000,
  }
  writeFileSync(join(dir, 'bridge.yaml'), JSON.stringify(config))
  const bridge = createVictim(
    t,
    join(dir, 'built/cloud-bridge/main.js'),
    ['run', '--config', join(dir, 'bridge.yaml')],
    /is running/,
  )
  await Promise.all([platform.start(), bridge.start()])

  const stayed: string[] = []
  const lifted: string[] = []
  const evidence = new Map<string, number>()
  for (let round = 0; round < rounds; round += 1) {
    for (let n = 0; n < 3; n += 1) {
      const severity = (['low', 'medium', 'high', 'critical'] as const)[Math.floor(random() * 4)]!
      const isLocal = random() < 0.4
      const { id, alarmIds } = gateway.report({ severity, level: isLocal ? 'P' : 'X' })
      if (random() < 0.5) {
        gateway.addEvidence(alarmIds[0]!, 'snapshot', new TextEncoder().encode(`picture of ${id}`))
        evidence.set(id, 1)
      }
      if (isLocal) stayed.push(id)
      else lifted.push(id)
    }
    // What the property could not settle goes up after all.
    if (stayed.length > 2 && random() < 0.7) {
      const id = stayed.shift()!
      gateway.lift(id)
      lifted.push(id)
    }
    const mode = random()
    gateway.mode = mode < 0.15 ? 'away' : mode < 0.3 ? 'lossy' : 'well'
    for (const end = Date.now() + random() * 500; Date.now() < end; await sleep(20)) workAsProperty(gateway)
    const victims = random() < 0.4 ? [bridge] : random() < 0.7 ? [platform] : [bridge, platform]
    await Promise.all(victims.map((victim) => victim.kill()))
    await Promise.all(victims.map((victim) => victim.start()))
    gateway.mode = 'well'
  }

  await until('every case is closed', () => {
    workAsProperty(gateway)
    return lifted.every((id) => gateway.case(id).state === 'closed')
  })
  const url = `http://127.0.0.1:${platformPort}/control/ledger`
  let ledger: Ledger | undefined
  await until('everything has arrived', async () => {
    ledger = (await (await fetch(url)).json()) as Ledger
    const files = ledger.cases.reduce((sum, { evidence: items }) => sum + items.length, 0)
    const expected = lifted.reduce((sum, id) => sum + (evidence.get(id) ?? 0), 0)
    return ledger.sequence[0]?.streams[0]?.missing.length === 0 && files === expected
  })
  const { cases, deliveries, sequence } = ledger!
  t.same(cases.map(({ caseId }) => caseId).sort(), [...lifted].sort(), 'each case that went up is there exactly once')
  t.equal(sequence[0]?.streams.length, 1, 'the bridge never lost its outbox')
  for (const { caseId, ref, steps } of cases) {
    const { history, upstreamRef } = gateway.case(caseId)
    if (upstreamRef !== ref) t.equal(upstreamRef, ref, 'the gateway knows the number of the platform')
    const ours = history.filter(({ actor }) => actor.type !== 'bridge').map(({ to }) => to)
    const arrived = steps.filter(({ origin }) => origin === 'site').map(({ to }) => to)
    if (ours.join() !== arrived.join()) t.same(arrived, ours, `every step of ${caseId} arrived once and in order`)
    const theirs = history.filter(({ actor }) => actor.type === 'bridge').map(({ to }) => to)
    const told = steps.filter(({ origin }) => origin === 'platform').map(({ to }) => to)
    if (theirs.join() !== told.join()) t.same(theirs, told, `every status of ${caseId} came back once and in order`)
  }
  t.equal(gateway.calls.refused, 0, 'the gateway never had to refuse a status')
  const received = deliveries.reduce((sum, delivery) => sum + delivery.received, 0)
  t.comment(
    `${cases.length} cases, ${deliveries.length} changes applied, ${received - deliveries.length} repeats recognised by ` +
      `the platform, ${gateway.calls.repeated} by the gateway`,
  )
  t.ok(received > deliveries.length, 'the kills and lost answers really led to repeats')
})
