import process from 'node:process'
import * as alarm from './alarm.ts'
import * as broker from './broker.ts'
import * as facade from './facade.ts'
import * as ingest from './ingest.ts'
import * as lift from './lift.ts'
import { machineCpu, stolenNote } from './process-cpu.ts'
import { type BenchResult, printResult } from './report.ts'
import * as soak from './soak.ts'
import * as sos from './sos.ts'
import * as storm from './storm.ts'

interface Bench {
  name: string
  run(options: { quick: boolean }): Promise<BenchResult>
}

const benches: readonly Bench[] = [lift, facade, alarm, broker, ingest, sos, storm, soak]
const name = process.argv[2]
const bench = benches.find((each) => each.name === name)
if (!bench) {
  console.error(`npm run bench -- <name> [--quick]\nnames: ${benches.map((each) => each.name).join(', ')}`)
  process.exit(name ? 1 : 0)
}
// Leaves no process behind.
process.once('SIGINT', () => process.exit(130))
process.once('SIGTERM', () => process.exit(143))
const startedAt = Date.now()
const cpuBefore = machineCpu()
const quick = process.argv.includes('--quick')
const result = await bench.run({ quick })
const stolen = stolenNote(cpuBefore, machineCpu())
const notes = [
  ...result.notes,
  ...(quick ? ['quick mode: smaller counts, not for quoting'] : []),
  ...(stolen ? [stolen] : []),
]
const table = stolen ? `${result.table}\n${stolen}` : result.table
printResult(bench.name, startedAt, { ...result, notes, table })
process.exit(0)
