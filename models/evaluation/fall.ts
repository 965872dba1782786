import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createFallModel, type FallModel, loadFallManifest } from '../../gateway/inference/fall/model.ts'
import { DataError, type DataProblem, defineEvaluator, listOf, numberOf, UsageError } from './evaluator.ts'
import { fallFailures, fallFigures, fallRows, isFound, isWear } from './fall-figures.ts'
import { type FallOutcome, runRecording } from './fall-run.ts'
import { quantile, textTable } from './report.ts'
import { parseDisturbance } from './wearable-disturbance.ts'
import { readWearables, type WearableRecording } from './wearable-recordings.ts'

type Position = 'waist' | 'wrist'
const positions: readonly Position[] = ['waist', 'wrist']
/** Of quick mode: every so many recordings, and so many seconds of long ones. */
const quickEvery = 12
const quickS = 900

/** A model with what it cost so far. */
interface MeasuredModel extends FallModel {
  bytes: number
}

/** Measures the fall models on wearable recordings, through resampling, trigger, features, model and decision. */
export const fall = defineEvaluator({
  name: 'fall',
  summary: 'falls from accelerometers at waist and wrist: .i16 with .json',
  options: {
    position: { type: 'string' },
    folds: { type: 'string' },
    threshold: { type: 'string' },
    disturb: { type: 'string', multiple: true },
  },
  usage: [
    '  --position <where>     waist or wrist; else read from each file’s name',
    '  --folds <folder>       fold models of models/train/fall.py: everybody is judged by one that never saw them',
    '  --threshold <0…1>      another threshold',
    '  --disturb <a:b,…>      as other sensors: clip:2 rate:25 drop:10 jitter:8 axes:-zxy offset:0.05 gain:5',
  ],
  async evaluate({ data, modelDir, isQuick, values }) {
    const problems: DataProblem[] = []
    const wanted = positionOf(values.position)
    const threshold = numberOf(values, 'threshold', { least: 0, most: 1 })
    const timings: number[] = []
    const bench = createBench(timings, { modelDir, folds: values.folds as string | undefined })
    const outcomes = new Map<Position, FallOutcome[]>()
    const disturbances = listOf(values, 'disturb')
    parseDisturbance(disturbances)
    try {
      for await (const set of readWearables(data, problems)) {
        const name = set[0]!.set
        const position = wanted ?? positions.find((each) => name.toLowerCase().includes(each))
        if (!position) {
          problems.push({ where: name, what: 'the name says neither waist nor wrist; give --position' })
          continue
        }
        const list = outcomes.get(position) ?? []
        outcomes.set(position, list)
        const disturb = parseDisturbance(disturbances)
        for (const recording of isQuick ? quickly(set) : set) {
          const model = await bench.modelFor(position, recording.subject)
          if (model) list.push(await runRecording(recording, model, threshold ?? model.threshold, disturb))
          else problems.push({ where: name, what: `no fold model is for subject "${recording.subject}"` })
        }
      }
      const all = [...outcomes.values()].flat()
      if (all.length === 0)
        throw new DataError(
          `nothing to measure with in ${data}${problems
            .map((p) => `\n${p.where}: ${p.what}`)
            .slice(0, 5)
            .join('')}`,
        )
      const models = bench.used()
      const metrics = {
        ...fallFigures(all),
        decisionP95S: quantile(
          all.filter(isFound).map(({ delayS }) => delayS),
          0.95,
        ),
        inferenceP50Ms: quantile(timings, 0.5),
        inferenceP95Ms: quantile(timings, 0.95),
        modelBytes: Math.max(...models.map(({ bytes }) => bytes)),
      }
      const peers = Object.fromEntries(
        [...outcomes].filter(() => outcomes.size > 1).map(([at, some]) => [at, fallFigures(some)]),
      )
      return { metrics, peers, problems: distinct(problems), table: tableOf(outcomes, models, disturbances), notes }
    } finally {
      await bench.close()
    }
  },
})

const notes = [
  'per recording: a fall counts once if its alarm comes within 10 s after the impact; every alarm without a fall is false',
  'falseAlarmsPer24h counts every alarm; …AfterEvidence leaves out those that what followed contradicts',
  'calm: recordings of ten minutes and more',
]

