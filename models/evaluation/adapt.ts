import { fileURLToPath } from 'node:url'
import { Value } from 'typebox/value'
import { loadManifest } from '../../gateway/inference/manifest.ts'
import { createModelSession } from '../../gateway/inference/session.ts'
import { ebikeInElevator } from '../../gateway/scenes/ebike-in-elevator.ts'
import { type AlarmPicture, lookAt } from './adapt-pictures.ts'
import { type AdaptFigures, measureAdapt } from './adapt-run.ts'
import { createClassReader } from './class-names.ts'
import { readDataFolder } from './data-folder.ts'
import { DataError, type DataProblem, defineEvaluator, listOf, numberOf } from './evaluator.ts'
import { eBike } from './lift-model.ts'
import { figure, textTable } from './report.ts'
import { createLabelReader } from './yolo-labels.ts'

const counts = [5, 10, 20, 50]
const headline = 50
const defaultThreshold = 0.35
const shippedModel = new URL('../lift-nanodet', import.meta.url)

/** Measures what a site would learn from its operators' verdicts, on pictures it has not seen. */
export const adapt = defineEvaluator({
  name: 'adapt',
  summary: 'what a site learns from verdicts: false alarms and recall before and after, split by lift',
  options: {
    classes: { type: 'string' },
    map: { type: 'string', multiple: true },
    without: { type: 'string', multiple: true },
    threshold: { type: 'string' },
    splits: { type: 'string' },
  },
  usage: [
    '  --classes, --map       as for lift',
    '  --without <folder>     more pictures, all without an e-bike (labels are not read); may be given several times',
    `  --threshold <0…1>      e-bike threshold of model and scene, ${defaultThreshold} unless given: low enough for false alarms`,
    '  --splits <n>           random splits, 20 unless given',
  ],
  async evaluate({ data, modelDir, isQuick, values }) {
    const problems: DataProblem[] = []
    const threshold = numberOf(values, 'threshold', { least: 0, most: 1 }) ?? defaultThreshold
    const splits = numberOf(values, 'splits', { least: 1, most: 1000 }) ?? (isQuick ? 5 : 20)
    const shipped = await loadManifest(modelDir ?? fileURLToPath(shippedModel))
    if (!shipped.embedding) throw new DataError(`model ${shipped.name} gives no embeddings (model.json: embedding)`)
    if (!shipped.labels.includes(eBike)) throw new DataError(`model ${shipped.name} has no label "${eBike}"`)
    const manifest = { ...shipped, thresholds: { ...shipped.thresholds, [eBike]: threshold } }
    const scene = Value.Default(ebikeInElevator.options, { minScore: threshold }) as Parameters<
      typeof ebikeInElevator.create
    >[0]
    const session = await createModelSession(manifest)
    const pictures: AlarmPicture[] = []
    const add = (picture: AlarmPicture | undefined) => picture && pictures.push(picture)
    try {
      const parts = { session, scene, problems }
      const folder = await readDataFolder(data, problems)
      const classes = createClassReader(shipped.labels, listOf(values, 'map'))
      const names = values.classes === undefined ? undefined : listOf(values, 'classes')
      const reader = await createLabelReader({
        ...{ folder, classes, names, labels: shipped.labels, unlabelled: [], isEmptyWithoutLabels: false, problems },
      })
      for (const file of folder.pictures) {
        const truth = await reader.truthOf(file)
        if (!truth) continue
        const holds = truth.truths.some(({ label }) => label === eBike)
        add(await lookAt(file, { root: folder.root, holds }, parts))
      }
      for (const other of listOf(values, 'without')) {
        const { root, pictures: files } = await readDataFolder(other, problems)
        for (const file of files) add(await lookAt(file, { root, holds: false }, parts))
      }
    } finally {
      await session.close()
    }
    const lifts = [...new Set(pictures.map(({ lift }) => lift))]
    if (lifts.length < 2)
      throw new DataError(`${pictures.length} pictures of ${lifts.length} lift: at least two are needed`)
    const rows: Array<{ kind: 'across' | 'within'; count: number; figures: AdaptFigures }> = []
    for (const kind of ['across', 'within'] as const)
      for (const count of counts)
        rows.push({ kind, count, figures: await measureAdapt(pictures, { kind, count, splits, scene }) })
    const across = rows.filter(({ kind }) => kind === 'across')
    if (across.every(({ figures }) => figures.splits === 0))
      throw new DataError('no split has pictures with and without an e-bike among the lifts to be judged')
    return {
      table: [liftTable(pictures), resultTable(rows)].join('\n\n'),
      metrics: {
        ...metricsOf(across.find(({ count }) => count === headline)!.figures),
        ...Object.assign({}, ...across.map(({ count, figures }) => suffixed(metricsOf(figures), `${count}`))),
        verdicts: headline,
      },
      peers: Object.fromEntries(
        rows.flatMap(({ kind, count, figures }) => [
          ...(kind === 'within' ? [[`same lifts, ${count} verdicts`, metricsOf(figures)] as const] : []),
          [`${kind === 'across' ? 'other' : 'same'} lifts, ${count} verdicts, always on`, metricsOf(forced(figures))],
        ]),
      ),
      notes: [
        'one alarm is one picture in which the scene sees an e-bike; its verdict is what its labels say',
        'a lift is a folder and a file name without the digits at its end: sources of pictures stand for lifts',
        `false alarms are the mean number per split; recall is over pictures with an e-bike; ${splits} random splits`,
        'falseAlarms…, recall…: half of the lifts teach, the other half is judged, as the gateway would have switched',
        'always on: had it been switched on whatever its held-back evaluation said',
        'where lifts have only pictures of one kind, telling lifts apart is part of what is learned',
      ],
      problems,
    }
  },
})

