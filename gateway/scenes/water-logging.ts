import { type Static, Type } from 'typebox'
import { createRate } from '../core/rate.ts'
import { defineScene } from '../core/scene.ts'
import { createRuleScene } from './sensor-rules.ts'

const options = Type.Object(
  {
    wetCentimeters: Type.Number({ default: 5, description: 'Water that should not stand there …' }),
    wetMs: Type.Number({ minimum: 0, default: 60_000, description: '… for so long: a wave that a car makes is none.' }),
    deepCentimeters: Type.Number({ default: 15, description: 'Water a car should not enter.' }),
    floodCentimeters: Type.Number({ default: 30, description: 'Water that endangers people.' }),
    forecastMs: Type.Number({
      minimum: 0,
      default: 1_800_000,
      description: 'Rising so fast that it is deep within this time: told before it is. 0 switches the forecast off.',
    }),
    windowMs: Type.Number({ minimum: 60_000, default: 600_000, description: 'Levels of so long make the forecast.' }),
    leastRiseCentimetersPerHour: Type.Number({ minimum: 0, default: 5, description: 'Slower is no rise but drift.' }),
  },
  { additionalProperties: false },
)
type Options = Static<typeof options>

/** Water in a garage, on a road, in a manhole: too high, or rising so that it soon will be. */
export const waterLogging = defineScene<Options>({
  kind: 'water-logging',
  options,
  per: 'device',
  deviceKinds: ['water-level', 'manhole'],
  metrics: ['waterLevelCentimeters'],
  isDefault: true,
  create(chosen, target) {
    const rate = createRate({ windowMs: chosen.windowMs, minSpanMs: chosen.windowMs / 2 })
    /** Manholes hold water by their nature: only the forecast and the flood concern people above. */
    const isDrain = target.devices[0]?.kind === 'manhole'
    const isSoonDeep = (at: number, value: number): boolean => {
      rate.add(at, value)
      if (value >= chosen.deepCentimeters || (rate.perHour() ?? 0) < chosen.leastRiseCentimetersPerHour) return false
      return rate.msUntil(chosen.deepCentimeters) <= chosen.forecastMs
    }
    const level = { alarm: 'water_logging', metric: 'waterLevelCentimeters', clearAfterMs: 300_000 } as const
    const above = (limit: number) => ({ above: limit, hysteresis: 2 })
    return createRuleScene(target, [
      ...(isDrain
        ? []
        : ([
            {
              ...level,
              when: above(chosen.wetCentimeters),
              forMs: chosen.wetMs,
              severity: 'medium',
              certainty: 0.85,
              why: 'water-level',
            },
            { ...level, when: above(chosen.deepCentimeters), severity: 'high', certainty: 0.9, why: 'water-level' },
          ] as const)),
      { ...level, when: above(chosen.floodCentimeters), severity: 'critical', certainty: 0.9, why: 'water-level' },
      {
        ...level,
        when: { judge: isSoonDeep },
        forMs: 60_000,
        severity: 'high',
        certainty: 0.7,
        why: 'water-rising',
        facts: () => ({
          limit: chosen.deepCentimeters,
          perHour: Math.round(rate.perHour() ?? 0),
          inMinutes: Math.round(Math.min(rate.msUntil(chosen.deepCentimeters), chosen.forecastMs) / 60_000),
        }),
      },
    ])
  },
})
