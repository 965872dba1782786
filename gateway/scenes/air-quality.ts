import { type Static, Type } from 'typebox'
import { defineScene } from '../core/scene.ts'
import { createSchedule } from '../core/schedule.ts'
import { hours, localTimeOf } from './hours.ts'
import { createRuleScene } from './sensor-rules.ts'

const options = Type.Object(
  {
    hours: hours('06:00', '22:00', 'When it matters, in local time.'),
    mostPm25: Type.Number({ minimum: 0, default: 150, description: 'PM2.5 in micrograms per cubic metre …' }),
    pm25Ms: Type.Number({ minimum: 0, default: 3600000, description: '… for so long.' }),
    mostCarbonDioxidePpm: Type.Number({ minimum: 0, default: 2000, description: 'Stale air …' }),
    carbonDioxideMs: Type.Number({ minimum: 0, default: 1800000, description: '… for so long.' }),
  },
  { additionalProperties: false },
)
type Options = Static<typeof options>

/**
 * Bad air that lasts, while people are there to breathe it.
 */
export const airQuality = defineScene<Options>({
  kind: 'air-quality',
  options,
  per: 'device',
  deviceKinds: ['air'],
  metrics: ['pm25MicrogramsPerCubicMeter', 'carbonDioxidePpm'],
  isDefault: true,
  create(chosen, target) {
    const day = createSchedule(chosen.hours, localTimeOf(target))
    return createRuleScene(target, [
      {
        alarm: 'air_quality',
        metric: 'pm25MicrogramsPerCubicMeter',
        when: { above: chosen.mostPm25, hysteresis: 20 },
        forMs: chosen.pm25Ms,
        severity: 'low',
        certainty: 0.8,
        why: 'pm25',
        during: day,
      },
      {
        alarm: 'air_quality',
        metric: 'carbonDioxidePpm',
        when: { above: chosen.mostCarbonDioxidePpm, hysteresis: 200 },
        forMs: chosen.carbonDioxideMs,
        severity: 'low',
        certainty: 0.8,
        why: 'stale-air',
        during: day,
      },
    ])
  },
})
