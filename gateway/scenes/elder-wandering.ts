import { type Static, Type } from 'typebox'
import { defineScene, type Finding, type Scene, type SceneTarget } from '../core/scene.ts'
import { createSchedule } from '../core/schedule.ts'
import { createActivity } from './activity.ts'
import { createElderAlarm, minuteMs } from './elder-alarm.ts'
import { hours, localTimeOf } from './hours.ts'
import { nothing } from './sensor-alarm.ts'

const options = Type.Object(
  {
    night: hours('23:00', '05:00', 'When nobody should go out, in local time.'),
    confirmMs: Type.Number({
      minimum: 0,
      default: 180_000,
      description: 'No sign of life inside for so long after the door: somebody went out.',
    }),
  },
  { additionalProperties: false },
)
type Options = Static<typeof options>

/**
 * The door of a home opens at night, and inside it stays quiet: somebody wanders.
 *
 *   in ──door at night──▶ perhaps out ──confirmMs of quiet──▶ out (raise) ──sign of life inside──▶ in (clear)
 *                              └──sign of life inside──▶ in
 */
export const elderWandering = defineScene<Options>({
  kind: 'elder-wandering',
  options,
  per: 'elder',
  deviceKinds: ['door', 'lock', 'presence', 'presence-radar', 'bed'],
  neededKinds: ['door', 'lock'],
  metrics: ['isOpen', 'lockState', 'isMotion', 'isOccupied', 'isInBed'],
  isDefault: true,
  create: createScene,
})

function createScene(chosen: Options, target: SceneTarget): Scene {
  const alarm = createElderAlarm('elder_wandering', target)
  const activity = createActivity(target.devices)
  const night = createSchedule(chosen.night, localTimeOf(target))
  const canSeeInside = activity.can('inside')
  let doorAt: number | undefined

  function onTick(at: number): readonly Finding[] {
    if (doorAt === undefined || alarm.isOpen || at - doorAt < chosen.confirmMs) return nothing
    const why = [
      { key: 'door-at-night', minutes: Math.max(1, Math.round((at - doorAt) / minuteMs)) },
      { key: canSeeInside ? 'nobody-inside' : 'inside-unknown' },
    ]
    return alarm.raise(at, { severity: canSeeInside ? 'high' : 'medium', certainty: canSeeInside ? 0.75 : 0.5, why })
  }

  return {
    observe(observation) {
      const { at } = observation
      if (observation.type === 'tick') return onTick(at)
      if (observation.type === 'remembered') activity.remember(observation.measurement)
      if (observation.type !== 'measurement') return nothing
      const sign = activity.signOf(observation.measurement)
      if (sign === 'inside') {
        doorAt = undefined
        return alarm.clear(at)
      }
      if (sign === 'door' && night.contains(at)) doorAt = at
      return nothing
    },
    wakeAt: () => (doorAt === undefined || alarm.isOpen ? Number.POSITIVE_INFINITY : doorAt + chosen.confirmMs),
  }
}
