import { type Static, Type } from 'typebox'
import { defineScene } from '../core/scene.ts'
import { createRuleScene } from './sensor-rules.ts'

const options = Type.Object(
  {
    leastKilopascals: Type.Number({
      minimum: 0,
      default: 140,
      description: 'Pressure that a hydrant must have (GB 50974: 0.14 MPa) …',
    }),
    lowMs: Type.Number({ minimum: 0, default: 60000, description: '… below it for so long.' }),
    emptyKilopascals: Type.Number({ minimum: 0, default: 50, description: 'As good as none.' }),
  },
  { additionalProperties: false },
)
type Options = Static<typeof options>

/**
 * A hydrant or pipe without its pressure. A pump that starts lets it sag for seconds.
 */
export const pressureLoss = defineScene<Options>({
  kind: 'pressure-loss',
  options,
  per: 'device',
  deviceKinds: ['pressure'],
  metrics: ['pressureKilopascals'],
  isDefault: true,
  create: (chosen, target) =>
    createRuleScene(target, [
      {
        alarm: 'fire_facility_fault',
        metric: 'pressureKilopascals',
        when: { below: chosen.leastKilopascals, hysteresis: 10 },
        forMs: chosen.lowMs,
        severity: 'medium',
        certainty: 0.85,
        why: 'pressure-low',
      },
      {
        alarm: 'fire_facility_fault',
        metric: 'pressureKilopascals',
        when: { below: chosen.emptyKilopascals, hysteresis: 10 },
        forMs: chosen.lowMs,
        severity: 'high',
        certainty: 0.9,
        why: 'pressure-low',
      },
    ]),
})
