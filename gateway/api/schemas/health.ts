import { type Static, Type } from 'typebox'

/** `failing`: it does not do its job; `degraded`: it does, with less than it should have. */
export const HealthState = Type.Enum(['ok', 'degraded', 'failing'])
export type HealthState = Static<typeof HealthState>

/** Answer of `GET /health`: 503 when the whole is failing, 200 otherwise. Readable without login: nothing private. */
export const HealthReport = Type.Object(
  {
    state: HealthState,
    parts: Type.Array(Type.Object({ name: Type.String(), state: HealthState, message: Type.Optional(Type.String()) })),
  },
  { title: 'Health' },
)
export type HealthReport = Static<typeof HealthReport>
