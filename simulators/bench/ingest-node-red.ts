import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import process from 'node:process'
import { DatabaseSync } from '@photostructure/sqlite'
import { freePorts } from '../ports.ts'
import { endWithUs } from '../process.ts'
import type { IngestOrder, IngestResult } from './ingest-load.ts'
import { treeCpuSeconds } from './process-cpu.ts'
import { rounded } from './report.ts'

export interface NodeRedOptions {
  devices: number
  seconds: number
  load(devices: number): Promise<{ child: ChildProcess; port: number }>
  order(child: ChildProcess, what: IngestOrder): Promise<IngestResult>
}

/**
 * What a user would build otherwise: a Node-RED flow mqtt in → JSON → switch → function that inserts into SQLite in
 * batches, with the same SQLite as ours. Counted are rows, for Node-RED acknowledges before it stores. It is no
 * dependency of this project; undefined where it is not installed.
 */
export async function measureNodeRed(options: NodeRedOptions): Promise<Record<string, number> | undefined> {
  const entry = findNodeRed()
  if (!entry) return undefined
  const dir = mkdtempSync(join(tmpdir(), 'gridgate-node-red-'))
  const [port] = await freePorts(1)
  const { child: load, port: broker } = await options.load(options.devices)
  const file = join(dir, 'measurements.db')
  writeFileSync(join(dir, 'settings.js'), settings(port!, file))
  writeFileSync(join(dir, 'flows.json'), JSON.stringify(flow(broker)))
  const subscribed = once(load, 'message')
  const arguments_ = [entry, '--userDir', dir, '--settings', join(dir, 'settings.js')]
  const child = endWithUs(spawn(process.execPath, arguments_, { stdio: 'ignore' }))
  const failed = once(child, 'exit').then(([code]) => Promise.reject(new Error(`Node-RED ended with code ${code}`)))
  failed.catch(() => {})
  try {
    await Promise.race([subscribed, failed])
    await options.order(load, { order: 'round' })
    const database = new DatabaseSync(file, { readOnly: true })
    const rows = () =>
      (database.prepare('SELECT max(rowid) AS count FROM measurement').get() as { count: number }).count
    // In rounds, each waited for: under a steady flow Node-RED acknowledges, queues and stores hardly anything.
    const before = { rows: rows(), cpu: treeCpuSeconds(child.pid!), at: performance.now() }
    let stored = before.rows
    while (performance.now() - before.at < options.seconds * 1000) {
      await options.order(load, { order: 'round' })
      stored += 3 * options.devices
      while (rows() < stored) await new Promise((resolve) => setTimeout(resolve, 5))
    }
    const elapsed = (performance.now() - before.at) / 1000
    const figures = {
      messagesPerSecond: Math.round((stored - before.rows) / 3 / elapsed),
      cpuCores: rounded((treeCpuSeconds(child.pid!) - before.cpu) / elapsed, 2),
    }
    database.close()
    return figures
  } finally {
    child.kill('SIGKILL')
    load.kill('SIGKILL')
    rmSync(dir, { recursive: true, force: true })
  }
}

/** `red.js` of Node-RED: named by NODE_RED, or beside the `node-red` command. */
function findNodeRed(): string | undefined {
  const named = process.env.NODE_RED
  if (named) return named
  return (process.env.PATH ?? '')
    .split(delimiter)
    .map((folder) => join(folder, '../lib/node_modules/node-red/red.js'))
    .find((file) => existsSync(file))
}

function settings(port: number, file: string): string {
  const sqlite = createRequire(import.meta.url).resolve('@photostructure/sqlite')
  return `module.exports = {
  uiHost: '127.0.0.1', uiPort: ${port}, flowFile: 'flows.json', httpAdminRoot: false, logging: { console: { level: 'off' } },
  functionGlobalContext: { state: { sqlite: require(${JSON.stringify(sqlite)}), file: ${JSON.stringify(file)}, rows: [] } },
}`
}

// What is kept under `state` is handed out by reference; a node's own context would be copied at every message.
const open = `const state = global.get('state')
const database = new state.sqlite.DatabaseSync(state.file)
database.exec('PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; CREATE TABLE IF NOT EXISTS measurement (at INTEGER, topic TEXT, metric TEXT, value REAL)')
const insert = database.prepare('INSERT INTO measurement VALUES (?, ?, ?, ?)')
state.timer = setInterval(() => {
  const rows = state.rows
  if (rows.length === 0) return
  state.rows = []
  database.exec('BEGIN')
  for (const row of rows) insert.run(...row)
  database.exec('COMMIT')
}, 20)`

const store = `const { rows } = global.get('state')
for (const metric in msg.payload.values) rows.push([Date.now(), msg.topic, metric, msg.payload.values[metric]])`

function flow(broker: number): unknown[] {
  const node = (id: string, type: string, wires: string[], more: object) => ({
    id,
    type,
    z: 'flow',
    wires: [wires],
    x: 0,
    y: 0,
    ...more,
  })
  return [
    { id: 'flow', type: 'tab', label: 'ingest' },
    {
      id: 'broker',
      type: 'mqtt-broker',
      broker: '127.0.0.1',
      port: String(broker),
      clientid: 'node-red',
      autoConnect: true,
      protocolVersion: '4',
      keepalive: '60',
      cleansession: false,
    },
    node('in', 'mqtt in', ['json'], {
      topic: 'site/+/+/up',
      qos: '1',
      datatype: 'buffer',
      broker: 'broker',
      inputs: 0,
    }),
    node('json', 'json', ['switch'], { property: 'payload', action: 'obj' }),
    node('switch', 'switch', ['store'], {
      property: 'payload.values.temperatureCelsius',
      propertyType: 'msg',
      rules: [{ t: 'lt', v: '80', vt: 'num' }],
      checkall: 'true',
      outputs: 1,
    }),
    node('store', 'function', [], {
      func: store,
      initialize: open,
      finalize: "clearInterval(global.get('state').timer)",
      outputs: 0,
    }),
  ]
}
