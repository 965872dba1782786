import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { randomBytes, scryptSync } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePorts } from '../ports.ts'
import { endWithUs } from '../process.ts'
import type { LoadOrder, LoadResult } from './broker-load.ts'
import { residentBytes } from './process-cpu.ts'

export const name = 'broker'

export type BrokerFigures = {
  qos0PerSecond: number
  qos1PerSecond: number
  /** QoS 1 to a persistent session; ours flushes every message to the disk first, Mosquitto keeps it in memory. */
  qos1KeptPerSecond: number
  fanInPerSecond: number
  /** Of the broker's process with 2,000 clients that are connected and subscribed. */
  rss2000ClientsBytes: number
}

interface RunningBroker {
  port: number
  process: ChildProcess
}

const clients = 2_000
const password = randomBytes(16).toString('hex')

/**
 * Compares the embedded broker with Mosquitto on this machine: each in its own process, load from another, loopback,
 * 100-byte messages. Figures are medians; the brokers take turns so that both see the same weather.
 */
export async function run({ quick }: { quick: boolean }): Promise<{
  metrics: BrokerFigures
  peers: Record<string, BrokerFigures>
  notes: string[]
  table: string
}> {
  const rounds = quick ? 1 : 5
  const seconds = quick ? 1 : 3
  const notes = [`${rounds} round(s) of ${seconds} s per figure, 100-byte payload, loopback`]
  if (quick) notes.push('quick mode: small counts, figures are not comparable')
  const dir = mkdtempSync(join(tmpdir(), 'bench-broker-'))
  const starters: Record<string, () => Promise<RunningBroker>> = { gridgate: () => startOurs(dir) }
  if (spawnSync('mosquitto', ['-h']).error) notes.push('mosquitto is not installed: no peer was measured')
  else starters.mosquitto = () => startMosquitto(dir)

  const collected: Record<string, BrokerFigures[]> = {}
  try {
    writeCredentials(join(dir, 'clients'))
    for (let round = 0; round < rounds; round++) {
      for (const [system, start] of Object.entries(starters)) {
        collected[system] ??= []
        collected[system].push(await measure(start, seconds))
      }
    }
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
  const figures = Object.fromEntries(Object.entries(collected).map(([system, runs]) => [system, medians(runs)]))
  const { gridgate, ...peers } = figures
  return { metrics: gridgate!, peers, notes, table: render(figures) }
}

async function measure(start: () => Promise<RunningBroker>, seconds: number): Promise<BrokerFigures> {
  const broker = await start()
  const generator = spawnScript(new URL('./broker-load.ts', import.meta.url), { port: broker.port, password })
  const order = async (what: LoadOrder) => {
    generator.send(what)
    const ended = once(generator, 'exit').then(() => Promise.reject(new Error(`no figure for ${what.scenario}`)))
    const [result] = await Promise.race([once(generator, 'message'), ended])
    return Math.round((result as LoadResult).figure)
  }
  try {
    // Memory first: what a flood leaves behind is not what clients cost.
    const connected = await order({ scenario: 'connect', clients })
    if (connected !== clients) throw new Error(`${connected} of ${clients} clients connected`)
    const rss2000ClientsBytes = residentBytes(broker.process.pid!)
    return {
      qos0PerSecond: await order({ scenario: 'qos0', seconds }),
      qos1PerSecond: await order({ scenario: 'qos1', seconds }),
      qos1KeptPerSecond: await order({ scenario: 'qos1Kept', seconds }),
      fanInPerSecond: await order({ scenario: 'fanIn', seconds }),
      rss2000ClientsBytes,
    }
  } finally {
    generator.kill('SIGKILL')
    await stop(broker)
  }
}

async function startOurs(dir: string): Promise<RunningBroker> {
  const process = spawnScript(new URL('../../gateway/broker/broker-process.ts', import.meta.url), {
    site: 'bench',
    host: '127.0.0.1',
    port: 0,
    dataDir: mkdtempSync(join(dir, 'data-')),
    credentialsFile: join(dir, 'clients'),
    alarmTopics: [],
  })
  const [message] = await once(process, 'message')
  return { port: (message as { port: number }).port, process }
}

export async function startMosquitto(dir: string): Promise<RunningBroker> {
  const [port] = await freePorts(1)
  const config = join(dir, 'mosquitto.conf')
  writeFileSync(config, `listener ${port} 127.0.0.1\nallow_anonymous true\npersistence false\n`)
  const process = endWithUs(spawn('mosquitto', ['-c', config, '-v'], { stdio: ['ignore', 'ignore', 'pipe'] }))
  await new Promise<void>((resolve, reject) => {
    let output = ''
    process.stderr.on('data', (chunk) => {
      output = (output + chunk).slice(-1000)
      if (/running/.test(output)) resolve()
    })
    process.once('exit', () => reject(new Error(`mosquitto did not start: ${output}`)))
  })
  return { port: port!, process }
}

async function stop({ process }: RunningBroker): Promise<void> {
  if (process.exitCode !== null || process.signalCode !== null) return
  const exit = once(process, 'exit')
  process.kill('SIGKILL')
  await exit
}

// Runs a TypeScript file in development and its JavaScript in dist, whichever this file is.
function spawnScript(url: URL, argument: unknown): ChildProcess {
  const isSource = import.meta.url.endsWith('.ts')
  const file = isSource ? url.pathname : url.pathname.replace(/\.ts$/, '.js')
  const loader = isSource ? ['--import', 'tsx'] : []
  return spawn(process.execPath, [...loader, file, JSON.stringify(argument)], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
}

// The broker's credentials file: one JSON line per client, `scrypt$N$r$p$salt$key`.
function writeCredentials(file: string): void {
  const salt = randomBytes(16)
  const key = scryptSync(password, salt, 32, { N: 16, r: 8, p: 1 })
  const hash = `scrypt$16$8$1$${salt.toString('base64url')}$${key.toString('base64url')}`
  const devices = Array.from({ length: clients }, (_, n) => ({ id: `device-${n}`, role: 'device', hash }))
  const lines = [{ id: 'load', role: 'gateway', hash }, ...devices].map((line) => `${JSON.stringify(line)}\n`)
  writeFileSync(file, lines.join(''), { mode: 0o600 })
}

function medians(runs: BrokerFigures[]): BrokerFigures {
  const figure = (key: keyof BrokerFigures) =>
    runs.map((one) => one[key]).sort((a, b) => a - b)[Math.floor(runs.length / 2)]!
  return {
    qos0PerSecond: figure('qos0PerSecond'),
    qos1PerSecond: figure('qos1PerSecond'),
    qos1KeptPerSecond: figure('qos1KeptPerSecond'),
    fanInPerSecond: figure('fanInPerSecond'),
    rss2000ClientsBytes: figure('rss2000ClientsBytes'),
  }
}

function render(figures: Record<string, BrokerFigures>): string {
  const systems = Object.keys(figures)
  const rows: Array<[string, keyof BrokerFigures, (value: number) => string]> = [
    ['QoS 0, 1 → 1, messages/s', 'qos0PerSecond', String],
    ['QoS 1, 1 → 1, messages/s', 'qos1PerSecond', String],
    ['QoS 1 to a kept session, messages/s', 'qos1KeptPerSecond', String],
    ['QoS 0, 50 → 1, messages/s', 'fanInPerSecond', String],
    [`memory with ${clients} clients, MB`, 'rss2000ClientsBytes', (value) => (value / 1e6).toFixed(1)],
  ]
  const line = (cells: string[]) => cells.map((cell, at) => (at ? cell.padStart(12) : cell.padEnd(38))).join('')
  return [
    line(['', ...systems]),
    ...rows.map(([label, key, show]) => line([label, ...systems.map((system) => show(figures[system]![key]))])),
  ].join('\n')
}
