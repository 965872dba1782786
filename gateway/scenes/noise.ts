import { type Static, Type } from 'typebox'
import { defineScene } from '../core/scene.ts'
import { createSchedule } from '../core/schedule.ts'
import { hours, localTimeOf } from './hours.ts'
import { createRuleScene } from './sensor-rules.ts'

const options = Type.Object(
  {
    night: hours('22:00', '06:00', 'Night, in local time.'),
    nightDecibels: Type.Number({ minimum: 0, default: 55, description: 'Loud at night …' }),
    nightMs: Type.Number({ minimum: 0, default: 300000, description: '… for so long.' }),
    dayDecibels: Type.Number({ minimum: 0, default: 75, description: 'Loud at any time …' }),
    dayMs: Type.Number({ minimum: 0, default: 600000, description: '… for so long.' }),
  },
  { additionalProperties: false },
)
type Options = Static<typeof options>

/**
 * Noise that lasts, at night from a lower level on (GB 3096 class 2, with what a street adds).
 */
export const noise = defineScene<Options>({
  kind: 'noise',
  options,
  per: 'device',
  deviceKinds: ['noise'],
  metrics: ['soundLevelDecibels'],
  isDefault: true,
  create(chosen, target) {
    const night = createSchedule(chosen.night, localTimeOf(target))
    return createRuleScene(target, [
      {
        alarm: 'noise',
        metric: 'soundLevelDecibels',
        when: { above: chosen.nightDecibels, hysteresis: 3 },
        forMs: chosen.nightMs,
        clearAfterMs: 60000,
        severity: 'low',
        certainty: 0.8,
        why: 'noise-night',
        during: night,
      },
      {
        alarm: 'noise',
        metric: 'soundLevelDecibels',
        when: { above: chosen.dayDecibels, hysteresis: 3 },
        forMs: chosen.dayMs,
        clearAfterMs: 60000,
        severity: 'low',
        certainty: 0.8,
        why: 'noise',
      },
    ])
  },
})
