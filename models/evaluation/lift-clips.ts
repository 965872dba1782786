import { relative } from 'node:path'
import { encodeSnapshot } from '../../gateway/cameras/index.ts'
import { alarmsOf, analysedPerSecond, type ClipFrame, runClip } from './clip-run.ts'
import { type ClipTruth, readTracks, type TrackReaderOptions } from './clip-tracks.ts'
import { nameMatcher } from './data-folder.ts'
import { type DataProblem, UsageError } from './evaluator.ts'
import { failureOf } from './lift-failures.ts'
import type { LiftModel } from './lift-model.ts'
import { sweepThresholds } from './picture-figures.ts'
import { figure, quantile, textTable } from './report.ts'
import { type Sample, toSample } from './samples.ts'

/** After the last sight of it an alarm still belongs to the visit for so long. */
const graceMs = 1000

/** One clip played to the gateway. */
export interface ClipResult {
  name: string
  frames: readonly ClipFrame[]
  raisedMs: readonly number[]
  /** Undefined when nobody says what the clip shows. */
  truth: ClipTruth | undefined
  judged: ClipJudgement | undefined
  /** Labelled frames. */
  samples: readonly FrameSample[]
}

/** A labelled frame; its picture as JPEG is kept when asked for and something in it is not as it should be. */
export interface FrameSample extends Sample {
  picture?: Promise<Uint8Array>
}

export interface ClipJudgement {
  /** Per visit, from half inside to the alarm, ms; negative when it came before that; undefined when none came. */
  delaysMs: ReadonlyArray<number | undefined>
  /** Alarms before the first visit. */
  before: number
  /** Alarms while nothing was there, those before the first visit among them. */
  falseOnes: number
}

/** Frame in which an e-bike is half inside, for clips that no file describes. */
export interface EventFrame {
  isMeant(name: string): boolean
  frame: number
}

/** @throws UsageError for what is no `[<clip>=]<frame>` */
export function parseEventFrames(rules: readonly string[]): EventFrame[] {
  return rules.map((rule) => {
    const at = rule.lastIndexOf('=')
    const frame = Number(rule.slice(at + 1))
    if (rule.slice(at + 1).trim() === '' || !Number.isInteger(frame) || frame < 0)
      throw new UsageError(`--event-frame "${rule}": write the number of a frame, or <clip>=<number>`)
    return { isMeant: at < 0 ? () => true : nameMatcher(rule.slice(0, at)), frame }
  })
}

/** What --event-frame leaves open: an e-bike comes in and stays. */
function truthOfEvent(frame: number, framesPerSecond: number): ClipTruth {
  return { framesPerSecond, visits: [{ from: frame, halfInside: frame, until: Number.POSITIVE_INFINITY }] }
}

/** Plays clips to the gateway, one after the other. What cannot be played becomes a problem. */
export async function measureClips(parts: {
  clips: readonly string[]
  tracks: TrackReaderOptions
  eventFrames: readonly EventFrame[]
  /** A clip nobody describes shows nothing. */
  isEmptyWithoutLabels: boolean
  keepsPictures: boolean
  model: LiftModel
  problems: DataProblem[]
}): Promise<ClipResult[]> {
  const results: ClipResult[] = []
  for (const file of parts.clips) {
    const name = relative(parts.tracks.folder.root, file)
    try {
      const described = await readTracks(file, parts.tracks)
      const samples: FrameSample[] = []
      const run = await runClip(file, parts.model, (frame, seen) => {
        if (!described?.truthAt) return
        const number = Math.round((seen.mediaMs * described.framesPerSecond) / 1000)
        const sample = toSample(described.truthAt(number, `${name} frame ${number}`), seen)
        samples.push(
          parts.keepsPictures && failureOf(sample, parts.model)
            ? { ...sample, picture: encodeSnapshot(frame) }
            : sample,
        )
      })
      const eventFrame = parts.eventFrames.find(({ isMeant }) => isMeant(name))?.frame
      const nothing = parts.isEmptyWithoutLabels ? { framesPerSecond: analysedPerSecond, visits: [] } : undefined
      const truth = described ?? (eventFrame === undefined ? nothing : truthOfEvent(eventFrame, run.framesPerSecond))
      if (!truth)
        parts.problems.push({ where: name, what: 'no tracks say what it shows; its scores are told, but not judged' })
      results.push({ name, ...run, samples, truth, judged: truth && judgeClip(run.raisedMs, truth) })
    } catch (error) {
      parts.problems.push({ where: name, what: `cannot be played: ${(error as Error).message.split('\n')[0]}` })
    }
  }
  return results
}

