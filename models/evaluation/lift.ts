import { createClassReader } from './class-names.ts'
import { type DataFolder, readDataFolder } from './data-folder.ts'
import { DataError, type DataProblem, defineEvaluator, listOf, numberOf } from './evaluator.ts'
import { clipMetrics, clipTable, eventSweep, measureClips, parseEventFrames, timeline } from './lift-clips.ts'
import { setFigures } from './lift-figures.ts'
import { eBike, type LiftModel, loadLiftModel } from './lift-model.ts'
import { measurePictures, spread } from './lift-pictures.ts'
import { drawSheet } from './lift-sheet.ts'
import { figure } from './report.ts'
import { createLabelReader, type LabelReader, parseUnlabelled } from './yolo-labels.ts'

const quickPictures = 40
const quickClips = 2

/** Measures the lift's detector on pictures with YOLO labels and on clips. */
export const lift = defineEvaluator({
  name: 'lift',
  summary: 'what people bring into lifts: pictures with YOLO labels, clips with tracks',
  options: {
    classes: { type: 'string' },
    map: { type: 'string', multiple: true },
    unlabelled: { type: 'string', multiple: true },
    'empty-without-labels': { type: 'boolean' },
    sheet: { type: 'string' },
    'event-frame': { type: 'string', multiple: true },
    threshold: { type: 'string' },
  },
  usage: [
    '  --classes <a,b,…>      names of the data’s classes 0, 1, …; else its classes.txt or data.yaml, else the model’s',
    '  --map <class=label>    a class by number or name is a label of the model, or ignore; several with commas',
    '  --unlabelled <p:label> in files like p (with *) nobody drew this label: unmatched boxes of it do not count',
    '  --empty-without-labels a picture without labels, a clip without tracks shows nothing (otherwise not judged)',
    '  --event-frame <[c=]n>  in a clip (c, with *) without tracks the e-bike is half inside from frame n on',
    '  --sheet <file.png>     the worst misses and false ones, drawn: green what is there, red what the model says',
    '  --threshold <0…1>      another e-bike threshold, for model and scene',
  ],
  async evaluate({ data, modelDir, isQuick, values }) {
    const problems: DataProblem[] = []
    const notes: string[] = []
    const model = await loadLiftModel(modelDir, numberOf(values, 'threshold', { least: 0, most: 1 }))
    try {
      const { labels } = model.manifest
      const classes = createClassReader(labels, listOf(values, 'map'))
      const unlabelled = parseUnlabelled(listOf(values, 'unlabelled'), labels)
      const sheet = values.sheet as string | undefined
      const eventFrames = parseEventFrames(listOf(values, 'event-frame'))
      const folder = await readDataFolder(data, problems)
      const names = values.classes === undefined ? undefined : listOf(values, 'classes')
      const isEmptyWithoutLabels = values['empty-without-labels'] === true
      const reader = await createLabelReader({
        ...{ folder, classes, names, labels, unlabelled, isEmptyWithoutLabels, problems },
      })
      const pictures = isQuick ? spread(folder.pictures, quickPictures) : folder.pictures
      const samples = await measurePictures({ model, folder, pictures, reader, problems })
      const clips = await measureClips({
        clips: isQuick ? spread(folder.videos, quickClips) : folder.videos,
        tracks: { folder, classes, labels, watched: eBike, foreign: reader.foreign, problems },
        ...{ eventFrames, isEmptyWithoutLabels, keepsPictures: sheet !== undefined, model, problems },
      })
      if (samples.length + clips.length === 0) throw new DataError(nothingUsable(data, folder, problems))
      const frames = clips.flatMap((clip) => clip.samples)
      const parts = [
        ...(samples.length > 0 ? [setFigures(samples, model, 'image')] : []),
        ...(frames.length > 0 ? [setFigures(frames, model, 'frame')] : []),
        ...(clips.length > 0 ? [{ table: clipTable(clips), metrics: clipMetrics(clips) }] : []),
        ...(clips.some(({ truth }) => truth) ? [{ table: eventSweep(clips, model), metrics: {} }] : []),
        ...clips.filter(({ samples }) => samples.length === 0).map((clip) => ({ table: timeline(clip), metrics: {} })),
      ]
      if (sheet !== undefined) notes.push(await drawSheet([...samples, ...frames], model, sheet))
      const timings = model.timings()
      const table = [heading(model), ...parts.map((part) => part.table), timingLine(timings)].join('\n\n')
      notes.push(
        'AP50: area under the precision-recall curve by all points (PASCAL VOC since 2010), IoU 0.5',
        ...labelNotes(reader, classes.unusedMappings()),
        ...thresholdNotes(model),
      )
      return {
        table,
        metrics: Object.assign({}, ...parts.map((part) => part.metrics), timings),
        peers: {},
        notes,
        problems,
      }
    } finally {
      await model.close()
    }
  },
})

function heading({ manifest, thresholdOf, sceneOptions }: LiftModel): string {
  const { name, version, input } = manifest
  const thresholds = `e-bike at ${thresholdOf(eBike)}, in the scene at ${sceneOptions.minScore}`
  return `${name} ${version}, ${input.width} × ${input.height}, ${thresholds}`
}

function timingLine({ inferenceP50Ms, inferenceP95Ms, pathP50Ms, pathP95Ms }: Record<string, number>): string {
  const of = (value = Number.NaN) => figure(value, 1)
  return (
    `A picture on one core: inference ${of(inferenceP50Ms)} ms (p95 ${of(inferenceP95Ms)}), ` +
    `with pre-processing and head ${of(pathP50Ms)} ms (p95 ${of(pathP95Ms)})`
  )
}

function labelNotes(reader: LabelReader, unusedMappings: readonly string[]): string[] {
  const notes = reader.namedBy.size > 0 ? [`class numbers named by: ${[...reader.namedBy].join(', ')}`] : []
  if (reader.namedBy.has('the model'))
    notes.push('the data does not name its classes: read in the model’s order; --classes tells another')
  for (const [name, boxes] of reader.foreign)
    notes.push(`not a label of the model, passed over: ${name} (${boxes} boxes)`)
  for (const mapping of unusedMappings) notes.push(`--map ${mapping}=…: nothing in the data is called so`)
  return notes
}

function thresholdNotes({ thresholdOf, sceneOptions }: LiftModel): string[] {
  if (thresholdOf(eBike) === sceneOptions.minScore) return []
  return [`the model reports e-bikes from ${thresholdOf(eBike)}, the scene believes them from ${sceneOptions.minScore}`]
}

function nothingUsable(data: string, folder: DataFolder, problems: readonly DataProblem[]): string {
  const [pictures, videos] = [folder.pictures.length, folder.videos.length]
  const shown = problems.slice(0, 5).map(({ where, what }) => `  ${where}: ${what}`)
  const what =
    pictures + videos === 0
      ? `${data} holds no pictures or clips; wanted are pictures with YOLO labels (images/ and labels/, or side by side), or videos`
      : `${data} holds ${pictures} pictures and ${videos} clips, but none that can be measured with`
  const hint = problems.some(({ what }) => what.startsWith('has no label file'))
    ? ['Pictures that show nothing of the model’s classes: --empty-without-labels']
    : []
  return [what, ...shown, ...hint].join('\n')
}
