import { type Static, Type } from 'typebox'

/** Who did something; `system` is the gateway itself, `person` somebody who answered by a link. */
export const Actor = Type.Object({
  type: Type.Enum(['system', 'user', 'bridge', 'person']),
  id: Type.String(),
  organisation: Type.Optional(Type.String()),
})
export type Actor = Static<typeof Actor>
