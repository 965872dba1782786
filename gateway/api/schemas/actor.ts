import { type Static, Type } from 'typebox'

/** Who did something; `system` is the gateway itself. */
export const Actor = Type.Object({
  type: Type.Enum(['system', 'user', 'bridge']),
  id: Type.String(),
  organisation: Type.Optional(Type.String()),
})
export type Actor = Static<typeof Actor>
