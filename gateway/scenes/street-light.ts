import { type Static, Type } from 'typebox'
import { defineScene } from '../core/scene.ts'
import { createSchedule } from '../core/schedule.ts'
import { hours, localTimeOf } from './hours.ts'
import { createRuleScene } from './sensor-rules.ts'

const options = Type.Object(
  {
    dark: hours('19:00', '05:00', 'When it must shine, in local time.'),
    darkMs: Type.Number({ minimum: 0, default: 1800000, description: 'Dark for so long.' }),
    leastWatts: Type.Number({ minimum: 0, default: 1, description: 'A lamp that is on draws at least this.' }),
  },
  { additionalProperties: false },
)
type Options = Static<typeof options>

/**
 * A street light that reports a fault, stays dark at night, or is switched on and draws nothing: its lamp is gone.
 */
export const streetLight = defineScene<Options>({
  kind: 'street-light',
  options,
  per: 'device',
  deviceKinds: ['street-light'],
  metrics: ['isFault', 'isOn', 'powerWatts'],
  isDefault: true,
  create(chosen, target) {
    const night = createSchedule(chosen.dark, localTimeOf(target))
    return createRuleScene(target, [
      {
        alarm: 'power_light_fault',
        metric: 'isFault',
        when: { is: true },
        severity: 'low',
        certainty: 0.9,
        why: 'light-fault',
      },
      {
        alarm: 'power_light_fault',
        metric: 'isOn',
        when: { is: false },
        forMs: chosen.darkMs,
        severity: 'low',
        certainty: 0.8,
        why: 'light-dark',
        during: night,
      },
      {
        alarm: 'power_light_fault',
        metric: 'powerWatts',
        when: { below: chosen.leastWatts },
        forMs: chosen.darkMs,
        severity: 'low',
        certainty: 0.7,
        why: 'light-draws-nothing',
        during: night,
      },
    ])
  },
})
