import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { DataError, type DataProblem, defineEvaluator, type Evaluation, type Evaluator } from './evaluator.ts'
import { fall } from './fall.ts'
import { lift } from './lift.ts'
import { type ModelTiming, timeModel } from './model-timing.ts'
import { figure, textTable } from './report.ts'

const shippedModels = fileURLToPath(new URL('..', import.meta.url))
const runs = 100
const quickRuns = 20

interface Row extends ModelTiming {
  name: string
  task: string
  licence: string
  accuracy: string
}

/** Measures every shipped model in one run, and pretrained ones beside them where they are there. */
export const all = defineEvaluator({
  name: 'all',
  summary: 'the table of all models: size, input, milliseconds on one core, accuracy on the data that is there',
  options: {},
  usage: [
    '  --data <folder>        with cameras/lift, cameras/wheelchair, falls, models (*.onnx to compare with): each if there',
    '  --model-dir <folder>   another folder of model folders',
  ],
  async evaluate({ data, modelDir, isQuick }) {
    const problems: DataProblem[] = []
    const count = isQuick ? quickRuns : runs
    const rows: Row[] = []
    const metrics: Record<string, number> = {}
    const dir = modelDir ?? shippedModels
    for (const folder of (await readdir(dir)).sort()) {
      const path = join(dir, folder, 'model.json')
      if (!existsSync(path)) continue
      const { name, task, file, licence, position } = JSON.parse(await readFile(path, 'utf8'))
      // What is no ONNX file (falling-track) is measured by its own evaluator only.
      if (typeof file !== 'string' || !file.endsWith('.onnx')) continue
      const timing = await timed(join(dir, folder, file), count, problems)
      if (!timing) continue
      const measured = await accuracyOf({ task, position, data, modelDir: join(dir, folder), isQuick }, problems)
      rows.push({ ...timing, name, task, licence, accuracy: measured?.text ?? '–' })
      metrics[`${camel(name)}P50Ms`] = timing.p50Ms
      metrics[`${camel(name)}FastestMs`] = timing.fastestMs
      metrics[`${camel(name)}Bytes`] = timing.bytes
      for (const [key, value] of Object.entries(measured?.metrics ?? {}))
        metrics[`${camel(name)}${capital(key)}`] = value
    }
    if (rows.length === 0) throw new DataError(`${dir} holds no model folders`)
    const peers: Evaluation['peers'] = {}
    for (const file of await peerFiles(join(data, 'models'))) {
      const timing = await timed(file, count, problems)
      if (!timing) continue
      const name = basename(file, '.onnx')
      rows.push({ ...timing, name, task: 'detection (COCO)', licence: '', accuracy: 'not measured' })
      peers[name] = { p50Ms: timing.p50Ms, fastestMs: timing.fastestMs, bytes: timing.bytes }
    }
    return {
      table: textTable([
        ['model', 'task', 'input', 'kB', 'ms', 'quickest', 'accuracy', 'licence'],
        ...rows.map(({ name, task, input, bytes, p50Ms, fastestMs, accuracy, licence }) => [
          ...[name, task, input, Math.round(bytes / 1000), figure(p50Ms, 2), figure(fastestMs, 2), accuracy, licence],
        ]),
      ]),
      ...{ metrics, peers, problems },
      notes: [
        `ms: median of ${count} runs of the runtime alone, one thread, one after the other in this process; quickest: the fastest of them`,
        'falls: the recordings are of people the shipped models were trained on; figures by unseen people are on the cards',
      ],
    }
  },
})

async function timed(file: string, count: number, problems: DataProblem[]): Promise<ModelTiming | undefined> {
  try {
    return await timeModel(file, count)
  } catch (error) {
    problems.push({ where: file, what: `was not timed (${(error as Error).message.split('\n')[0]})` })
    return undefined
  }
}

interface Measured {
  text: string
  metrics: Record<string, number>
}

/** The figures that stand for a model, where its data is there. */
async function accuracyOf(
  what: { task: string; position?: string; data: string; modelDir: string; isQuick: boolean },
  problems: DataProblem[],
): Promise<Measured | undefined> {
  const { task, position, data, modelDir, isQuick } = what
  const run = async (evaluator: Evaluator, folder: string, values: Record<string, string | boolean | string[]>) => {
    if (!existsSync(folder)) return undefined
    const evaluation = await evaluator.evaluate({ data: folder, modelDir, isQuick, values })
    problems.push(...evaluation.problems)
    return evaluation.metrics
  }
  if (task === 'detection') {
    const classes = { classes: 'e-bike,bicycle,stroller,wheelchair,person', unlabelled: ['mosaic_*:person'] }
    const real = await run(lift, join(data, 'cameras/lift'), classes)
    const without = await run(lift, join(data, 'cameras/wheelchair'), classes)
    if (!real) return undefined
    const { imageRecall = Number.NaN, ap50EBike = Number.NaN } = real
    const wheelchairFalseRate = without?.imageFalseRate ?? Number.NaN
    return {
      text: `real lifts: recall ${figure(imageRecall)}, AP50 e-bike ${figure(ap50EBike)}; wheelchairs: ${figure(wheelchairFalseRate)} fire`,
      metrics: { imageRecall, ap50EBike, wheelchairFalseRate },
    }
  }
  if (task === 'fall' && position) {
    const folder = join(data, 'falls')
    if (!existsSync(folder)) return undefined
    // Both positions lie in one folder; the evaluator tells them apart and measures the shipped models.
    const { peers, metrics } = await fall.evaluate({
      data: folder,
      modelDir: undefined,
      isQuick,
      values: { position: undefined },
    })
    const { sensitivity = Number.NaN, specificity = Number.NaN } = peers[position] ?? metrics
    return {
      text: `sensitivity ${figure(sensitivity)}, specificity ${figure(specificity)}`,
      metrics: { sensitivity, specificity },
    }
  }
  return undefined
}

async function peerFiles(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch(() => [] as string[])
  return names
    .filter((name) => name.endsWith('.onnx'))
    .sort()
    .map((name) => join(folder, name))
}

const capital = (text: string) => text.charAt(0).toUpperCase() + text.slice(1)
const camel = (text: string) => text.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase())
