import { cp, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { ConfigError } from '../../gateway/core/errors.ts'
import { DataError, type EvaluationOrder, UsageError } from './evaluator.ts'
import { fall } from './fall.ts'
import { fallFigures } from './fall-figures.ts'
import type { FallOutcome } from './fall-run.ts'
import { parseDisturbance } from './wearable-disturbance.ts'
import { readWearables } from './wearable-recordings.ts'

/** As the command line would ask. */
function evaluate(data: string, values: EvaluationOrder['values'] = {}, modelDir?: string) {
  return fall.evaluate({ data, modelDir, isQuick: false, values })
}

/** Recordings made up from formulas: somebody who stands, hit at 4 s and lying from then on, or not. */
function recording(isFall: boolean): Int16Array {
  const rows = new Int16Array(3 * 500)
  for (let i = 0; i < 500; i++) {
    const lies = isFall && i > 195
    const blow = isFall ? 4 * Math.exp(-(((i - 200) / 2) ** 2)) : 0
    const falling = isFall && i > 180 && i < 196 ? -0.6 : 0
    rows[3 * i] = 1024 * ((lies ? 1 : 0) + blow + 0.02 * Math.sin(i))
    rows[3 * i + 1] = 1024 * (0.3 * blow)
    rows[3 * i + 2] = 1024 * ((lies ? 0.1 : 1 + falling) + 0.5 * blow)
  }
  return rows
}

async function makeData(folder: string, name: string): Promise<void> {
  await mkdir(folder, { recursive: true })
  const parts = [recording(true), recording(false)]
  await writeFile(join(folder, `${name}.i16`), Buffer.concat(parts.map((part) => Buffer.from(part.buffer))))
  const rows = parts.map((_, i) => ({
    start: 500 * i,
    length: 500,
    subject: `T${i}`,
    activity: 'made up',
    fall: i === 0,
  }))
  await writeFile(join(folder, `${name}.json`), JSON.stringify({ rateHz: 50, unit: '1/1024 g', recordings: rows }))
}

t.test('a folder is measured, and what cannot be read is told', async (t) => {
  const folder = t.testdir()
  await makeData(folder, 'demo-waist')
  await makeData(folder, 'demo-unnamed')
  await writeFile(join(folder, 'broken-wrist.i16'), 'x')
  await writeFile(join(folder, 'broken-wrist.json'), '{')
  const { metrics, problems, table } = await evaluate(folder)
  t.equal(metrics.falls, 1)
  t.equal(metrics.withoutFall, 1)
  t.equal(metrics.specificity, 1)
  t.ok(metrics.modelBytes! <= 200_000)
  t.ok(metrics.inferenceP50Ms! > 0)
  t.ok(metrics.decisionP95S! <= 2.5)
  t.match(table, /demo-waist +1 +1\.0000/)
  t.match(problems, [
    { where: 'broken-wrist', what: /cannot be read/ },
    { where: 'demo-unnamed', what: /--position/ },
  ])

  const chosen = await evaluate(join(folder, 'demo-unnamed.json'), { position: 'wrist', disturb: ['rate:25'] })
  t.equal(chosen.metrics.withoutFall, 1)
})

t.test('a folder without recordings, a wrong option and a wrong model are told apart', async (t) => {
  const folder = t.testdir({ 'readme.txt': 'nothing here' })
  await t.rejects(evaluate(folder), { constructor: DataError, message: /no .i16/ })
  await makeData(folder, 'demo-waist')
  await t.rejects(evaluate(folder, { disturb: ['shake:3'] }), {
    constructor: UsageError,
    message: /known are clip:<g>/,
  })
  await t.rejects(evaluate(folder, { position: 'ankle' }), { constructor: UsageError, message: /waist or wrist/ })
  await t.rejects(evaluate(folder, { folds: folder }), { constructor: UsageError, message: /fold0/ })
  const other = join(folder, 'model')
  await cp(fileURLToPath(new URL('../fall-waist', import.meta.url)), other, { recursive: true })
  await writeFile(join(other, 'fall-waist.onnx'), 'exchanged')
  await t.rejects(evaluate(folder, {}, other), { constructor: ConfigError, message: /SHA-256/ })
})

t.test('a recording that lies outside its file is passed over, the others count', async (t) => {
  const folder = t.testdir()
  await makeData(folder, 'demo-waist')
  const rows = [
    { start: 0, length: 500, fall: true, fallStartS: 3, fallEndS: 4 },
    { start: 900, length: 500, fall: false },
    { start: 500, length: 500 },
  ]
  await writeFile(join(folder, 'demo-waist.json'), JSON.stringify({ recordings: rows }))
  const problems: Array<{ where: string; what: string }> = []
  const sets = []
  for await (const set of readWearables(folder, problems)) sets.push(...set)
  t.equal(sets.length, 1)
  t.equal(sets[0]!.impactMs, 4000)
  t.match(problems, [{ where: /recordings\[1\]/ }, { where: /recordings\[2\]/ }])
})

t.test('a fall counts once, and every alarm without one is false', async (t) => {
  const outcome = (isFall: boolean, alarms: number, delayS: number, seconds: number) =>
    ({
      recording: { isFall, rateHz: 50, values: new Float32Array(seconds * 150) },
      alarms: Array.from({ length: alarms }, (_, i) => ({ evidence: { verdict: i === 0 ? 'open' : 'contradicts' } })),
      delayS,
    }) as unknown as FallOutcome
  const figures = fallFigures([
    outcome(true, 2, 1.98, 15),
    outcome(true, 0, Number.NaN, 15),
    outcome(false, 0, Number.NaN, 3600),
    outcome(false, 2, Number.NaN, 3600),
  ])
  t.equal(figures.sensitivity, 0.5)
  t.equal(figures.specificity, 0.5)
  t.equal(figures.f1, 0.5)
  t.equal(figures.falseAlarmsPer24h, 24)
  t.equal(figures.falseAlarmsPer24hAfterEvidence, 12)
})

t.test('a recording can be changed into that of another sensor', async (t) => {
  const values = Float32Array.from({ length: 300 }, (_, i) => [i / 100, 1, -3][i % 3]!)
  const samples = { times: Float64Array.from({ length: 100 }, (_, i) => 20 * i), values }
  const turned = parseDisturbance(['axes:-zxy', 'clip:2'])(samples)
  t.same([...Array.from(turned.values).slice(0, 3)], [2, 0, 1])
  const slow = parseDisturbance(['rate:25'])(samples)
  t.equal(slow.times[1]! - slow.times[0]!, 40)
  const thinned = parseDisturbance(['drop:10'])(samples)
  t.ok(thinned.times.length < 100 && thinned.times.length > 75)
  t.same(parseDisturbance([])(samples), samples)
})
