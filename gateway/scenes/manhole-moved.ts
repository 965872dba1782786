import { type Static, Type } from 'typebox'
import { defineScene } from '../core/scene.ts'
import { createRuleScene } from './sensor-rules.ts'

const options = Type.Object(
  {
    tiltDegrees: Type.Number({ minimum: 1, default: 15, description: 'So far from level …' }),
    tiltMs: Type.Number({ minimum: 0, default: 10000, description: '… for so long.' }),
  },
  { additionalProperties: false },
)
type Options = Static<typeof options>

/**
 * A manhole cover that is not where it belongs: somebody may fall in. A lorry that shakes it is no reason.
 */
export const manholeMoved = defineScene<Options>({
  kind: 'manhole-moved',
  options,
  per: 'device',
  deviceKinds: ['manhole'],
  metrics: ['isMoved', 'tiltDegrees'],
  isDefault: true,
  create: (chosen, target) =>
    createRuleScene(target, [
      {
        alarm: 'manhole_fault',
        metric: 'isMoved',
        when: { is: true },
        severity: 'high',
        certainty: 0.9,
        why: 'manhole-moved',
      },
      {
        alarm: 'manhole_fault',
        metric: 'tiltDegrees',
        when: { above: chosen.tiltDegrees, hysteresis: 5 },
        forMs: chosen.tiltMs,
        severity: 'high',
        certainty: 0.85,
        why: 'manhole-tilted',
      },
    ]),
})