function positionOf(value: unknown): Position | undefined {
  if (value === undefined) return undefined
  const found = positions.find((position) => position === value)
  if (!found) throw new UsageError(`--position is "${String(value)}"; it must be waist or wrist`)
  return found
}

function quickly(set: readonly WearableRecording[]): WearableRecording[] {
  return set
    .filter((_, i) => i % quickEvery === 0)
    .map((recording) =>
      recording.isFall
        ? recording
        : { ...recording, values: recording.values.subarray(0, quickS * recording.rateHz * 3) },
    )
}

/** Loads models when they are first needed and times their runs. */
function createBench(
  timings: number[],
  { modelDir, folds }: { modelDir: string | undefined; folds: string | undefined },
) {
  const loaded = new Map<string, MeasuredModel>()
  let subjects: Map<string, string> | undefined

  async function load(dir: string, position: Position): Promise<MeasuredModel> {
    const known = loaded.get(dir)
    if (known) return known
    const manifest = await loadFallManifest(dir)
    if (manifest.position !== position) {
      throw new UsageError(`${dir} is a model for the ${manifest.position}, the data are from the ${position}`)
    }
    const model = await createFallModel(manifest)
    const timed: MeasuredModel = {
      ...model,
      bytes: manifest.weights.byteLength,
      async score(features) {
        const startedAt = performance.now()
        const score = await model.score(features)
        timings.push(performance.now() - startedAt)
        return score
      },
    }
    loaded.set(dir, timed)
    return timed
  }

  return {
    async modelFor(position: Position, subject: string): Promise<MeasuredModel | undefined> {
      if (folds === undefined) {
        return load(modelDir ?? fileURLToPath(new URL(`../fall-${position}`, import.meta.url)), position)
      }
      subjects ??= await readFolds(folds)
      const dir = subjects.get(`${position} ${subject}`)
      return dir === undefined ? undefined : load(dir, position)
    },
    used: () => [...loaded.values()],
    close: () => Promise.all([...loaded.values()].map((model) => model.close())),
  }
}

/** `<position> <subject>` → folder of the model that never saw this person. */
async function readFolds(folder: string): Promise<Map<string, string>> {
  const found = new Map<string, string>()
  for (const name of await readdir(folder).catch(() => [])) {
    const position = /^fall-(waist|wrist)-fold\d+$/.exec(name)?.[1]
    if (!position) continue
    const subjects = JSON.parse(await readFile(join(folder, name, 'subjects.json'), 'utf8')) as string[]
    for (const subject of subjects) found.set(`${position} ${subject}`, join(folder, name))
  }
  if (found.size === 0) throw new UsageError(`--folds ${folder}: no folder like fall-waist-fold0 in it`)
  return found
}

function tableOf(
  outcomes: Map<Position, FallOutcome[]>,
  models: readonly MeasuredModel[],
  disturbances: string[],
): string {
  const parts = [[...new Set(models.map(({ model, threshold }) => `${model}, threshold ${threshold}`))].join('; ')]
  if (disturbances.length > 0) parts.push(`disturbed: ${disturbances.join(', ')}`)
  for (const [position, list] of outcomes) {
    const sets = [...new Set(list.map(({ recording }) => recording.set))]
    const groups = [
      ...sets.map((set) => [set, list.filter(({ recording }) => recording.set === set)] as const),
      ['scripted', list.filter((outcome) => !isWear(outcome))] as const,
      ['calm wear', list.filter(isWear)] as const,
      ['elderly', list.filter(({ recording }) => recording.isElderly)] as const,
      ['all', list] as const,
    ]
    const failures = fallFailures(list)
    const shown = failures.slice(0, 25)
    if (failures.length > shown.length) shown.push(`  and ${failures.length - shown.length} more kinds`)
    parts.push('', position, textTable(fallRows(groups)), ...(shown.length > 0 ? ['wrong'] : []), ...shown)
  }
  return parts.join('\n')
}

function distinct(problems: readonly DataProblem[]): DataProblem[] {
  return [...new Map(problems.map((problem) => [`${problem.where} ${problem.what}`, problem])).values()]
}
