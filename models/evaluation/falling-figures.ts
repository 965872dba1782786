import type { Throw } from '../../gateway/falling/index.ts'
import type { FacadeTruth } from './falling-truth.ts'

/** One throw that a clip shows. Times in ms, places in fractions of the picture. */
export interface TrueThrow {
  kind: string
  floor: number | undefined
  fromMs: number
  toMs: number
  /** Median of its outline, pixels² of the camera's picture. */
  area: number
  /** The object and its mirror image: frame → box. */
  paths: Array<Map<number, { x: number; y: number; width: number; height: number }>>
}

/** What came of one clip. */
export interface FacadeOutcome {
  name: string
  building: string
  labels: readonly string[]
  seconds: number
  framesPerSecond: number
  frames: number
  events: ReadonlyArray<Throw & { of: TrueThrow | undefined; isRepeat: boolean }>
  throws: readonly TrueThrow[]
}

/** Fewer sights than this are no throw anybody could tell. */
const leastSights = 5
const leastFollowed = 0.5

/** @param areaScale pixels² of the camera's picture per pixel² of the tracks */
export function throwsOf(truth: FacadeTruth, areaScale = 1): TrueThrow[] {
  const [width, height] = truth.size
  const pathOf = (name: string) =>
    new Map(
      (truth.tracks[name] ?? []).map(({ f, x, y, w, h, cx, cy }) => [
        f,
        { x: (cx ?? x + w / 2) / width, y: (cy ?? y + h / 2) / height, width: w / width, height: h / height },
      ]),
    )
  return Object.entries(truth.tracks)
    .filter(([name, rows]) => name.startsWith('object') && rows.length >= leastSights)
    .map(([name, rows]) => {
      const known = truth.throws?.find(({ track }) => track === name)
      const areas = rows.map(({ area, w, h }) => (area ?? w * h) * areaScale).sort((a, b) => a - b)
      return {
        kind: known?.kind ?? 'object',
        floor: known?.floor,
        fromMs: (rows[0]!.f * 1000) / truth.fps,
        toMs: (rows.at(-1)!.f * 1000) / truth.fps,
        area: areas[areas.length >> 1]!,
        paths: [pathOf(name), pathOf(name.replace('object', 'window_reflection'))],
      }
    })
}

/** Sets events against throws: an event is of the throw whose object, or its mirror image, one of its paths follows. */
export function matchEvents(
  events: readonly Throw[],
  throws: readonly TrueThrow[],
  framesPerSecond: number,
): FacadeOutcome['events'] {
  const told = new Set<TrueThrow>()
  return [...events]
    .sort((a, b) => b.score - a.score)
    .map((event) => {
      const ranked = throws
        .map((each) => ({ each, share: followedShare(event, each, framesPerSecond) }))
        .sort((a, b) => b.share - a.share)
      const best = ranked[0] && ranked[0].share >= leastFollowed ? ranked[0].each : undefined
      const isRepeat = best !== undefined && told.has(best)
      if (best) told.add(best)
      return { ...event, of: best, isRepeat }
    })
    .sort((a, b) => a.fromMs - b.fromMs)
}

function followedShare(event: Throw, thrown: TrueThrow, framesPerSecond: number): number {
  return Math.max(
    ...event.paths.flatMap(({ points }) =>
      thrown.paths.map((path) => {
        const near = points.filter(({ atMs, x, y }) => {
          const frame = Math.round((atMs * framesPerSecond) / 1000)
          const box = path.get(frame) ?? path.get(frame - 1) ?? path.get(frame + 1)
          return box && Math.hypot(box.x - x, box.y - y) < Math.max(0.02, box.width, box.height)
        })
        return near.length / points.length
      }),
    ),
  )
}

/** Sizes whose recall has a target of its own, pixels² at the camera. */
export const sizeClasses = [
  { name: '10 px² and more', from: 10, to: Number.POSITIVE_INFINITY },
  { name: '4 to 10 px²', from: 4, to: 10 },
  { name: 'under 4 px²', from: 0, to: 4 },
] as const

