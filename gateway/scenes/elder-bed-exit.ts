import { type Static, Type } from 'typebox'
import { createBaseline } from '../core/baseline.ts'
import { defineScene, type Finding, type Scene, type SceneTarget } from '../core/scene.ts'
import { createSchedule } from '../core/schedule.ts'
import { createActivity } from './activity.ts'
import { createElderAlarm, minuteMs } from './elder-alarm.ts'
import { hours, localTimeOf } from './hours.ts'
import { nothing } from './sensor-alarm.ts'

const options = Type.Object(
  {
    night: hours('22:00', '06:00', 'When a bed should be slept in, in local time.'),
    awayMs: Type.Number({ minimum: 60_000, default: 1_800_000, description: 'Out of bed for so long.' }),
    movingMs: Type.Number({
      minimum: 60_000,
      default: 600_000,
      description: 'Movement within so long means: up and about, which weighs less.',
    }),
  },
  { additionalProperties: false },
)
type Options = Static<typeof options>

/** Nights out of bed that tell what is usual. */
const learntExits = 10
/** Nobody is given longer than this because they are used to it, as a multiple of awayMs. */
const longestFactor = 3

/**
 * Out of bed at night and not back: a fall in the bathroom that nothing else has seen. Who takes long every night is
 * given the time, within bounds.
 *
 *   in bed ──left at night──▶ out ──longer than usual──▶ missed (raise) ──back, or morning──▶ in bed (clear)
 *
 * Who has not gone to bed yet has not left it, however often the bed says that it is empty.
 */
export const elderBedExit = defineScene<Options>({
  kind: 'elder-bed-exit',
  options,
  per: 'elder',
  neededKinds: ['bed'],
  metrics: ['isInBed', 'isMotion', 'isOccupied', 'isOpen', 'stepCount'],
  isDefault: true,
  create: createScene,
})

function createScene(chosen: Options, target: SceneTarget): Scene {
  const alarm = createElderAlarm('elder_bed_exit', target)
  const activity = createActivity(target.devices)
  const night = createSchedule(chosen.night, localTimeOf(target))
  const baselineOptions = { minCount: learntExits, memory: 60, minSpread: 3 }
  /** Minutes out of bed at night. */
  let usual = createBaseline(baselineOptions)
  let leftAt: number | undefined
  /** What each bed said last. */
  const inBed = new Map<string, boolean>()
  let movedAt = Number.NEGATIVE_INFINITY
  let wakeAt = Number.POSITIVE_INFINITY

  /** How long this person may stay away. */
  function limitMs(): number {
    const learnt = usual.count >= learntExits ? (usual.centre + 4 * usual.spread) * minuteMs : 0
    return Math.min(chosen.awayMs * longestFactor, Math.max(chosen.awayMs, learnt))
  }

  function onBed(at: number, device: string, isInBed: boolean): readonly Finding[] {
    const wasInBed = inBed.get(device) === true
    inBed.set(device, isInBed)
    if (!isInBed) {
      if (wasInBed && leftAt === undefined && night.contains(at)) {
        leftAt = at
        wakeAt = at + limitMs()
      }
      return nothing
    }
    // An exit that was an alarm does not teach that it is usual.
    if (leftAt !== undefined && !alarm.isOpen) usual.add((at - leftAt) / minuteMs)
    leftAt = undefined
    wakeAt = Number.POSITIVE_INFINITY
    return alarm.clear(at)
  }

  function onTick(at: number): readonly Finding[] {
    if (leftAt === undefined) return nothing
    if (!night.contains(at)) {
      leftAt = undefined
      wakeAt = Number.POSITIVE_INFINITY
      return alarm.clear(at)
    }
    if (at - leftAt < limitMs()) {
      wakeAt = Math.max(at + minuteMs, leftAt + limitMs())
      return nothing
    }
    wakeAt = at + chosen.movingMs
    const isMoving = at - movedAt <= chosen.movingMs
    const why = [
      { key: 'bed-left', minutes: Math.round((at - leftAt) / minuteMs) },
      { key: isMoving ? 'bed-left-moving' : 'bed-left-still' },
    ]
    return alarm.raise(at, { severity: isMoving ? 'medium' : 'high', certainty: isMoving ? 0.5 : 0.75, why })
  }

  return {
    observe(observation) {
      const { at } = observation
      if (observation.type === 'tick') return onTick(at)
      if (observation.type !== 'measurement' && observation.type !== 'remembered') return nothing
      const { measurement } = observation
      const { metric, value, device, clockTrusted, ingestedAt } = measurement
      if (observation.type === 'remembered') {
        // What the scene itself has kept may be newer.
        const isNews = metric === 'isInBed' && clockTrusted && (leftAt === undefined || ingestedAt > leftAt)
        return isNews ? onBed(ingestedAt, device, value === true) : nothing
      }
      const sign = activity.signOf(measurement)
      if (metric === 'isInBed') return clockTrusted ? onBed(at, device, value === true) : nothing
      if (sign) movedAt = at
      return nothing
    },
    wakeAt: () => wakeAt,
    snapshot: () => ({
      ...{ usual: usual.snapshot(), inBed: Object.fromEntries(inBed) },
      ...(leftAt === undefined ? {} : { leftAt }),
    }),
    restore(known) {
      const learnt = known as { usual?: unknown; inBed?: Record<string, unknown>; leftAt?: number } | undefined
      for (const [device, value] of Object.entries(learnt?.inBed ?? {})) inBed.set(device, value === true)
      usual = createBaseline(baselineOptions, learnt?.usual)
      if (!Number.isFinite(learnt?.leftAt)) return
      leftAt = learnt!.leftAt!
      wakeAt = leftAt + limitMs()
    },
  }
}
