import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { stringify } from 'yaml'
import { freePorts } from '../ports.ts'
import { nodeArguments, superviseProcess } from '../process.ts'
import type { IngestOrder, IngestResult } from './ingest-load.ts'
import { measureMosquitto } from './ingest-mosquitto.ts'
import { measureNodeRed } from './ingest-node-red.ts'
import { residentBytes, treeCpuSeconds } from './process-cpu.ts'
import { type BenchResult, quantile, rounded, textTable } from './report.ts'

export const name = 'ingest'

const root = fileURLToPath(new URL('../../', import.meta.url))
const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
const site = 'bench'

interface Run {
  devices: number
  messagesPerSecond: number
  cpuCores: number
  rssBytes: number
  /** The same after the flow: what V8 lets lie while it is busy counts too. */
  busyRssBytes: number
}

/**
 * Messages of three measurements from the MQTT socket to stored rows and evaluated scenes, acknowledged after the batch
 * is stored. The load generator is the gateway's broker, so that no broker stands in the way of what is measured.
 */
export async function run({ quick }: { quick: boolean }): Promise<BenchResult> {
  const seconds = quick ? 3 : 15
  const rounds = quick ? 1 : 3
  const sizes = quick ? [1_000] : [1_000, 10_000]
  const runs: Run[] = []
  for (let round = 0; round < rounds; round++)
    for (const devices of sizes) runs.push(await measureGateway(devices, seconds))
  const nodeRed = await measureNodeRed({ devices: sizes[0]!, seconds, load: startLoad, order })
  const mosquitto = await measureMosquitto(seconds)
  const bySize = sizes.map((devices) => {
    const mine = runs.filter((each) => each.devices === devices)
    const median = (of: (each: Run) => number) => quantile(mine.map(of), 0.5)
    return {
      devices,
      messagesPerSecond: Math.round(median((each) => each.messagesPerSecond)),
      cpuCores: rounded(
        median((each) => each.cpuCores),
        2,
      ),
      rssBytes: median((each) => each.rssBytes),
      busyRssBytes: median((each) => each.busyRssBytes),
    }
  })
  const [small, large] = [bySize[0]!, bySize.at(-1)!]
  const peers: BenchResult['peers'] = {}
  if (nodeRed) peers['node-red'] = nodeRed
  if (mosquitto) peers.mosquitto = mosquitto
  return {
    metrics: {
      messagesPerSecond: small.messagesPerSecond,
      messagesPerSecond10000Devices: large.devices === 10_000 ? large.messagesPerSecond : 0,
      cpuCores: small.cpuCores,
      ...(small === large
        ? { bytesPerDevice: Math.round(small.rssBytes / small.devices) }
        : {
            bytesPerDevice: Math.round((large.rssBytes - small.rssBytes) / (large.devices - small.devices)),
            busyBytesPerDevice: Math.round((large.busyRssBytes - small.busyRssBytes) / (large.devices - small.devices)),
          }),
    },
    peers,
    notes: [
      `${rounds} round(s) of ${seconds} s; three measurements a message, QoS 1, acknowledged when stored in SQLite`,
      small === large
        ? 'bytes per device is the whole process divided by the devices'
        : 'bytes per device: growth of the process from 1,000 to 10,000 devices that have reported; busy: after the flow',
      nodeRed
        ? 'node-red: mqtt in → JSON → switch → batched SQLite insert; acknowledged before it is stored'
        : nodeRedMissing,
      ...(mosquitto
        ? ['mosquitto: the same messages through the broker alone, to a client that only acknowledges']
        : []),
    ],
    table: textTable([
      ['', 'devices', 'messages/s', 'CPU cores', 'memory MB', 'busy MB'],
      ...bySize.map((each) => [
        'gridgate',
        each.devices,
        each.messagesPerSecond,
        each.cpuCores,
        rounded(each.rssBytes / 1e6),
        rounded(each.busyRssBytes / 1e6),
      ]),
      ...Object.entries(peers).map(([peer, { messagesPerSecond, cpuCores }]) => [
        peer,
        sizes[0]!,
        messagesPerSecond!,
        cpuCores!,
        '',
        '',
      ]),
    ]),
  }
}

const nodeRedMissing = 'node-red was not found (NODE_RED names its red.js): that peer was not measured'

/** The generator's process and the port its broker listens on. */
export async function startLoad(devices: number): Promise<{ child: ChildProcess; port: number }> {
  const entry = fileURLToPath(new URL(`./ingest-load.${extension}`, import.meta.url))
  const child = spawn(process.execPath, nodeArguments([entry, JSON.stringify({ site, devices })]), {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  const [{ port }] = (await once(child, 'message')) as [{ port: number }]
  return { child, port }
}

/** Gives the generator an order and waits for its figures. */
export async function order(child: ChildProcess, what: IngestOrder): Promise<IngestResult> {
  child.send(what)
  const [result] = (await once(child, 'message')) as [IngestResult]
  return result
}

async function measureGateway(devices: number, seconds: number): Promise<Run> {
  const dir = mkdtempSync(join(tmpdir(), 'gridgate-ingest-'))
  const load = await startLoad(devices)
  const [http] = await freePorts(1)
  const siteFile = join(dir, 'site.yaml')
  writeFileSync(siteFile, stringify(siteOf(dir, devices, http!, load.port)))
  const gateway = superviseProcess({
    name: 'gateway',
    args: [join(root, `gateway/main.${extension}`), 'run', siteFile],
    isReady: /^console {2}/,
    logFile: join(dir, 'gateway.log'),
    restarts: false,
  })
  try {
    const subscribed = once(load.child, 'message')
    await gateway.start()
    await subscribed
    await order(load.child, { order: 'round' })
    const rssBytes = residentBytes(gateway.pid!)
    const cpuBefore = treeCpuSeconds(gateway.pid!)
    const begun = performance.now()
    const { acknowledged, seconds: measured } = await order(load.child, { order: 'flow', seconds })
    const cpuCores = ((treeCpuSeconds(gateway.pid!) - cpuBefore) * 1000) / (performance.now() - begun)
    const busyRssBytes = residentBytes(gateway.pid!)
    return { devices, messagesPerSecond: acknowledged / measured, cpuCores, rssBytes, busyRssBytes }
  } finally {
    await gateway.stop()
    load.child.kill('SIGKILL')
    rmSync(dir, { recursive: true, force: true })
  }
}

function siteOf(dir: string, devices: number, http: number, mqtt: number) {
  return {
    site: { id: site, name: { zh: '测试', en: 'Bench' } },
    dataDir: join(dir, 'data'),
    http: { port: http },
    mqtt: { external: { url: `mqtt://127.0.0.1:${mqtt}` } },
    buildings: [{ id: 'b', name: { zh: '楼', en: 'B' } }],
    devices: Array.from({ length: devices }, (_, n) => ({
      id: `device-${n}`,
      name: { zh: `设备${n}`, en: `Device ${n}` },
      kind: 'climate',
      place: { building: 'b' },
    })),
    models: { dir: join(root, 'models') },
  }
}