export function fallingFigures(outcomes: readonly FacadeOutcome[]): Record<string, number> {
  const events = outcomes.flatMap((outcome) => outcome.events)
  const right = events.filter(({ of, isRepeat }) => of && !isRepeat)
  const recall = (from: number, to: number) => {
    const meant = outcomes.flatMap(({ throws }) => throws).filter(({ area }) => area >= from && area < to)
    const found = meant.filter((each) => right.some(({ of }) => of === each))
    return { found: found.length, meant: meant.length, share: found.length / meant.length }
  }
  const hours = outcomes.reduce((sum, { seconds }) => sum + seconds, 0) / 3600
  const floors = right.flatMap(({ of, origin }) =>
    of!.floor !== undefined && origin ? [Math.abs(origin.floor - of!.floor)] : [],
  )
  const inBand = right.filter(
    ({ of, origin }) =>
      of!.floor !== undefined && origin && origin.floorFrom <= of!.floor && of!.floor <= origin.floorTo,
  ).length
  const overlaps = right.map(({ of, fromMs, toMs }) => {
    const common = Math.max(0, Math.min(toMs, of!.toMs) - Math.max(fromMs, of!.fromMs))
    return common / Math.max(1, Math.max(toMs, of!.toMs) - Math.min(fromMs, of!.fromMs))
  })
  const frames = frameCounts(outcomes)
  const visible = recall(4, Number.POSITIVE_INFINITY)
  return {
    throws: visible.meant,
    eventRecall: visible.share,
    eventRecall10Px: recall(10, Number.POSITIVE_INFINITY).share,
    eventRecall4Px: recall(4, 10).share,
    eventRecallUnder4Px: recall(0, 4).share,
    eventPrecision: right.length / events.length,
    floorWithin1: floors.filter((off) => off <= 1).length / floors.length,
    floorExact: floors.filter((off) => off === 0).length / floors.length,
    floorInBand: inBand / floors.length,
    tro: mean(overlaps),
    ...frames,
    falseEvents: events.length - right.length,
    falsePerCameraHour: (events.length - right.length) / hours,
    cameraHours: hours,
  }
}

/** Frames during a throw against frames during an event, as FADE counts them. */
function frameCounts(outcomes: readonly FacadeOutcome[]) {
  let [both, truth, said] = [0, 0, 0]
  for (const { events, throws, frames, framesPerSecond } of outcomes)
    for (let frame = 0; frame < frames; frame++) {
      const at = (frame * 1000) / framesPerSecond
      const isTrue = throws.some(({ fromMs, toMs }) => at >= fromMs - 1 && at <= toMs + 1)
      const isSaid = events.some(({ fromMs, toMs }) => at >= fromMs - 1 && at <= toMs + 1)
      if (isTrue) truth++
      if (isSaid) said++
      if (isTrue && isSaid) both++
    }
  const framePrecision = both / said
  const frameRecall = both / truth
  return { framePrecision, frameRecall, frameF1: (2 * framePrecision * frameRecall) / (framePrecision + frameRecall) }
}

/** What was seen in how many hours and how many false events came of it, by what else moved. */
export function byLabel(
  outcomes: readonly FacadeOutcome[],
): Array<{ label: string; hours: number; falseEvents: number }> {
  const labels = [...new Set(outcomes.flatMap((outcome) => outcome.labels))].sort()
  return labels.map((label) => {
    const some = outcomes.filter((outcome) => outcome.labels.includes(label))
    return {
      label,
      hours: some.reduce((sum, { seconds }) => sum + seconds, 0) / 3600,
      falseEvents: some.reduce(
        (sum, { events }) => sum + events.filter(({ of, isRepeat }) => !of || isRepeat).length,
        0,
      ),
    }
  })
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}
