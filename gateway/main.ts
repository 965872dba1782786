#!/usr/bin/env node
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import pino from 'pino'
import { startApp } from './app.ts'
import { defaultLimits, startBroker } from './broker/broker.ts'
import { addCredentials, readCredentials } from './broker/credentials.ts'
import { loadSite } from './config/load.ts'
import { siteSchema } from './config/schema.ts'
import type { SiteConfig } from './config/site.ts'
import { ConfigError, StartError } from './core/errors.ts'
import { makeDataDir } from './data-dir.ts'
import { driverSchemas } from './drivers.ts'
import { exportCrops, listModels } from './learning-commands.ts'
import { ensureGatewaySecret, secretFiles } from './secrets.ts'
import { gatewayTopics, lifeSafetyTopics } from './site-parts.ts'
import { hashPassword } from './storage/password.ts'
import { openStore } from './storage/store.ts'
import { verifyEvidence, verifyJournal } from './storage/verify.ts'

const usage = `gridgate <command>

  run <site.yaml>                  the gateway: cameras, scenes, alarms, console
  broker <site.yaml>               the embedded MQTT broker, a process of its own
  check <site.yaml>                tells everything wrong with a site file; exit code 0 or 78
  verify <site.yaml>               checks the journal's hash chain and every evidence file; exit code 0 or 1
  models <site.yaml>               models with their checks, which one runs, how a candidate compares
  export-crops <site.yaml> --out <dir> [--mask-heads]
                                   crops that operators judged, as a YOLO data set for training
  schema                           prints the JSON Schema of site files, for editors
  credentials <site.yaml> <file>   makes MQTT secrets for devices that have none and writes them once to <file>
  password <site.yaml> <user>      sets a new password, read from standard input (gateway stopped)
`

/** EX_CONFIG of sysexits.h. */
const exitConfig = 78
/** Ctrl-C must end everything within 5 s; what has not stopped by then is cut. */
const stopWithinMs = 4_000

async function main(argv: string[]): Promise<number | 'running'> {
  const [command, file, argument] = argv
  if (command === 'schema') {
    console.log(JSON.stringify(siteSchema(driverSchemas, 'editor'), null, 2))
    return 0
  }
  const known = ['run', 'broker', 'check', 'verify', 'models', 'export-crops', 'credentials', 'password']
  if (!command || !known.includes(command) || !file) {
    console.error(usage)
    return command === undefined || command === '--help' ? 0 : 1
  }
  const config = loadSite(file, driverSchemas)
  switch (command) {
    case 'check':
      console.log(`${file}: fine (${config.cameras.length} cameras, ${config.devices.length} devices)`)
      return 0
    case 'verify':
      return verify(config)
    case 'models':
      return listModels(config)
    case 'export-crops':
      return exportCrops(config, argv.slice(2))
    case 'credentials':
      return makeCredentials(config, argument)
    case 'password':
      return setPassword(config, argument)
    default: {
      await collectGarbage()
      const logger = pino({ level: config.log.level }, pino.destination(2))
      stopOnSignals(command === 'run' ? await runGateway(config, logger) : await runBroker(config, logger), logger)
      return 'running'
    }
  }
}

/**
 * The syntax tree of a site file with ten thousand devices is 100 MB of garbage. V8 would let its heap grow to four times
 * that before it looked, and on a small machine others need the memory.
 */
async function collectGarbage(): Promise<void> {
  // A Node built without the inspector does its job all the same.
  const inspector = await import('node:inspector').catch(() => undefined)
  if (!inspector) return
  const session = new inspector.Session()
  session.connect()
  // A task of its own, which an early end of the session would take back.
  await new Promise<void>((resolve) => session.post('HeapProfiler.collectGarbage', () => resolve()))
  session.disconnect()
}

async function runGateway(config: SiteConfig, logger: pino.Logger): Promise<() => Promise<void>> {
  const app = await startApp({ config, logger })
  console.log(`console  ${app.url}`)
  if (app.firstPassword) console.log(`login    admin  ${app.firstPassword}   (shown this once)`)
  return app.stop
}

async function runBroker(config: SiteConfig, logger: pino.Logger): Promise<() => Promise<void>> {
  makeDataDir(config.dataDir)
  await ensureGatewaySecret(config.dataDir, gatewayTopics(config))
  const { host, port, tls } = config.mqtt
  const broker = await startBroker({
    site: config.site.id,
    host,
    port,
    ...(tls ? { tls } : {}),
    dataDir: join(config.dataDir, 'broker'),
    credentialsFile: secretFiles(config.dataDir).credentials,
    limits: defaultLimits,
    // Queued messages of life-safety devices outlive any flood of telemetry.
    alarmTopics: lifeSafetyTopics(config),
    logger,
  })
  console.log(`mqtt     mqtt://${host}:${broker.port}`)
  return broker.stop
}

