import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startCompound } from '../compound.ts'
import { compoundPorts } from '../ports.ts'
import { readMetrics, sum } from './metrics-page.ts'
import { residentBytes } from './process-cpu.ts'
import { type BenchResult, quantile, rounded, textTable } from './report.ts'

export const name = 'soak'

interface Sample {
  minutes: number
  /** Resident, of gateway and broker together, and of the gateway alone. */
  rssBytes: number
  gatewayBytes: number
  /** What JavaScript holds in the gateway's main thread, garbage of the moment included. */
  heapBytes: number
  handles: number
  lagMs: number
}

/**
 * A thousand devices for half an hour: memory, open files and answering time of gateway and broker must not grow. What
 * is reported is the slope of a line through the samples (Theil–Sen: the median of all slopes between two samples, which
 * a single collection of garbage does not move), after a first part in which caches fill.
 */
export async function run({ quick }: { quick: boolean }): Promise<BenchResult> {
  const devices = quick ? 60 : 1_000
  const minutes = quick ? 0.4 : 30
  const everyMs = quick ? 2_000 : 10_000
  const dir = mkdtempSync(join(tmpdir(), 'gridgate-soak-'))
  const ports = await compoundPorts()
  const compound = await startCompound({
    dir,
    lifts: 1,
    devices,
    reportEveryMs: quick ? 1_000 : 5_000,
    ports,
    restarts: false,
  })
  try {
    const token = readFileSync(join(dir, 'gateway/bridge-token'), 'utf8').trim()
    const begun = Date.now()
    const before = compound.fleet.acknowledged
    const samples: Sample[] = []
    while (Date.now() - begun < minutes * 60_000) {
      await new Promise((resolve) => setTimeout(resolve, everyMs))
      const pids = [compound.gateway.pid!, compound.broker!.pid!]
      const [gatewayBytes, brokerBytes] = pids.map(residentBytes) as [number, number]
      samples.push({
        minutes: (Date.now() - begun) / 60_000,
        rssBytes: gatewayBytes + brokerBytes,
        gatewayBytes,
        heapBytes: sum(await readMetrics(`${compound.consoleUrl}/metrics`, token), 'nodejs_heap_size_used_bytes'),
        handles: pids.reduce((sum, pid) => sum + readdirSync(`/proc/${pid}/fd`).length, 0),
        lagMs: await answeringMs(compound.consoleUrl),
      })
    }
    const settled = samples.slice(Math.floor(samples.length / 4))
    const slope = (of: (sample: Sample) => number) => slopePerMinute(settled, of)
    const rate = ((compound.fleet.acknowledged - before) * 1000) / (Date.now() - begun)
    const [first, last] = [settled[0]!, settled.at(-1)!]
    const row = (what: string, of: (sample: Sample) => number, digits: number) => [
      ...[what, rounded(of(first)), rounded(of(last)), rounded(slope(of), digits)],
    ]
    return {
      metrics: {
        rssSlopeBytesPerMinute: Math.round(slope(({ rssBytes }) => rssBytes)),
        heapSlopeBytesPerMinute: Math.round(slope(({ heapBytes }) => heapBytes)),
        lagSlopeMsPerMinute: rounded(
          slope(({ lagMs }) => lagMs),
          3,
        ),
        handleSlopePerMinute: rounded(
          slope(({ handles }) => handles),
          3,
        ),
        rssBytes: last.rssBytes,
        messagesPerSecond: rounded(rate),
      },
      peers: {},
      notes: [
        `${devices} devices, ${minutes} minutes, ${settled.length} samples after the first quarter`,
        'lag: the time /health takes to answer; memory and open files: gateway and broker together',
      ],
      table: textTable([
        ['', 'first', 'last', 'per minute'],
        row('memory MB', ({ rssBytes }) => rssBytes / 1e6, 3),
        row('of the gateway MB', ({ gatewayBytes }) => gatewayBytes / 1e6, 3),
        row('heap of its main thread MB', ({ heapBytes }) => heapBytes / 1e6, 3),
        row('open files', ({ handles }) => handles, 3),
        row('answer ms', ({ lagMs }) => lagMs, 3),
      ]),
    }
  } finally {
    await compound.stop()
    rmSync(dir, { recursive: true, force: true })
  }
}

/** Median of a few answers of /health: it waits behind whatever holds the event loop. */
async function answeringMs(url: string): Promise<number> {
  const times: number[] = []
  for (let n = 0; n < 5; n++) {
    const begun = performance.now()
    await (await fetch(`${url}/health`)).arrayBuffer()
    times.push(performance.now() - begun)
  }
  return quantile(times, 0.5)
}

function slopePerMinute(samples: readonly Sample[], of: (sample: Sample) => number): number {
  const slopes = samples.flatMap((a, n) => samples.slice(n + 1).map((b) => (of(b) - of(a)) / (b.minutes - a.minutes)))
  return quantile(slopes, 0.5)
}
