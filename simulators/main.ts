import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { type Compound, startCompound } from './compound.ts'
import { playScenario, readScenario } from './scenario.ts'

const usage = `Starts a demo compound with simulators and plays a timeline.

  npm start                          the demo
  npm run simulate -- <scenario>     another timeline: a name in simulators/scenarios, or a file

  --data <dir>   where everything is kept (default ./data/demo); a second start continues there
  --port <n>     port of the console (default 8080); the other parts take the ports after it
  --lifts <n>    lifts with camera and speaker (default 2)
  --devices <n>  MQTT devices (default 200)
`
const { values, positionals } = parseArgs({
  args: process.argv.slice(2),
  allowPositionals: true,
  options: {
    data: { type: 'string', default: './data/demo' },
    port: { type: 'string', default: '8080' },
    lifts: { type: 'string', default: '2' },
    devices: { type: 'string', default: '200' },
    help: { type: 'boolean', short: 'h' },
  },
})
if (values.help) {
  console.log(usage)
  process.exit(0)
}

const scenarioFile = findScenario(positionals[0] ?? 'demo')
const stopping = new AbortController()
let starting: Promise<Compound> | undefined
/** Ctrl-C ends everything within 5 s; what hangs is cut off. */
const stopWithinMs = 4_800

async function stop(code: number): Promise<void> {
  if (stopping.signal.aborted) return
  stopping.abort()
  setTimeout(() => process.exit(code || 1), stopWithinMs).unref()
  await starting?.then(
    (compound) => compound.stop(),
    () => {},
  )
  process.exit(code)
}
process.on('SIGINT', () => void stop(0))
process.on('SIGTERM', () => void stop(0))

try {
  const scenario = readScenario(scenarioFile)
  const port = Number(values.port)
  const isSecondStart = existsSync(join(values.data, 'gateway'))
  console.log(`Starting the compound: ${values.lifts} lifts, ${values.devices} devices …`)
  starting = startCompound({
    dir: resolve(values.data),
    lifts: Number(values.lifts),
    devices: Number(values.devices),
    ports: { http: port, bridge: port + 1, platform: port + 10, mqtt: 1883, rtsp: 8554, rtp: 5004 },
    signal: stopping.signal,
  })
  const compound = await starting
  if (!stopping.signal.aborted) {
    announce(compound, isSecondStart)
    await playScenario(scenario, compound.stage, {
      signal: stopping.signal,
      onStep: ({ at, ...step }) => console.log(`${clock()}  ${JSON.stringify(step)}`),
      onError: (step, error) => console.log(`${clock()}  step at ${step.at} s failed: ${(error as Error).message}`),
    })
    if (!stopping.signal.aborted)
      console.log(`${clock()}  the timeline has ended; the compound goes on. Ctrl-C stops it.`)
  }
} catch (error) {
  if (!stopping.signal.aborted) {
    console.error(`\nThe compound could not start.\n${(error as Error).message}`)
    await stop(1)
  }
}

function findScenario(name: string): string {
  const shipped = fileURLToPath(new URL(`./scenarios/${name}.yaml`, import.meta.url))
  const file = [name, shipped].find((candidate) => candidate.endsWith('.yaml') && existsSync(candidate))
  if (file) return file
  console.error(`There is no timeline "${name}": give a file, or a name in simulators/scenarios.`)
  process.exit(1)
}

function announce({ consoleUrl, firstPassword, platform, siteFile }: Compound, isSecondStart: boolean): void {
  const login = firstPassword
    ? `user admin, password ${firstPassword} (shown this once)`
    : isSecondStart
      ? `user admin, the password of the first start; a new one: echo new-password | npx gridgate password ${siteFile} admin`
      : 'see the log'
  console.log(`
  Console   ${consoleUrl}
  Login     ${login}
  Platform  ${platform.pageUrl}
  Site file ${siteFile}

  The first e-bike enters a lift in about 20 seconds. Ctrl-C stops everything.
`)
}

function clock(): string {
  return new Date().toTimeString().slice(0, 8)
}
