import { type Static, Type } from 'typebox'
import { defineScene } from '../core/scene.ts'
import { createRuleScene } from './sensor-rules.ts'

const options = Type.Object(
  {
    openMs: Type.Number({ minimum: 1000, default: 600000, description: 'Open for so long.' }),
    longMs: Type.Number({ minimum: 1000, default: 3600000, description: 'Open for so long it matters more.' }),
    jammedMs: Type.Number({ minimum: 0, default: 60000, description: 'A jammed lock for so long.' }),
  },
  { additionalProperties: false },
)
type Options = Static<typeof options>

/**
 * A door that stands open, or a lock that does not lock. The longer it stands open the more it matters.
 */
export const doorLeftOpen = defineScene<Options>({
  kind: 'door-left-open',
  options,
  per: 'device',
  deviceKinds: ['door', 'lock'],
  metrics: ['isOpen', 'lockState'],
  isDefault: true,
  create: (chosen, target) =>
    createRuleScene(target, [
      {
        alarm: 'door_left_open',
        metric: 'isOpen',
        when: { is: true },
        forMs: chosen.openMs,
        severity: 'low',
        certainty: 0.9,
        why: 'door-open',
      },
      {
        alarm: 'door_left_open',
        metric: 'isOpen',
        when: { is: true },
        forMs: chosen.longMs,
        severity: 'medium',
        certainty: 0.9,
        why: 'door-open',
      },
      {
        alarm: 'door_left_open',
        metric: 'lockState',
        when: { is: 'jammed' },
        forMs: chosen.jammedMs,
        severity: 'low',
        certainty: 0.9,
        why: 'lock-jammed',
      },
    ]),
})
