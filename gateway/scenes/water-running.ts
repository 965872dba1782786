import { type Static, Type } from 'typebox'
import { defineScene } from '../core/scene.ts'
import { createRuleScene } from './sensor-rules.ts'

const options = Type.Object(
  {
    leastLitersPerHour: Type.Number({ minimum: 0, default: 5, description: 'Flow that counts as running.' }),
    forMs: Type.Number({ minimum: 60000, default: 14400000, description: 'Running without a pause for so long.' }),
  },
  { additionalProperties: false },
)
type Options = Static<typeof options>

/**
 * A tap or pipe that runs and runs: the meter never stands still for hours.
 */
export const waterRunning = defineScene<Options>({
  kind: 'water-running',
  options,
  per: 'device',
  deviceKinds: ['water-meter'],
  metrics: ['flowLitersPerHour'],
  isDefault: true,
  create: (chosen, target) =>
    createRuleScene(target, [
      {
        alarm: 'water_leak',
        metric: 'flowLitersPerHour',
        when: { above: chosen.leastLitersPerHour },
        forMs: chosen.forMs,
        severity: 'medium',
        certainty: 0.7,
        why: 'water-running',
      },
    ]),
})
