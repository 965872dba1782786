import { type Static, Type } from 'typebox'
import { defineScene } from '../core/scene.ts'
import { createRuleScene } from './sensor-rules.ts'

const options = Type.Object(
  {
    hotCelsius: Type.Number({ default: 50, description: 'As hot as no room should be.' }),
    hotMs: Type.Number({ minimum: 0, default: 60000, description: 'For so long.' }),
    frostCelsius: Type.Number({ default: 2, description: 'So cold that pipes may burst.' }),
    frostMs: Type.Number({ minimum: 0, default: 1800000, description: 'For so long.' }),
  },
  { additionalProperties: false },
)
type Options = Static<typeof options>

/**
 * A room that is too hot or near freezing: what is in it, and pipes, suffer.
 */
export const roomClimate = defineScene<Options>({
  kind: 'room-climate',
  options,
  per: 'device',
  deviceKinds: ['climate'],
  metrics: ['temperatureCelsius'],
  isDefault: true,
  create: (chosen, target) =>
    createRuleScene(target, [
      {
        alarm: 'room_climate',
        metric: 'temperatureCelsius',
        when: { above: chosen.hotCelsius, hysteresis: 3 },
        forMs: chosen.hotMs,
        severity: 'high',
        certainty: 0.8,
        why: 'too-hot',
      },
      {
        alarm: 'room_climate',
        metric: 'temperatureCelsius',
        when: { below: chosen.frostCelsius, hysteresis: 1 },
        forMs: chosen.frostMs,
        severity: 'medium',
        certainty: 0.8,
        why: 'frost',
      },
    ]),
})
