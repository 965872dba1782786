import process from 'node:process'
import { type BenchResult, printResult } from '../bench/report.ts'
import * as kill from './kill.ts'

interface Chaos {
  name: string
  run(options: { quick: boolean; faults?: number; seed: number }): Promise<BenchResult>
}

const runs: readonly Chaos[] = [kill]
const [wanted, ...flags] = process.argv.slice(2)
const chaos = runs.find((each) => each.name === wanted)
if (!chaos) {
  console.error(
    `npm run chaos -- <name> [--quick] [--faults=n] [--seed=n]\nnames: ${runs.map((each) => each.name).join(', ')}`,
  )
  process.exit(wanted ? 1 : 0)
}
const flag = (name: string) => flags.find((each) => each.startsWith(`--${name}=`))?.split('=')[1]
const quick = flags.includes('--quick')
// Leaves no process behind.
process.once('SIGINT', () => process.exit(130))
process.once('SIGTERM', () => process.exit(143))
const startedAt = Date.now()
const faults = flag('faults')
const result = await chaos.run({
  quick,
  seed: Number(flag('seed') ?? 1),
  ...(faults ? { faults: Number(faults) } : {}),
})
const notes = quick ? [...result.notes, 'quick mode: smaller counts'] : result.notes
printResult(`chaos ${chaos.name}`, startedAt, { ...result, notes })
process.exit(result.metrics.lost === 0 && result.metrics.duplicated === 0 ? 0 : 1)
