import { parseArgs } from 'node:util'
import { pino } from 'pino'
import { parse } from 'yaml'
import { ConfigError, StartError } from '../gateway/core/errors.ts'
import { createBridge } from './app.ts'
import { loadBridgeConfig } from './config.ts'
import { openDatabase } from './database.ts'
import { createInbox } from './inbox.ts'
import { createOutbox } from './outbox.ts'

const usage = `cloud-bridge: carries cases from a gateway to the city's platforms and their status back.

  main.ts [run] [--config bridge.yaml]     run until SIGINT or SIGTERM
  main.ts parked [--config bridge.yaml]    list what a platform refused, and what the gateway refused
  main.ts resend <id> [--config …]         send a parked row again (also while the bridge runs)
  main.ts check [--config …]               check the configuration

The configuration is the gateway's site file, or a YAML file of the bridge's own. The file may also be named by GRIDGATE_BRIDGE_CONFIG; secrets
come from GRIDGATE_BRIDGE_TOKEN and GRIDGATE_BRIDGE_SECRET_<NAME>, or from tokenFile and secretFile.
Exit codes: 0 done, 1 cannot start, 64 wrong command line, 78 wrong configuration.
`

const stopLimitMs = 5000

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    options: { config: { type: 'string', short: 'c' }, help: { type: 'boolean', short: 'h' } },
    allowPositionals: true,
  })
  const [command = 'run', ...rest] = positionals
  if (values.help) return print(usage)
  const config = loadBridgeConfig(
    values.config ?? process.env.GRIDGATE_BRIDGE_CONFIG ?? 'bridge.yaml',
    parse,
    process.env,
  )
  switch (command) {
    case 'run':
      return run(config)
    case 'parked':
      return listParked(config.dataDir)
    case 'resend':
      return resend(config.dataDir, rest)
    case 'check':
      return print('the configuration is good\n')
    default:
      process.stderr.write(`cloud-bridge: no command "${command}"\n\n${usage}`)
      return 64
  }
}

async function run(config: Parameters<typeof createBridge>[0]['config']): Promise<number> {
  const log = pino({ name: 'cloud-bridge' })
  const bridge = await createBridge({ config, log })
  // Listening for the signals first: a stop during start-up is a stop, not a crash.
  const signalled = new Promise<string>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve(signal))
  })
  await bridge.start()
  log.info({ ports: bridge.ports(), dataDir: config.dataDir }, 'cloud-bridge is running')
  const signal = await signalled
  log.info({ signal }, 'cloud-bridge is stopping')
  setTimeout(() => process.exit(1), stopLimitMs).unref()
  await bridge.stop()
  return 0
}

function listParked(dataDir: string): number {
  const database = openDatabase(dataDir)
  const outbox = createOutbox(database)
  const parked = outbox.parked(1000)
  const stuck = outbox.stuck(Date.now(), 1000)
  const refusals = createInbox(database).refusals(1000)
  database.close()
  for (const row of [...parked, ...stuck])
    print(
      `${row.id}\t${parked.includes(row) ? 'parked' : 'stuck'} at ${row.upstream}\t${row.kind}\tcase ${row.caseId}\tattempts ${row.attempts}\t${row.lastError}${row.hint ? ` (${row.hint})` : ''}\n`,
    )
  for (const row of refusals)
    print(`-\trefused by the gateway\t${row.eventId} of ${row.upstream}\tcase ${row.caseId}\t${row.lastError}\n`)
  return print(`${parked.length} parked, ${stuck.length} stuck, ${refusals.length} refused by the gateway\n`)
}

function resend(dataDir: string, ids: string[]): number {
  if (ids.length === 0 || !ids.every((id) => /^\d+$/.test(id))) {
    process.stderr.write('cloud-bridge: resend needs the number of a row; `parked` lists them\n')
    return 64
  }
  const database = openDatabase(dataDir)
  const outbox = createOutbox(database)
  const missing = ids.filter((id) => !outbox.resend(Number(id)))
  database.close()
  for (const id of missing) process.stderr.write(`cloud-bridge: row ${id} is not parked or waiting\n`)
  if (missing.length < ids.length) print(`${ids.length - missing.length} will be sent again\n`)
  return missing.length > 0 ? 1 : 0
}

function print(text: string): number {
  process.stdout.write(text)
  return 0
}

/** What went wrong in words; a stack only for what nobody foresaw. */
function explain(error: unknown): number {
  if (error instanceof ConfigError) {
    process.stderr.write(`cloud-bridge: ${error.message}\n`)
    return 78
  }
  if (error instanceof StartError) {
    process.stderr.write(`cloud-bridge: ${error.message}\n  ${error.hint}\n`)
    return 1
  }
  if (error instanceof TypeError && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS')) {
    process.stderr.write(`cloud-bridge: ${error.message}\n\n${usage}`)
    return 64
  }
  process.stderr.write(`cloud-bridge: ${error instanceof Error ? error.message : String(error)}\n`)
  return 1
}

// Exit by number, not by running dry: kept-alive connections would hold the process for seconds.
process.exit(await main().catch(explain))
