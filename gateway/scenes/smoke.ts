import { type Static, Type } from 'typebox'
import type { Phrase } from '../core/alarm.ts'
import { createCombination } from '../core/combination.ts'
import { createDwell } from '../core/dwell.ts'
import { defineScene, type Finding, type Scene, type SceneTarget, type TargetDevice } from '../core/scene.ts'
import { createThreshold } from '../core/threshold.ts'
import { createLiveness } from './liveness.ts'
import { createSensorAlarm, deviceAlarm, nothing } from './sensor-alarm.ts'

const options = Type.Object(
  {
    smokePercentPerMeter: Type.Number({ minimum: 0, default: 10, description: 'Obscuration that is smoke at once.' }),
    hotCelsius: Type.Number({ default: 57, description: 'A detector as hot as this confirms smoke, and is an alarm.' }),
    neighbourMs: Type.Number({
      minimum: 0,
      default: 300_000,
      description: 'Another detector of the same building and unit that told smoke within this time confirms it.',
    }),
    clearMs: Type.Number({ minimum: 0, default: 60_000, description: 'Without smoke for so long it is over.' }),
  },
  { additionalProperties: false },
)
type Options = Static<typeof options>

/**
 * Smoke, in flats, corridors and charging sheds. One alarm per detector, raised with its first word; neighbours that
 * join in, and heat, make it surer and graver, but nobody waits for them. A detector under test is told with less
 * weight, never left out: somebody may have pressed the button because it burns.
 */
export const smoke = defineScene<Options>({
  kind: 'smoke',
  options,
  per: 'place',
  deviceKinds: ['smoke', 'charging-shed'],
  metrics: ['isSmoke', 'smokePercentPerMeter', 'temperatureCelsius', 'isTest'],
  isDefault: true,
  create: createScene,
})

function createScene(chosen: Options, { devices }: SceneTarget): Scene {
  const telling = createCombination(chosen.neighbourMs)
  const liveness = createLiveness()
  const detectors = new Map(devices.map((device) => [device.id, createDetector(device, chosen)]))

  const open = new Set<Detector>()

  /** What one detector tells changes what its neighbours' alarms weigh. */
  function conclude(at: number, changed: Detector): readonly Finding[] {
    const before = telling.count(at)
    if (changed.isTelling()) telling.say(changed.id, at)
    else telling.withdraw(changed.id)
    const own = changed.conclude(at, telling.count(at, changed.id))
    if (changed.isOpen) open.add(changed)
    else open.delete(changed)
    if (telling.count(at) === before) return own
    const others = [...open].filter((each) => each !== changed)
    return [...own, ...others.flatMap((each) => each.conclude(at, telling.count(at, each.id)))]
  }

  return {
    observe(observation) {
      if (observation.type === 'tick') {
        const due = [...open].filter((each) => each.wakeAt() <= observation.at)
        return due.flatMap((each) => {
          each.tick(observation.at)
          return [...conclude(observation.at, each)]
        })
      }
      if (observation.type !== 'measurement' && observation.type !== 'remembered') return nothing
      const { measurement, at } = observation
      const detector = detectors.get(measurement.device)
      if (!detector || !liveness.isLive(measurement)) return nothing
      return detector.take(at, measurement.metric, measurement.value) ? conclude(at, detector) : nothing
    },
    wakeAt() {
      let earliest = Number.POSITIVE_INFINITY
      for (const each of open) earliest = Math.min(earliest, each.wakeAt())
      return earliest
    },
  }
}

type Detector = ReturnType<typeof createDetector>

function createDetector({ id, kind, place }: TargetDevice, chosen: Options) {
  const alarm = createSensorAlarm(
    deviceAlarm(kind === 'charging-shed' ? 'charging_shed_smoke' : 'smoke_fire', id, place),
  )
  const dense = createThreshold({ limit: chosen.smokePercentPerMeter, side: 'above', hysteresis: 2 })
  const hot = createThreshold({ limit: chosen.hotCelsius, side: 'above', hysteresis: 5 })
  const dwell = createDwell({ offMs: chosen.clearMs })
  let isSmoke = false
  let isTest = false
  let percent = 0
  let celsius = 0

  const isWrong = () => isSmoke || dense.isBeyond || hot.isBeyond

  function judgement(others: number) {
    const why: Phrase[] = []
    if (isSmoke) why.push({ key: 'smoke-detected' })
    if (dense.isBeyond) why.push({ key: 'smoke-dense', value: percent, limit: chosen.smokePercentPerMeter })
    if (hot.isBeyond) why.push({ key: 'smoke-heat', value: celsius, limit: chosen.hotCelsius })
    if (others > 0) why.push({ key: 'smoke-neighbours', count: others })
    const isConfirmed = others > 0 || [isSmoke, dense.isBeyond, hot.isBeyond].filter(Boolean).length > 1
    if (isTest && !isConfirmed)
      return { severity: 'low', certainty: 0.2, why: [...why, { key: 'smoke-test' }] } as const
    const isGrave = isConfirmed || isSmoke || kind === 'charging-shed'
    return { severity: isGrave ? 'critical' : 'high', certainty: isConfirmed ? 0.97 : 0.8, why } as const
  }

  return {
    id,
    get isOpen() {
      return alarm.isOpen
    },
    /** Whether its word counts as a neighbour's: a test does not. */
    isTelling: () => isWrong() && !isTest,
    /** Returns false where nothing came of it. */
    take(at: number, metric: string, value: number | boolean | string): boolean {
      if (metric === 'isSmoke') isSmoke = value === true
      else if (metric === 'isTest') isTest = value === true
      else if (typeof value !== 'number') return false
      else if (metric === 'smokePercentPerMeter') {
        percent = value
        dense.update(value)
      } else {
        celsius = value
        hot.update(value)
      }
      if (!isWrong() && !alarm.isOpen) return false
      dwell.update(at, isWrong())
      return true
    },
    tick: (at: number) => dwell.tick(at),
    conclude(at: number, others: number): readonly Finding[] {
      if (!dwell.isOn) return alarm.clear(at)
      // While the smoke clears the alarm stays what it was.
      return isWrong() ? alarm.raise(at, judgement(others)) : nothing
    },
    wakeAt: () => dwell.wakeAt(),
  }
}
