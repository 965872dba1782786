import { type Static, Type } from 'typebox'
import { defineScene } from '../core/scene.ts'
import { createRuleScene } from './sensor-rules.ts'

const options = Type.Object(
  {
    fullPercent: Type.Number({ minimum: 1, default: 90, description: 'As full as this …' }),
    fullMs: Type.Number({ minimum: 0, default: 600000, description: '… for so long.' }),
    tippedMs: Type.Number({ minimum: 0, default: 300000, description: 'On its side for so long.' }),
    burningCelsius: Type.Number({ default: 65, description: 'So hot is no rubbish by itself.' }),
  },
  { additionalProperties: false },
)
type Options = Static<typeof options>

/**
 * A bin that is full, lies on its side, or burns. Somebody who stands before the sensor for a moment fills nothing.
 */
export const binFull = defineScene<Options>({
  kind: 'bin-full',
  options,
  per: 'device',
  deviceKinds: ['bin'],
  metrics: ['fillPercent', 'isTipped', 'temperatureCelsius'],
  isDefault: true,
  create: (chosen, target) =>
    createRuleScene(target, [
      {
        alarm: 'garbage_overflow',
        metric: 'fillPercent',
        when: { above: chosen.fullPercent, hysteresis: 15 },
        forMs: chosen.fullMs,
        severity: 'low',
        certainty: 0.9,
        why: 'bin-full',
      },
      {
        alarm: 'garbage_overflow',
        metric: 'isTipped',
        when: { is: true },
        forMs: chosen.tippedMs,
        severity: 'low',
        certainty: 0.85,
        why: 'bin-tipped',
      },
      {
        alarm: 'smoke_fire',
        metric: 'temperatureCelsius',
        when: { above: chosen.burningCelsius, hysteresis: 10 },
        severity: 'high',
        certainty: 0.75,
        why: 'bin-hot',
      },
    ]),
})
