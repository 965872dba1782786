import { type Static, Type } from 'typebox'
import { defineScene } from '../core/scene.ts'
import { createRuleScene } from './sensor-rules.ts'

const options = Type.Object(
  {
    atOncePpm: Type.Number({ minimum: 1, default: 300, description: 'Alarm at once.' }),
    severePpm: Type.Number({ minimum: 1, default: 100, description: 'Alarm when it stays …' }),
    severeMs: Type.Number({ minimum: 0, default: 600000, description: '… for so long.' }),
    lastingPpm: Type.Number({ minimum: 1, default: 50, description: 'Alarm when it stays …' }),
    lastingMs: Type.Number({ minimum: 0, default: 3600000, description: '… for so long.' }),
  },
  { additionalProperties: false },
)
type Options = Static<typeof options>

/**
 * Carbon monoxide. The times are those a detector of EN 50291-1 must sound within: much at once, less when it stays,
 * because the body takes it up slowly.
 */
export const carbonMonoxide = defineScene<Options>({
  kind: 'carbon-monoxide',
  options,
  per: 'device',
  deviceKinds: ['carbon-monoxide'],
  metrics: ['isCarbonMonoxide', 'carbonMonoxidePpm'],
  isDefault: true,
  create: (chosen, target) =>
    createRuleScene(target, [
      {
        alarm: 'carbon_monoxide',
        metric: 'isCarbonMonoxide',
        when: { is: true },
        severity: 'critical',
        certainty: 0.95,
        why: 'co-detected',
      },
      {
        alarm: 'carbon_monoxide',
        metric: 'carbonMonoxidePpm',
        when: { above: chosen.atOncePpm, hysteresis: 30 },
        severity: 'critical',
        certainty: 0.95,
        why: 'co-level',
      },
      {
        alarm: 'carbon_monoxide',
        metric: 'carbonMonoxidePpm',
        when: { above: chosen.severePpm, hysteresis: 10 },
        forMs: chosen.severeMs,
        severity: 'critical',
        certainty: 0.9,
        why: 'co-lasting',
      },
      {
        alarm: 'carbon_monoxide',
        metric: 'carbonMonoxidePpm',
        when: { above: chosen.lastingPpm, hysteresis: 5 },
        forMs: chosen.lastingMs,
        severity: 'high',
        certainty: 0.85,
        why: 'co-lasting',
      },
    ]),
})
