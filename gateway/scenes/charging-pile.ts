import { type Static, Type } from 'typebox'
import { defineScene } from '../core/scene.ts'
import { createRuleScene } from './sensor-rules.ts'

const options = Type.Object(
  {
    hotCelsius: Type.Number({ default: 60, description: 'Too hot when it stays …' }),
    hotMs: Type.Number({ minimum: 0, default: 30000, description: '… for so long.' }),
    burningCelsius: Type.Number({ default: 75, description: 'Too hot at once.' }),
    mostAmperes: Type.Number({ minimum: 0, default: 10, description: 'Current that is too much when it stays …' }),
    mostWatts: Type.Number({ minimum: 0, default: 2200, description: 'Power that is too much when it stays …' }),
    overloadMs: Type.Number({ minimum: 0, default: 30000, description: '… for so long.' }),
  },
  { additionalProperties: false },
)
type Options = Static<typeof options>

/**
 * A charging pile that gets hot, carries more than it may, or says that it is broken.
 */
export const chargingPile = defineScene<Options>({
  kind: 'charging-pile',
  options,
  per: 'device',
  deviceKinds: ['charging-pile'],
  metrics: ['temperatureCelsius', 'currentAmperes', 'powerWatts', 'chargingState', 'isFault'],
  isDefault: true,
  create: (chosen, target) =>
    createRuleScene(target, [
      {
        alarm: 'charging_pile_fault',
        metric: 'temperatureCelsius',
        when: { above: chosen.burningCelsius, hysteresis: 5 },
        severity: 'critical',
        certainty: 0.9,
        why: 'charging-hot',
      },
      {
        alarm: 'charging_pile_fault',
        metric: 'temperatureCelsius',
        when: { above: chosen.hotCelsius, hysteresis: 5 },
        forMs: chosen.hotMs,
        severity: 'high',
        certainty: 0.85,
        why: 'charging-hot',
      },
      {
        alarm: 'charging_pile_fault',
        metric: 'currentAmperes',
        when: { above: chosen.mostAmperes, hysteresis: 0.5 },
        forMs: chosen.overloadMs,
        severity: 'high',
        certainty: 0.85,
        why: 'charging-current',
      },
      {
        alarm: 'charging_pile_fault',
        metric: 'powerWatts',
        when: { above: chosen.mostWatts, hysteresis: 100 },
        forMs: chosen.overloadMs,
        severity: 'high',
        certainty: 0.85,
        why: 'charging-power',
      },
      {
        alarm: 'charging_pile_fault',
        metric: 'chargingState',
        when: { is: 'fault' },
        severity: 'medium',
        certainty: 0.9,
        why: 'charging-fault',
      },
      {
        alarm: 'charging_pile_fault',
        metric: 'isFault',
        when: { is: true },
        severity: 'medium',
        certainty: 0.9,
        why: 'charging-fault',
      },
    ]),
})
