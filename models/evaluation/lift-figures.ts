import { confusionMatrix, type LabelFigures, labelFigures } from './box-figures.ts'
import { eBike, type LiftModel } from './lift-model.ts'
import { bestAtFalseRate, type PictureScore, pictureScores, ratesAt, sweepThresholds } from './picture-figures.ts'
import { figure, textTable } from './report.ts'
import type { Sample } from './samples.ts'

/** Figures of a set of pictures, or of frames of clips, as text and as metrics. */
export interface SetFigures {
  table: string
  metrics: Record<string, number>
}

/** The share of pictures without an e-bike that may fire. */
const mayFire = 0.02

/**
 * @param kind names the metrics: `image…` of pictures, `frame…` of frames of clips
 */
export function setFigures(samples: readonly Sample[], model: LiftModel, kind: 'image' | 'frame'): SetFigures {
  const { labels } = model.manifest
  const boxes = labelFigures(samples, labels, model.thresholdOf)
  const plain = pictureScores(samples, eBike, (sample) => sample.lowered[eBike]?.[0]?.score ?? 0)
  const sightings = pictureScores(samples, eBike, (sample) => model.sightingScore(sample))
  const threshold = model.thresholdOf(eBike)
  const at = ratesAt(plain, threshold)
  const seen = ratesAt(sightings, model.sceneOptions.minScore)
  const limit = bestAtFalseRate(plain, mayFire)
  const held = plain.filter(({ holds }) => holds).length
  const of = (name: string) => (kind === 'image' ? name : `frame${name[0]!.toUpperCase()}${name.slice(1)}`)
  const metrics: Record<string, number> = {
    [`${kind}s`]: samples.length,
    [`${kind}sWithEBike`]: held,
    [`${kind}Recall`]: at.recall,
    [`${kind}FalseRate`]: at.falseRate,
    [of('sightingRecall')]: seen.recall,
    [of('sightingFalseRate')]: seen.falseRate,
    [of('recallAtFalseRate2Percent')]: limit?.recall ?? Number.NaN,
    [of('thresholdAtFalseRate2Percent')]: limit?.threshold ?? Number.NaN,
  }
  for (const { label, ap50, recall, precision } of boxes) {
    const name = pascal(label)
    metrics[of(`ap50${name}`)] = ap50
    metrics[of(`boxRecall${name}`)] = recall
    metrics[of(`boxPrecision${name}`)] = precision
  }
  const title = kind === 'image' ? 'Pictures' : 'Frames of labelled clips'
  const table = [
    `${title}: ${plain.length} judged, ${held} with an e-bike, ${plain.length - held} without`,
    '',
    labelTable(boxes),
    '',
    sweepTable(plain, sightings, threshold),
    limitLine(limit, plain),
    '',
    'Confusion at the thresholds, boxes (rows: what was there; columns: what the model called it)',
    confusionTable(confusionMatrix(samples, labels), labels),
  ].join('\n')
  return { table, metrics }
}

function labelTable(boxes: readonly LabelFigures[]): string {
  const rows = boxes.map(({ label, truths, ap50, recall, precision, threshold }) => [
    ...[label, truths, figure(ap50), threshold.toFixed(2), figure(recall), figure(precision)],
  ])
  return textTable([['class', 'boxes', 'AP50', 'threshold', 'recall', 'precision'], ...rows])
}

function sweepTable(plain: readonly PictureScore[], sightings: readonly PictureScore[], shipped: number): string {
  const rows = sweepThresholds(shipped).map((threshold) => {
    const detector = ratesAt(plain, threshold)
    const scene = ratesAt(sightings, threshold)
    return [
      `${threshold.toFixed(2)}${threshold === shipped ? ' *' : ''}`,
      ...[figure(detector.recall), figure(detector.falseRate), figure(scene.recall), figure(scene.falseRate)],
    ]
  })
  const head = ['e-bike at (* in use)', 'recall', 'false rate', 'after vetoes: recall', 'false rate']
  return textTable([head, ...rows])
}

function limitLine(limit: ReturnType<typeof bestAtFalseRate>, scores: readonly PictureScore[]): string {
  if (!limit) return 'No picture without an e-bike: nothing can be said about false ones.'
  const without = scores.filter(({ holds }) => !holds).length
  const { threshold, recall, falseRate } = limit
  return `At most ${100 * mayFire} % of ${without} false: recall ${figure(recall)} at ${threshold.toFixed(3)} (false ${figure(falseRate)})`
}

function confusionTable(matrix: readonly number[][], labels: readonly string[]): string {
  const names = [...labels, 'nothing']
  return textTable([['', ...names], ...matrix.map((row, i) => [names[i]!, ...row])])
}

/** `e-bike` → `EBike`. */
function pascal(label: string): string {
  return label
    .split(/[^\p{L}\p{N}]+/u)
    .map((word) => `${word.slice(0, 1).toUpperCase()}${word.slice(1)}`)
    .join('')
}
