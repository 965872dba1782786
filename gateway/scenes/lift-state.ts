import { type Static, Type } from 'typebox'
import { defineScene } from '../core/scene.ts'
import { createRuleScene } from './sensor-rules.ts'

const options = Type.Object(
  {
    faultMs: Type.Number({
      minimum: 0,
      default: 30000,
      description: 'A fault for so long: a door that was blocked for a moment is none.',
    }),
    sosHeldMs: Type.Number({
      minimum: 0,
      default: 60000,
      description: 'An alarm button that is not pressed any more for so long is over.',
    }),
  },
  { additionalProperties: false },
)
type Options = Static<typeof options>

/**
 * What a lift says of itself: people locked in, its alarm button, a fault, and that its fire system sent it down.
 */
export const liftState = defineScene<Options>({
  kind: 'lift-state',
  options,
  per: 'device',
  deviceKinds: ['lift'],
  metrics: ['isEntrapment', 'isSosPressed', 'isFault', 'isFireMode'],
  isDefault: true,
  create: (chosen, target) =>
    createRuleScene(target, [
      {
        alarm: 'elevator_trapped',
        metric: 'isEntrapment',
        when: { is: true },
        severity: 'critical',
        certainty: 0.95,
        why: 'lift-entrapment',
      },
      {
        alarm: 'elevator_trapped',
        metric: 'isSosPressed',
        when: { is: true },
        clearAfterMs: chosen.sosHeldMs,
        severity: 'high',
        certainty: 0.8,
        why: 'lift-button',
      },
      {
        alarm: 'elevator_fault',
        metric: 'isFault',
        when: { is: true },
        forMs: chosen.faultMs,
        severity: 'medium',
        certainty: 0.9,
        why: 'lift-fault',
      },
      {
        alarm: 'smoke_fire',
        metric: 'isFireMode',
        when: { is: true },
        severity: 'high',
        certainty: 0.6,
        why: 'lift-fire-mode',
      },
    ]),
})
