import { type Static, Type } from 'typebox'
import { defineScene } from '../core/scene.ts'
import { createRuleScene } from './sensor-rules.ts'

const options = Type.Object(
  {
    alarmPercentLel: Type.Number({
      minimum: 1,
      default: 10,
      description: 'Percent of the lower explosive limit that are an alarm at once.',
    }),
    creepingPercentLel: Type.Number({
      minimum: 1,
      default: 5,
      description: 'A lower concentration that is an alarm when it stays …',
    }),
    creepingMs: Type.Number({ minimum: 0, default: 60000, description: '… for so long.' }),
  },
  { additionalProperties: false },
)
type Options = Static<typeof options>

/**
 * Combustible gas. A detector that says so is believed at once; a concentration that creeps is told earlier, when it stays.
 */
export const gas = defineScene<Options>({
  kind: 'gas',
  options,
  per: 'device',
  deviceKinds: ['gas'],
  metrics: ['isGas', 'methanePercentLel'],
  isDefault: true,
  create: (chosen, target) =>
    createRuleScene(target, [
      {
        alarm: 'gas_leak',
        metric: 'isGas',
        when: { is: true },
        severity: 'critical',
        certainty: 0.95,
        why: 'gas-detected',
      },
      {
        alarm: 'gas_leak',
        metric: 'methanePercentLel',
        when: { above: chosen.alarmPercentLel, hysteresis: 2 },
        severity: 'critical',
        certainty: 0.9,
        why: 'gas-level',
      },
      {
        alarm: 'gas_leak',
        metric: 'methanePercentLel',
        when: { above: chosen.creepingPercentLel, hysteresis: 1 },
        forMs: chosen.creepingMs,
        severity: 'high',
        certainty: 0.7,
        why: 'gas-creeping',
      },
    ]),
})
