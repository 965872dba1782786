import { type Static, Type } from 'typebox'
import { describeKind, deviceKinds } from '../core/device-kind.ts'
import { defineScene } from '../core/scene.ts'
import { createRuleScene } from './sensor-rules.ts'

const options = Type.Object(
  { forMs: Type.Number({ minimum: 0, default: 60_000, description: 'For so long; shorter is a hiccup.' }) },
  { additionalProperties: false },
)
type Options = Static<typeof options>

/** Kinds whose fault is the business of a scene of their own. */
const ownScene: ReadonlySet<string> = new Set(['lift', 'street-light', 'charging-pile'])

/** A device that says it is broken or was opened: it may not tell what it is there to tell. */
export const deviceFault = defineScene<Options>({
  kind: 'device-fault',
  options,
  per: 'device',
  deviceKinds: Object.keys(deviceKinds).filter((kind) => !ownScene.has(kind)),
  metrics: ['isFault', 'isTampered'],
  isDefault: true,
  create({ forMs }, target) {
    const severity = describeKind(target.devices[0]!.kind)?.isLifeSafety ? 'high' : 'medium'
    const alarm = { alarm: 'device_fault', severity, certainty: 0.9, forMs } as const
    return createRuleScene(target, [
      { metric: 'isFault', when: { is: true }, why: 'device-fault', ...alarm },
      { metric: 'isTampered', when: { is: true }, why: 'device-tampered', ...alarm },
    ])
  },
})
