import { type Static, Type } from 'typebox'
import { createDwell } from '../core/dwell.ts'
import { defineScene, type Finding, type Scene, type SceneTarget } from '../core/scene.ts'
import { createElderAlarm, hourMs } from './elder-alarm.ts'
import { nothing } from './sensor-alarm.ts'

const options = Type.Object(
  {
    silentMs: Type.Number({ minimum: 0, default: 600_000, description: 'No device of the home is up for so long.' }),
    startMs: Type.Number({
      minimum: 60_000,
      default: 2 * hourMs,
      description: 'After the start so long for the first word of any of them.',
    }),
    notWornMs: Type.Number({ minimum: 60_000, default: 12 * hourMs, description: 'The band lies in a drawer.' }),
  },
  { additionalProperties: false },
)
type Options = Static<typeof options>

/** Nobody looks after somebody whose devices are all silent, or whose band is not worn. */
export const elderNoData = defineScene<Options>({
  kind: 'elder-no-data',
  options,
  per: 'elder',
  metrics: ['isWorn'],
  isDefault: true,
  create: createScene,
})

function createScene(chosen: Options, target: SceneTarget): Scene {
  const alarm = createElderAlarm('elder_no_data', target)
  const up = new Set<string>()
  const silent = createDwell({ onMs: chosen.silentMs })
  const notWorn = createDwell({ onMs: chosen.notWornMs })
  let startedAt: number | undefined
  let wasHeard = false

  function conclude(at: number): readonly Finding[] {
    const isUnheard = !wasHeard && startedAt !== undefined && at - startedAt >= chosen.startMs
    const devices = target.devices.length
    if (silent.isOn || isUnheard)
      return alarm.raise(at, { severity: 'high', certainty: 0.9, why: [{ key: 'elder-silent', devices }] })
    if (!notWorn.isOn) return alarm.clear(at)
    const hours = Math.round((at - notWorn.sinceAt) / hourMs)
    return alarm.raise(at, { severity: 'low', certainty: 0.9, why: [{ key: 'band-not-worn', hours }] })
  }

  return {
    observe(observation) {
      const { at } = observation
      switch (observation.type) {
        case 'device':
          if (observation.isUp) up.add(observation.device)
          else up.delete(observation.device)
          wasHeard ||= observation.isUp
          silent.update(at, wasHeard && up.size === 0)
          return conclude(at)
        case 'measurement':
        case 'remembered': {
          const { metric, value, clockTrusted, ingestedAt } = observation.measurement
          if (metric !== 'isWorn' || !clockTrusted) return nothing
          notWorn.update(observation.type === 'remembered' ? ingestedAt : at, value === false)
          return conclude(at)
        }
        case 'tick':
          startedAt ??= at
          silent.tick(at)
          notWorn.tick(at)
          return conclude(at)
        default:
          return nothing
      }
    },
    wakeAt() {
      const isWaiting = !wasHeard && !alarm.isOpen
      const first = startedAt === undefined ? 0 : isWaiting ? startedAt + chosen.startMs : Number.POSITIVE_INFINITY
      return Math.min(first, silent.wakeAt(), notWorn.wakeAt())
    },
  }
}