/** Devices with a topic elsewhere are behind a bridge or have a line of the administrator's own. */
const hasOwnLogin = ({ site }: SiteConfig, id: string, topic: string | undefined): boolean =>
  topic === undefined || topic.startsWith(`site/${site.id}/${id}/`)

async function makeCredentials(config: SiteConfig, output: string | undefined): Promise<number> {
  if (!output) {
    console.error('credentials needs a file to write the secrets to')
    return 1
  }
  if (existsSync(output)) {
    console.error(`${output} is there already; secrets are never written over a file`)
    return 1
  }
  await ensureGatewaySecret(config.dataDir, gatewayTopics(config))
  const { credentials } = secretFiles(config.dataDir)
  const have = new Set((await readCredentials(credentials)).map(({ id }) => id))
  const wanted = [
    ...config.devices
      .filter(({ id, topic, address }) => hasOwnLogin(config, id, topic) && !address)
      .map(({ id }) => id),
    ...config.speakers.filter(({ driver }) => driver === 'mqtt').map(({ id }) => id),
  ].filter((id) => !have.has(id))
  const bridges = config.integrations.bridges.filter(({ id }) => !have.has(id))
  const added = await addCredentials(credentials, [
    ...wanted.map((id) => ({ id, role: 'device' as const })),
    ...bridges.map(({ id, topics }) => ({ id, role: 'bridge' as const, publish: topics, subscribe: topics })),
  ])
  writeFileSync(
    output,
    `${JSON.stringify(Object.fromEntries(added.map(({ id, secret }) => [id, secret])), null, 2)}\n`,
    {
      mode: 0o600,
      flag: 'wx',
    },
  )
  console.log(`${added.length} secrets written to ${output}`)
  return 0
}

async function verify(config: SiteConfig): Promise<number> {
  const file = join(config.dataDir, 'gridgate.db')
  if (!existsSync(file)) {
    console.error(`${file} is not there: the gateway has not been started with this site file yet`)
    return 1
  }
  const journal = verifyJournal(file)
  console.log(
    journal.brokenSeq === undefined
      ? `journal   ${journal.rows} rows hold; the last hash is ${journal.lastHash || '–'}`
      : `journal   BROKEN at row ${journal.brokenSeq} of ${journal.rows}`,
  )
  const evidence = await verifyEvidence(file, join(config.dataDir, 'evidence'))
  console.log(
    `evidence  ${evidence.files - evidence.damaged.length} of ${evidence.files} files are as they were stored`,
  )
  for (const { id, file: name, what } of evidence.damaged) console.log(`          ${what}: ${name} (${id})`)
  return journal.brokenSeq === undefined && evidence.damaged.length === 0 ? 0 : 1
}

async function setPassword(config: SiteConfig, name: string | undefined): Promise<number> {
  const chunks: Buffer[] = []
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer)
  const password = Buffer.concat(chunks).toString('utf8').trim()
  if (!name || password.length < 12) {
    console.error('password needs a user name, and on standard input a password of at least 12 characters')
    return 1
  }
  const store = openStore({ file: join(config.dataDir, 'gridgate.db'), now: Date.now })
  try {
    const user = store.userWithHash(name)
    if (!user) {
      console.error(`there is no user ${name}`)
      return 1
    }
    store.putUser({ ...user, isDisabled: false, passwordHash: await hashPassword(password) })
    console.log(`password of ${name} changed`)
    return 0
  } finally {
    store.close()
  }
}

function stopOnSignals(stop: () => Promise<void>, logger: pino.Logger): void {
  let isStopping = false
  const end = (code: number) => {
    if (isStopping) return
    isStopping = true
    setTimeout(() => process.exit(code), stopWithinMs).unref()
    stop().then(
      () => process.exit(code),
      () => process.exit(1),
    )
  }
  process.on('SIGINT', () => end(0))
  process.on('SIGTERM', () => end(0))
  const crash = (error: unknown) => {
    // The state of the process is unknown now: the supervisor starts a fresh one.
    logger.fatal({ err: error }, 'unexpected error; stopping')
    end(1)
  }
  process.on('uncaughtException', crash)
  process.on('unhandledRejection', crash)
}

try {
  const code = await main(process.argv.slice(2))
  if (code !== 'running') process.exitCode = code
} catch (error) {
  if (error instanceof ConfigError) {
    console.error(error.message)
    process.exit(exitConfig)
  }
  if (error instanceof StartError) {
    console.error(`${error.message}\n  → ${error.hint}`)
    process.exit(1)
  }
  console.error(error)
  process.exit(1)
}
