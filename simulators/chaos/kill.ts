import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { BenchResult } from '../bench/report.ts'
import { rounded, textTable } from '../bench/report.ts'
import { type Compound, startCompound } from '../compound.ts'
import { compoundPorts } from '../ports.ts'
import { seededRandom } from '../random.ts'

export const name = 'kill'

const lifts = 4
const quickFaults = 4
const fullFaults = 200
/** Time for a bridge and platform that lost each other to catch up at the end. */
const settleMs = 120_000

interface JournalRow {
  seq: number
  topic: string
  subject: string
  transition: string
  hash: string
  previousHash: string
  data: { alarm?: { id: string; caseId?: string }; case?: { id: string } }
}

/**
 * kill -9 of broker, gateway, bridge, inference (with its gateway) and platform connections at random moments while
 * e-bikes enter lifts. A watcher reads the journal as the console does; whatever it was ever told must still be there at
 * the end, in one unbroken chain, and every case must be at the platform exactly once.
 */
export async function run(options: { quick: boolean; faults?: number; seed: number }): Promise<BenchResult> {
  const faults = options.faults ?? (options.quick ? quickFaults : fullFaults)
  const random = seededRandom(options.seed)
  const dir = mkdtempSync(join(tmpdir(), 'gridgate-chaos-'))
  const ports = await compoundPorts()
  const compound = await startCompound({
    dir,
    lifts,
    devices: 20,
    ports,
    reportEveryMs: 2_000,
    site: {
      scenes: [{ scene: 'ebike-in-elevator', lifts: 'all', options: { goneAfterMs: 1000, quietMs: 0 } }],
    },
    platformBehaviour: { delaysMs: { file: 50, dispatch: 50, accept: 50, handle: 100, verify: 50, close: 50 } },
  })
  const stop = new AbortController()
  try {
    const token = readFileSync(join(dir, 'gateway/bridge-token'), 'utf8').trim()
    const seen = new Map<number, JournalRow>()
    const watching = watchJournal(`http://127.0.0.1:${ports.http}`, token, seen, stop.signal)
    const playing = keepEntering(compound, random, stop.signal)
    const counts: Record<string, number> = {}
    for (let fault = 0; fault < faults; fault++) {
      await new Promise((resolve) => setTimeout(resolve, 200 + random() * 2500))
      const victim = await strike(compound, random)
      counts[victim] = (counts[victim] ?? 0) + 1
    }
    stop.abort()
    await Promise.all([watching, playing])
    return await settle(compound, { http: ports.http, token, seen, faults, counts })
  } finally {
    stop.abort()
    await compound.stop()
    rmSync(dir, { recursive: true, force: true })
  }
}

/** One fault: a process dies, or the platform cuts every connection for a moment. */
async function strike(compound: Compound, random: () => number): Promise<string> {
  const victims = ['gateway', 'bridge', 'broker', 'platform', 'cameras'] as const
  const victim = victims[Math.floor(random() * victims.length)]!
  if (victim === 'platform') {
    compound.platform.behave({ isAway: true })
    await new Promise((resolve) => setTimeout(resolve, 100 + random() * 500))
    compound.platform.behave({ isAway: false, loseAnswerShare: random() < 0.5 ? 0.3 : 0 })
  } else if (victim === 'cameras') {
    const lift = `b${1 + Math.floor(random() * lifts)}-lift`
    compound.cameras.unplug(lift)
    await new Promise((resolve) => setTimeout(resolve, 300))
    compound.cameras.replug(lift)
  } else {
    const process = compound[victim]!
    process.kill()
    // A second kill would hit nothing while the first is still being mended, so now and then it comes early.
    if (random() < 0.8) await process.untilReady().catch(() => {})
  }
  return victim
}

async function keepEntering(compound: Compound, random: () => number, signal: AbortSignal): Promise<void> {
  await Promise.all(
    Array.from({ length: lifts }, async (_, index) => {
      while (!signal.aborted) {
        await compound.stage.show(`b${index + 1}-lift-cam`, 'e-bike').catch(() => {})
        const until = Date.now() + 27_000 + random() * 5_000
        while (Date.now() < until && !signal.aborted) await new Promise((resolve) => setTimeout(resolve, 200))
      }
    }),
  )
}

