import { execFile } from 'node:child_process'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t from 'tap'

const execute = promisify(execFile)
const root = fileURLToPath(new URL('../../', import.meta.url))

const runs = [
  { entry: 'simulators/bench/main.ts', name: 'lift', metrics: ['lifts', 'decisionP95Ms', 'cpuCores'] },
  { entry: 'simulators/bench/main.ts', name: 'facade', metrics: ['cameras1080p25', 'msPerFrame'] },
  {
    entry: 'simulators/bench/main.ts',
    name: 'alarm',
    metrics: ['decisionToRtpP99Ms', 'decisionToConsoleP99Ms', 'firstFrameToRtpP95Ms'],
  },
  {
    entry: 'simulators/bench/main.ts',
    name: 'broker',
    metrics: ['qos0PerSecond', 'qos1PerSecond', 'fanInPerSecond', 'rss2000ClientsBytes'],
  },
  { entry: 'simulators/bench/main.ts', name: 'ingest', metrics: ['messagesPerSecond', 'bytesPerDevice'] },
  { entry: 'simulators/bench/main.ts', name: 'sos', metrics: ['buttonToNotifyP99Ms'] },
  { entry: 'simulators/bench/main.ts', name: 'storm', metrics: ['smokeAlarmMs', 'rssBytes'] },
  { entry: 'simulators/bench/main.ts', name: 'soak', metrics: ['rssSlopeBytesPerMinute', 'lagSlopeMsPerMinute'] },
  { entry: 'simulators/chaos/main.ts', name: 'kill', metrics: ['faults', 'lost', 'duplicated'] },
]

for (const { entry, name, metrics } of runs) {
  t.test(`${name} runs in quick mode and ends with one line of JSON, whatever its figures`, async (t) => {
    const { stdout } = await execute(process.execPath, ['--import', 'tsx', entry, name, '--quick'], {
      cwd: root,
      maxBuffer: 10_000_000,
    })
    const line = JSON.parse(stdout.trimEnd().split('\n').at(-1)!)
    t.match(line.name, new RegExp(name))
    t.match(line.machine, { cores: Number, cpu: String, memoryBytes: Number, node: String })
    for (const metric of metrics) t.type(line.metrics[metric], 'number', metric)
    t.ok(
      line.notes.some((note: string) => note.startsWith('quick mode')),
      'it says that it was quick',
    )
  })
}
