import { type Static, Type } from 'typebox'
import { defineScene } from '../core/scene.ts'
import { createRuleScene } from './sensor-rules.ts'

const options = Type.Object(
  {
    mostWatts: Type.Number({ minimum: 0, default: 12000, description: 'Power that is too much when it stays …' }),
    mostAmperes: Type.Number({ minimum: 0, default: 60, description: 'Current that is too much when it stays …' }),
    forMs: Type.Number({ minimum: 0, default: 60000, description: '… for so long.' }),
  },
  { additionalProperties: false },
)
type Options = Static<typeof options>

/**
 * A line that carries more than it is laid for.
 */
export const electricityOverload = defineScene<Options>({
  kind: 'electricity-overload',
  options,
  per: 'device',
  deviceKinds: ['electricity-meter'],
  metrics: ['powerWatts', 'currentAmperes'],
  isDefault: true,
  create: (chosen, target) =>
    createRuleScene(target, [
      {
        alarm: 'electricity_overload',
        metric: 'powerWatts',
        when: { above: chosen.mostWatts, hysteresis: 500 },
        forMs: chosen.forMs,
        severity: 'medium',
        certainty: 0.85,
        why: 'overload-power',
      },
      {
        alarm: 'electricity_overload',
        metric: 'currentAmperes',
        when: { above: chosen.mostAmperes, hysteresis: 2 },
        forMs: chosen.forMs,
        severity: 'medium',
        certainty: 0.85,
        why: 'overload-current',
      },
    ]),
})
