import { appendFile, readdir, readFile, stat } from 'node:fs/promises'
import { extname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createClassifier, loadFallingModel } from '../../gateway/falling/index.ts'
import type { ScenePlan } from '../../simulators/facades/scene.ts'
import { DataError, type DataProblem, defineEvaluator, numberOf } from './evaluator.ts'
import { byLabel, type FacadeOutcome, fallingFigures, matchEvents, sizeClasses, throwsOf } from './falling-figures.ts'
import { runFacadeClip, runScene } from './falling-run.ts'
import { readFacadeTruth } from './falling-truth.ts'
import { figure, textTable } from './report.ts'

const videoEndings = new Set(['.mp4', '.avi', '.mkv', '.mov', '.ts', '.webm'])
const sceneEnding = '.scenes.json'
/** Of quick mode: so many clips and scenes, and so many seconds of a scene. */
const quickClips = 6
const quickS = 24
/** Scenes at the analysed size stand for a 1080p camera. */
const cameraWidth = 1920

/** Measures the falling-object engine on facade clips and on scenes of the simulator. */
export const fallingObject = defineEvaluator({
  name: 'falling-object',
  summary: 'things thrown from high: facade clips with tracks.json or <clip>.json, and *.scenes.json of the simulator',
  options: { threshold: { type: 'string' }, calibration: { type: 'string' }, judged: { type: 'string' } },
  usage: [
    '  --threshold <0…1>      another threshold',
    '  --calibration none     as a camera nobody calibrated',
    '  --judged <file>        writes every judged fall with its features, one JSON object a line',
  ],
  async evaluate({ data, modelDir, isQuick, values }) {
    const problems: DataProblem[] = []
    const model = await loadFallingModel(
      join(modelDir ?? fileURLToPath(new URL('../falling-track', import.meta.url)), 'model.json'),
    )
    const threshold = numberOf(values, 'threshold', { least: 0, most: 1 }) ?? model.threshold
    const classifier = createClassifier({ ...model, threshold })
    const isCalibrated = values.calibration !== 'none'
    const outcomes: FacadeOutcome[] = []
    const judgedLines: string[] = []
    const totals = {
      frames: 0,
      alignMs: 0,
      backgroundMs: 0,
      blobMs: 0,
      trackMs: 0,
      unknownFrames: 0,
      crowdedFrames: 0,
      relearnt: 0,
    }
    const files = await filesOf(data)
    const clips = files.filter((file) => videoEndings.has(extname(file)))
    for (const file of isQuick ? clips.slice(0, quickClips) : clips) {
      const name = relative(data, file) || file
      try {
        const truth = await readFacadeTruth(file)
        const run = await runFacadeClip(file, classifier, isCalibrated ? truth?.calibration : undefined)
        const throws = truth ? throwsOf(truth) : []
        note(name, run, throws, truth)
      } catch (error) {
        problems.push({ where: name, what: `cannot be measured: ${(error as Error).message.split('\n')[0]}` })
      }
    }
    for (const file of files.filter((each) => each.endsWith(sceneEnding))) {
      const plans = JSON.parse(await readFile(file, 'utf8')) as ScenePlan[]
      for (const [index, plan] of (isQuick ? plans.slice(0, quickClips) : plans).entries()) {
        const run = runScene(isQuick ? { ...plan, seconds: Math.min(quickS, plan.seconds) } : plan, classifier)
        const throws = throwsOf(run.truth, (cameraWidth / plan.width) ** 2)
        note(`${relative(data, file)}#${index}`, run, throws, run.truth)
      }
    }
    if (outcomes.length === 0)
      throw new DataError(
        `nothing to measure with in ${data}${problems
          .map((p) => `\n${p.where}: ${p.what}`)
          .slice(0, 5)
          .join('')}`,
      )
    if (typeof values.judged === 'string') await appendFile(values.judged, judgedLines.join(''))
    const ms = (total: number) => total / Math.max(1, totals.frames)
    const metrics = {
      ...fallingFigures(outcomes),
      engineMsPerFrame: ms(totals.alignMs + totals.backgroundMs + totals.blobMs + totals.trackMs),
    }
    return {
      metrics,
      peers: {
        'FADE-Net (its own data)': {
          framePrecision: 73.5 / 100,
          frameRecall: 70.7 / 100,
          frameF1: 72.1 / 100,
        },
      },
      problems,
      table: [
        `${classifier.model}, threshold ${threshold}${isCalibrated ? '' : ', not calibrated'}`,
        sizeTable(outcomes),
        '',
        labelTable(outcomes),
        '',
        `stages, ms a frame: alignment ${figure(ms(totals.alignMs), 2)}, background ${figure(ms(totals.backgroundMs), 2)}, blobs ${figure(ms(totals.blobMs), 2)}, tracks ${figure(ms(totals.trackMs), 2)}`,
        `${totals.frames} frames, ${totals.unknownFrames} fitted nothing known, ${totals.crowdedFrames} too crowded, background learnt anew ${totals.relearnt} times`,
        ...mistakes(outcomes),
      ].join('\n'),
      notes,
    }

    function note(
      name: string,
      run: Awaited<ReturnType<typeof runFacadeClip>>,
      throws: ReturnType<typeof throwsOf>,
      truth: Awaited<ReturnType<typeof readFacadeTruth>>,
    ) {
      const { framesPerSecond, frames, seconds } = run
      outcomes.push({
        ...{ name, seconds, frames, framesPerSecond, throws },
        building: truth?.building ?? name,
        labels: truth?.distractors ? [truth.daylight ?? 'day', ...truth.distractors] : [],
        events: matchEvents(run.events, throws, framesPerSecond),
      })
      totals.frames += frames
      for (const key of ['alignMs', 'backgroundMs', 'blobMs', 'trackMs'] as const) totals[key] += run.engine.stages[key]
      for (const key of ['unknownFrames', 'crowdedFrames', 'relearnt'] as const) totals[key] += run.engine.counters[key]
      if (values.judged)
        for (const { fall, score, features } of run.judged)
          judgedLines.push(`${JSON.stringify({ clip: name, fromS: fall.fromS, toS: fall.toS, score, features })}\n`)
    }
  },
})

