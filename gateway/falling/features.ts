import type { FallSegment } from './fall-segment.ts'
import { mean, offLine, rms, slopeOf } from './straight-line.ts'
import { parabola, type Sight } from './track.ts'

/** What else was going on while a thing fell. */
export interface Surroundings {
  /** Other tracks that came down at a similar speed at the time, elsewhere: rain, snow, leaves. */
  companions: number
  /** All other tracks at the time. */
  crowd: number
  /** What flew about here lately, across or upwards, and how much of it was of this size. */
  flyers: number
  flyersLike: number
  /** 1 when something that was seen before went out of sight where this fall began. */
  isContinued: number
}

/** Names of the features in the order the classifier takes them. A missing one is NaN. */
export const featureNames = [
  'durationS',
  'sightShare',
  'drop',
  'steepness',
  'monotony',
  'speedUp',
  'startShare',
  'residualY',
  'residualX',
  'turns',
  'topSpeed',
  'meanSpeed',
  'logArea',
  'growth',
  'shapeFlicker',
  'aspectFlicker',
  'contrast',
  'contrastFlicker',
  'polaritySteadiness',
  'companions',
  'crowd',
  'startY',
  'endY',
  'sideMargin',
  'accelerationMs2',
  'startSpeedMs',
  'endSpeedMs',
  'dropM',
  'residualM',
  'bodyM',
  'beforeS',
  'beforeReach',
  'afterS',
  'afterReach',
  'sideStart',
  'sideEnd',
  'flickerRate',
  'uneven',
  'unevenM',
  'startMs2',
  'endMs2',
  'beside',
  'aboveM',
  'aspect',
  'flyers',
  'flyersLike',
  'isContinued',
] as const

export type FeatureName = (typeof featureNames)[number]

/** Whether a feature is missing where the facade is not calibrated. */
export const needsCalibration = (name: FeatureName): boolean => name === 'beside' || /(M|Ms|Ms2)$/.test(name)

/**
 * Describes a fall in numbers that do not depend on the picture's size. Lengths in picture heights, speeds in picture
 * heights per second; see `needsCalibration`.
 */
export function featuresOf(
  fall: FallSegment,
  size: { width: number; height: number },
  framesPerSecond: number,
  surroundings: Surroundings,
): Record<FeatureName, number> {
  const { sights, metric } = fall
  const first = sights[0]!
  const last = sights.at(-1)!
  const duration = last.t - first.t
  const drop = last.y - first.y
  let path = 0
  let down = 0
  let up = 0
  let turns = 0
  let heading = 0
  for (let i = 1; i < sights.length; i++) {
    const [dx, dy] = [sights[i]!.x - sights[i - 1]!.x, sights[i]!.y - sights[i - 1]!.y]
    path += Math.hypot(dx, dy)
    if (dy > 0) down += dy
    else up -= dy
    if (Math.abs(dx) < 0.6) continue
    if (heading !== 0 && Math.sign(dx) !== heading) turns++
    heading = Math.sign(dx)
  }
  const third = Math.max(3, Math.round(sights.length / 3))
  const speedAtStart = slopeOf(sights.slice(0, third))
  const speedAtEnd = slopeOf(sights.slice(-third))
  const fit = parabola(sights, first.t)
  const fitX = parabola(
    sights.map(({ t, x }) => ({ t, y: x })),
    first.t,
  )
  const off = (value: (i: number) => number, curve: typeof fit) =>
    rms(
      sights.map(({ t }, i) => {
        const s = t - first.t
        return value(i) - curve.at - curve.slope * s - curve.bend * s * s
      }),
    )
  const sideways = (some: readonly Sight[]) => Math.abs(slopeOf(some.map(({ t, x }) => ({ t, y: x }))))
  const perS = Math.max(1, drop / duration)
  const areas = sights.map(({ t, area }) => ({ t: t - first.t, y: Math.log(area + 1) }))
  const aspects = sights.map(({ width, height }) => Math.log((height + 1) / (width + 1)))
  const contrasts = sights.map(({ weight, area }) => weight / area)
  const meanArea = mean(areas.map(({ y }) => y))
  const areaTrend = slopeOf(areas)
  const flicker = offLine(areas)
  const beats = flicker.filter((value, i) => i > 0 && value * flicker[i - 1]! < 0).length
  return {
    durationS: duration,
    sightShare: sights.length / (duration * framesPerSecond + 1),
    drop: drop / size.height,
    steepness: drop / Math.max(1, path),
    monotony: down / Math.max(1e-6, down + up),
    speedUp: Math.log(Math.max(0.05, speedAtEnd) / Math.max(1, speedAtStart)),
    startShare: (fit.slope * duration) / Math.max(1, drop),
    residualY: off((i) => sights[i]!.y, fit) / Math.max(1, drop),
    residualX: off((i) => sights[i]!.x, fitX) / Math.max(1, drop),
    turns: turns / Math.max(0.2, duration),
    topSpeed: speedAtEnd / size.height,
    meanSpeed: drop / duration / size.height,
    logArea: meanArea,
    growth: areaTrend * duration,
    shapeFlicker: deviation(areas.map(({ t, y }) => y - areaTrend * t)),
    aspectFlicker: deviation(aspects),
    contrast: mean(contrasts),
    contrastFlicker: deviation(contrasts) / Math.max(1, mean(contrasts)),
    polaritySteadiness: Math.abs(mean(sights.map(({ polarity }) => Math.sign(polarity)))),
    companions: surroundings.companions,
    crowd: surroundings.crowd,
    startY: first.y / size.height,
    endY: last.y / size.height,
    sideMargin: Math.min(first.x, last.x, size.width - first.x, size.width - last.x) / size.width,
    accelerationMs2: metric?.accelerationMs2 ?? Number.NaN,
    startSpeedMs: metric?.startSpeedMs ?? Number.NaN,
    endSpeedMs: metric?.endSpeedMs ?? Number.NaN,
    dropM: metric ? metric.startUpM - metric.endUpM : Number.NaN,
    residualM: metric?.residualM ?? Number.NaN,
    bodyM: metric
      ? (Math.exp(meanArea / 2) * Math.max(0.1, metric.startUpM - metric.endUpM)) / Math.max(1, drop)
      : Number.NaN,
    beforeS: fall.before.seconds,
    beforeReach: fall.before.reach / size.height,
    afterS: fall.after.seconds,
    afterReach: fall.after.reach / size.height,
    sideStart: sideways(sights.slice(0, third)) / perS,
    sideEnd: sideways(sights.slice(-third)) / perS,
    flickerRate: beats / Math.max(0.2, duration),
    uneven: rms(offLine(sights)) / Math.max(1, drop),
    unevenM: metric?.unevenM ?? Number.NaN,
    startMs2: metric?.startMs2 ?? Number.NaN,
    endMs2: metric?.endMs2 ?? Number.NaN,
    beside: metric?.beside ?? Number.NaN,
    aboveM: metric?.aboveM ?? Number.NaN,
    aspect: mean(aspects),
    flyers: surroundings.flyers,
    flyersLike: surroundings.flyersLike,
    isContinued: surroundings.isContinued,
  }
}

function deviation(values: readonly number[]): number {
  const middle = mean(values)
  return rms(values.map((value) => value - middle))
}
