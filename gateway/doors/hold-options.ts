import { type Static, Type } from 'typebox'
import { liftSignals } from '../core/device-kind.ts'
import type { LiftSignal } from './lift-signals.ts'

/** Options of every door driver: the safety rules of one lift, and who has put them into service. */
export const holdOptions = {
  commissionedBy: Type.String({
    minLength: 1,
    description: 'Maintenance company and person who signed the commissioning of this lift’s door hold.',
  }),
  commissionedOn: Type.String({ pattern: '^\\d{4}-\\d{2}-\\d{2}$', description: 'Date of the signature.' }),
  signals: Type.Array(Type.Union(liftSignals.map((signal) => Type.Literal(signal))), {
    default: ['isMoving', 'isFireMode', 'isFault', 'isEntrapment', 'isInspection'],
    description:
      'Signals this lift reports besides isAtLanding and isDoorOpen. One that is not heard of ends the hold.',
  }),
  maxHoldSeconds: Type.Integer({ minimum: 5, maximum: 60, default: 60, description: 'One hold in all.' }),
  coolDownSeconds: Type.Integer({ minimum: 10, default: 120, description: 'After a hold nothing is held so long.' }),
  maxSignalAgeMs: Type.Integer({
    minimum: 500,
    maximum: 10_000,
    default: 3000,
    description: 'A signal not heard of for so long counts as unknown.',
  }),
}
const Schema = Type.Object(holdOptions)
export type HoldOptions = Omit<Static<typeof Schema>, 'signals'> & { signals: readonly LiftSignal[] }
