import { type Static, Type } from 'typebox'
import { defineScene } from '../core/scene.ts'
import { createSensorAlarm, deviceAlarm, nothing } from './sensor-alarm.ts'
import { createRuleScene } from './sensor-rules.ts'

const options = Type.Object(
  { forMs: Type.Number({ minimum: 0, default: 300_000, description: 'Occupied for so long.' }) },
  { additionalProperties: false },
)
type Options = Static<typeof options>

/**
 * Something stands in a fire lane. A device that also reports a lock is a parking space, where cars belong: from its
 * first word on it is left alone.
 */
export const fireLane = defineScene<Options>({
  kind: 'fire-lane',
  options,
  per: 'device',
  deviceKinds: ['parking'],
  metrics: ['isOccupied', 'isLockRaised'],
  isDefault: true,
  create({ forMs }, target) {
    const rules = createRuleScene(target, [
      {
        alarm: 'fire_lane_blocked',
        metric: 'isOccupied',
        when: { is: true },
        forMs,
        severity: 'high',
        certainty: 0.85,
        why: 'lane-occupied',
      },
    ])
    const { id } = target.devices[0]!
    const alarm = createSensorAlarm(deviceAlarm('fire_lane_blocked', id, target.place))
    let isParking = false
    return {
      observe(observation) {
        if ('measurement' in observation && observation.measurement.metric === 'isLockRaised' && !isParking) {
          isParking = true
          return [{ type: 'clear', at: observation.at, ...alarm.key }]
        }
        return isParking ? nothing : rules.observe(observation)
      },
      wakeAt: () => (isParking ? Number.POSITIVE_INFINITY : rules.wakeAt!()),
    }
  },
})