function metricsOf({ splits, falseBefore, falseAfter, foundBefore, foundAfter, holding }: AdaptFigures) {
  return {
    falseAlarmsBefore: falseBefore / splits,
    falseAlarmsAfter: falseAfter / splits,
    recallBefore: foundBefore / holding,
    recallAfter: foundAfter / holding,
  }
}

const forced = (figures: AdaptFigures): AdaptFigures => ({
  ...figures,
  falseAfter: figures.falseForced,
  foundAfter: figures.foundForced,
})

function suffixed(metrics: Record<string, number>, suffix: string): Record<string, number> {
  return Object.fromEntries(Object.entries(metrics).map(([name, value]) => [name + suffix, value]))
}

function liftTable(pictures: readonly AlarmPicture[]): string {
  const lifts = [...new Set(pictures.map(({ lift }) => lift))]
  const rows = lifts.map((lift) => {
    const own = pictures.filter((picture) => picture.lift === lift)
    const holding = own.filter(({ holds }) => holds)
    const alarms = (list: readonly AlarmPicture[]) => list.filter(({ subject }) => subject).length
    return [lift, holding.length, alarms(holding), own.length - holding.length, alarms(own) - alarms(holding)]
  })
  return textTable([['lift', 'with e-bike', 'alarms', 'without', 'alarms'], ...rows])
}

function resultTable(rows: ReadonlyArray<{ kind: string; count: number; figures: AdaptFigures }>): string {
  return textTable([
    ['judged on', 'verdicts', 'switched on', 'false alarms', 'after', 'always on', 'recall', 'after', 'always on'],
    ...rows.map(({ kind, count, figures }) => {
      const { splits, on, falseBefore, falseAfter, falseForced, foundBefore, foundAfter, foundForced, holding } =
        figures
      return [
        kind === 'across' ? 'other lifts' : 'same lifts',
        `${count} (${figure(figures.verdicts / splits, 0)})`,
        `${on} of ${splits}`,
        ...[falseBefore, falseAfter, falseForced].map((sum) => figure(sum / splits, 1)),
        ...[foundBefore, foundAfter, foundForced].map((sum) => figure(sum / holding)),
      ]
    }),
  ])
}