/** Sets alarms against visits: an alarm belongs to the visit in whose time it falls. */
export function judgeClip(raisedMs: readonly number[], truth: ClipTruth): ClipJudgement {
  const ms = (frame: number) => (frame * 1000) / truth.framesPerSecond
  const isDuring = (raised: number, { from, until }: ClipTruth['visits'][number]) =>
    raised >= ms(from) && raised <= ms(until) + graceMs
  const first = truth.visits[0]
  return {
    delaysMs: truth.visits.map((visit) => {
      const raised = raisedMs.find((at) => isDuring(at, visit))
      return raised === undefined ? undefined : raised - ms(visit.halfInside)
    }),
    before: first ? raisedMs.filter((at) => at < ms(first.from)).length : 0,
    falseOnes: raisedMs.filter((at) => !truth.visits.some((visit) => isDuring(at, visit))).length,
  }
}

/** Event-level figures of all judged clips. */
export function clipMetrics(results: readonly ClipResult[]): Record<string, number> {
  if (results.length === 0) return {}
  const judged = results.flatMap(({ judged }) => judged ?? [])
  return { clips: results.length, clipsJudged: judged.length, ...eventMetrics(judged) }
}

function eventMetrics(judged: readonly ClipJudgement[]) {
  const delays = judged.flatMap(({ delaysMs }) => delaysMs)
  const seconds = delays.flatMap((delay) => (delay === undefined ? [] : [delay / 1000]))
  const sum = (of: (judgement: ClipJudgement) => number) => judged.reduce((total, one) => total + of(one), 0)
  return {
    events: delays.length,
    eventsConfirmed: seconds.length,
    eventSeconds: quantile(seconds, 0.5),
    eventSecondsMax: seconds.length === 0 ? Number.NaN : Math.max(...seconds),
    eventsBefore: sum(({ before }) => before),
    eventsFalse: sum(({ falseOnes }) => falseOnes),
  }
}

export function clipTable(results: readonly ClipResult[]): string {
  const seconds = (ms: number) => figure(ms / 1000, 2)
  const rows = results.map(({ name, frames, raisedMs, judged }) => [
    name,
    seconds(frames.at(-1)!.mediaMs),
    raisedMs.length === 0 ? 'none' : raisedMs.map(seconds).join(' '),
    judged?.delaysMs.map((delay) => (delay === undefined ? 'missed' : seconds(delay))).join(' ') || '–',
    judged ? judged.before : '–',
    judged ? judged.falseOnes : '–',
  ])
  const head = ['clip', 'length s', 'alarms at s', 's after half inside', 'before', 'false']
  return `Clips through camera reader, gate, model and scene, ${analysedPerSecond} frames a second\n\n${textTable([head, ...rows])}`
}

/** The same frames shown to the scene again at other thresholds: what the events would have been. */
export function eventSweep(results: readonly ClipResult[], model: LiftModel): string {
  const judged = results.filter(({ truth }) => truth)
  const rows = sweepThresholds(model.sceneOptions.minScore).map((threshold) => {
    const options = { ...model.sceneOptions, minScore: threshold }
    const metrics = eventMetrics(
      judged.map(({ frames, truth }) => judgeClip(alarmsOf(frames, { ...model, sceneOptions: options }), truth!)),
    )
    return [
      `${threshold.toFixed(2)}${threshold === model.sceneOptions.minScore ? ' *' : ''}`,
      `${metrics.eventsConfirmed} of ${metrics.events}`,
      ...[figure(metrics.eventSeconds, 2), metrics.eventsBefore, metrics.eventsFalse],
    ]
  })
  const head = ['e-bike at (* in use)', 'confirmed', 's after half inside', 'before', 'false']
  return `Events at other thresholds, the gate as it was\n\n${textTable([head, ...rows])}`
}

/** Best e-bike score along a clip, a second a line; in brackets what the gate spared. */
export function timeline({ name, frames, raisedMs }: ClipResult): string {
  const lines = new Map<number, string[]>()
  for (const { mediaMs, score, isSpared } of frames) {
    const second = Math.floor(mediaMs / 1000)
    const percent = String(Math.round(100 * score))
    const cell = `${isSpared ? `(${percent})` : percent}${raisedMs.includes(mediaMs) ? '!' : ''}`
    lines.set(second, [...(lines.get(second) ?? []), cell.padStart(5)])
  }
  const rows = [...lines].map(([second, cells]) => `${String(second).padStart(4)} s ${cells.join('')}`)
  return `${name}: e-bike score in percent (! alarm, in brackets: still, not looked at)\n${rows.join('\n')}`
}
