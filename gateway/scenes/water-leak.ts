import { type Static, Type } from 'typebox'
import { defineScene } from '../core/scene.ts'
import { createRuleScene } from './sensor-rules.ts'

const options = Type.Object(
  {
    forMs: Type.Number({ minimum: 0, default: 0, description: 'Wet for so long before it is an alarm.' }),
    dryMs: Type.Number({ minimum: 0, default: 120000, description: 'Dry for so long before it is over.' }),
  },
  { additionalProperties: false },
)
type Options = Static<typeof options>

/**
 * Water where none should be. It has dried only when it stays dry: a sensor in a puddle dithers.
 */
export const waterLeak = defineScene<Options>({
  kind: 'water-leak',
  options,
  per: 'device',
  deviceKinds: ['water-leak'],
  metrics: ['isWet'],
  isDefault: true,
  create: (chosen, target) =>
    createRuleScene(target, [
      {
        alarm: 'water_leak',
        metric: 'isWet',
        when: { is: true },
        forMs: chosen.forMs,
        clearAfterMs: chosen.dryMs,
        severity: 'medium',
        certainty: 0.9,
        why: 'wet',
      },
    ]),
})
