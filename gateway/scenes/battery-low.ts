import { type Static, Type } from 'typebox'
import { describeKind } from '../core/device-kind.ts'
import { defineScene } from '../core/scene.ts'
import { createRuleScene } from './sensor-rules.ts'

const options = Type.Object(
  {
    lowPercent: Type.Number({ minimum: 1, maximum: 100, default: 15, description: 'A battery as empty as this.' }),
  },
  { additionalProperties: false },
)
type Options = Static<typeof options>

/** A battery that should be changed. Of what protects life it is told with more weight. */
export const batteryLow = defineScene<Options>({
  kind: 'battery-low',
  options,
  per: 'device',
  metrics: ['batteryPercent', 'isBatteryLow'],
  isDefault: true,
  create({ lowPercent }, target) {
    const severity = describeKind(target.devices[0]!.kind)?.isLifeSafety ? 'medium' : 'low'
    const alarm = { alarm: 'device_battery_low', severity, certainty: 0.9 } as const
    return createRuleScene(target, [
      { metric: 'batteryPercent', when: { below: lowPercent, hysteresis: 10 }, why: 'battery-percent', ...alarm },
      { metric: 'isBatteryLow', when: { is: true }, why: 'battery-low', ...alarm },
    ])
  },
})
