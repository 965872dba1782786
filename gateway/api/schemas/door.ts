import { type Static, Type } from 'typebox'
import { Id } from './place.ts'

/** What a lift's door hold is doing. */
export const DoorHold = Type.Object(
  {
    lift: Id,
    state: Type.Enum(['idle', 'waiting', 'holding', 'blocked'], {
      description: 'waiting: wanted, but something speaks against it; blocked: let go, not again for this entry',
    }),
    reason: Type.Optional(Type.String({ description: 'why it is not held although it is wanted' })),
    leftMs: Type.Optional(Type.Integer({ minimum: 0, description: 'while it holds: how long it may still do so' })),
  },
  { title: 'DoorHold' },
)
export type DoorHold = Static<typeof DoorHold>

export const DoorHoldList = Type.Object({ items: Type.Array(DoorHold) }, { title: 'DoorHoldList' })
export type DoorHoldList = Static<typeof DoorHoldList>