/** Reads the journal from a cursor like the console and the bridge; what it is told once must never change. */
async function watchJournal(
  url: string,
  token: string,
  seen: Map<number, JournalRow>,
  signal: AbortSignal,
): Promise<void> {
  let after = 0
  while (!signal.aborted) {
    try {
      const rows = await readJournal(url, token, after, 1000)
      for (const row of rows) seen.set(row.seq, row)
      after = rows.at(-1)?.seq ?? after
    } catch {
      // The gateway is down at the moment; that is what this is about.
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  }
}

async function readJournal(url: string, token: string, after: number, waitMs: number): Promise<JournalRow[]> {
  const response = await fetch(`${url}/api/v1/journal?after=${after}&limit=500&waitMs=${waitMs}`, {
    headers: { authorization: `Bearer ${token}` },
    signal: AbortSignal.timeout(waitMs + 5_000),
  })
  if (!response.ok) throw new Error(`the journal was answered ${response.status}`)
  return ((await response.json()) as { entries: JournalRow[] }).entries
}

async function settle(
  compound: Compound,
  facts: { http: number; token: string; seen: Map<number, JournalRow>; faults: number; counts: Record<string, number> },
): Promise<BenchResult> {
  const { seen, token } = facts
  const url = `http://127.0.0.1:${facts.http}`
  compound.platform.behave({ isAway: false, loseAnswerShare: 0, fault: { status: 503, share: 0 } })
  await Promise.all([compound.gateway.untilReady(), compound.bridge.untilReady(), compound.broker?.untilReady()])
  const journal: JournalRow[] = []
  for (;;) {
    const rows = await readJournal(url, token, journal.at(-1)?.seq ?? 0, 0)
    if (rows.length === 0) break
    journal.push(...rows)
  }
  const kept = new Map(journal.map((row) => [row.seq, row]))
  const lostRows = [...seen.values()].filter((row) => kept.get(row.seq)?.hash !== row.hash).length
  const isBroken = journal.some((row, index) => index > 0 && row.previousHash !== journal[index - 1]!.hash)
  const raised = new Set(journal.filter(({ transition }) => transition === 'raised').map(({ subject }) => subject))
  const withCase = new Set(
    journal.flatMap(({ topic, data }) => (topic === 'alarm' && data.alarm?.caseId ? [data.alarm.id] : [])),
  )
  const lostAlarms = [...raised].filter((id) => !withCase.has(id)).length
  const cases = new Set(journal.flatMap(({ data }) => (data.case ? [data.case.id] : [])))
  const atPlatform = () => compound.platform.ledger().cases.map(({ caseId }) => caseId)
  const deadline = Date.now() + settleMs
  while ([...cases].some((id) => !atPlatform().includes(id)) && Date.now() < deadline)
    await new Promise((resolve) => setTimeout(resolve, 500))
  const arrived = atPlatform()
  const lostCases = [...cases].filter((id) => !arrived.includes(id)).length
  const duplicated = arrived.length - new Set(arrived).size
  const lost = lostRows + lostAlarms + lostCases + (isBroken ? 1 : 0)
  const struck = Object.entries(facts.counts).map(([victim, count]) => [victim, count])
  return {
    metrics: {
      faults: facts.faults,
      lost,
      duplicated,
      alarms: raised.size,
      cases: cases.size,
      journalRows: journal.length,
      repeatedDeliveries: rounded(
        compound.platform.ledger().deliveries.reduce((sum, { received }) => sum + received - 1, 0),
        0,
      ),
    },
    peers: {},
    notes: [
      'repeatedDeliveries: requests the platform received again and recognised by their idempotency key',
      ...(isBroken ? ['the hash chain of the journal is broken'] : []),
    ],
    table: textTable([
      ['struck', 'times'],
      ...struck,
      ['alarms', raised.size],
      ['journal rows', journal.length],
      ['rows lost', lostRows],
      ['alarms without case', lostAlarms],
      ['cases', cases.size],
      ['cases not at the platform', lostCases],
      ['cases twice at the platform', duplicated],
    ]),
  }
}