const notes = [
  'an event is right when one of its paths follows an object or its mirror image in at least half of its points; a second event of the same throw is wrong',
  'eventRecall: throws of 4 px² and more (median outline at the camera); tro: mean overlap of right events with the time their object is in view, intersection over union',
  'frame figures: frames during a throw against frames during an event, all sizes; FADE’s own definition is not published in detail',
  'scenes (*.scenes.json) go into the engine without an encoder, at the analysed size of a 1080p camera; clips go through decoder and camera reader',
]

async function filesOf(data: string): Promise<string[]> {
  if ((await stat(data)).isFile()) return [data]
  const entries = await readdir(data, { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
}

function sizeTable(outcomes: readonly FacadeOutcome[]): string {
  const right = outcomes.flatMap(({ events }) => events).filter(({ of, isRepeat }) => of && !isRepeat)
  const all = outcomes.flatMap(({ throws }) => throws)
  const kinds = [...new Set(all.map(({ kind }) => kind))].sort()
  const groups = [
    ...sizeClasses.map(({ name, from, to }) => ({ name, some: all.filter(({ area }) => area >= from && area < to) })),
    ...kinds.map((kind) => ({ name: kind, some: all.filter((each) => each.kind === kind && each.area >= 4) })),
  ]
  const rows = groups.map(({ name, some }) => {
    const found = some.filter((each) => right.some(({ of }) => of === each)).length
    return [name, some.length, found, figure(found / some.length)]
  })
  return textTable([['throws', 'shown', 'found', 'recall'], ...rows])
}

function labelTable(outcomes: readonly FacadeOutcome[]): string {
  const rows = byLabel(outcomes).map(({ label, hours, falseEvents }) => [
    label,
    figure(hours, 2),
    falseEvents,
    figure(falseEvents / hours, 2),
  ])
  return textTable([['with', 'hours', 'false events', 'per camera-hour'], ...rows])
}

function mistakes(outcomes: readonly FacadeOutcome[]): string[] {
  const lines = outcomes.flatMap(({ name, events, throws, labels }) => [
    ...events
      .filter(({ of, isRepeat }) => !of || isRepeat)
      .map(
        ({ fromMs, toMs, score, isRepeat }) =>
          `  ${name}: ${isRepeat ? 'told twice' : 'false'} ${figure(fromMs / 1000, 2)}–${figure(toMs / 1000, 2)} s, score ${figure(score, 2)} (${labels.join(' ')})`,
      ),
    ...throws
      .filter((each) => each.area >= 4 && !events.some(({ of }) => of === each))
      .map(
        (each) =>
          `  ${name}: missed ${each.kind}, ${figure(each.area, 0)} px², ${figure(each.fromMs / 1000, 1)}–${figure(each.toMs / 1000, 1)} s (${labels.join(' ')})`,
      ),
    ...events
      .filter(
        ({ of, origin, isRepeat }) =>
          of?.floor !== undefined && !isRepeat && origin && Math.abs(origin.floor - of.floor) > 1,
      )
      .map(
        ({ of, origin }) =>
          `  ${name}: ${of!.kind} from floor ${of!.floor} told as ${origin!.floor} (${origin!.floorFrom}–${origin!.floorTo})`,
      ),
  ])
  return lines.length === 0 ? [] : ['', 'wrong', ...lines.slice(0, 60)]
}
