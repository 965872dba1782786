import { Type } from 'typebox'
import { caseStates } from '../../gateway/core/case.ts'

/* What a grid-rest platform sends (docs/reference/grid-rest.yaml). Fields it adds are ignored. */

const Text = Type.String({ maxLength: 4000 })
const Instant = Type.String({ pattern: '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d(\\.\\d+)?Z$' })
const Ref = Type.String({ pattern: '^[A-Za-z0-9._-]{1,64}$' })
export const Receipt = Type.Object({ ref: Ref })
export const Event = Type.Object({
  id: Type.String({ minLength: 1, maxLength: 128 }),
  caseSeq: Type.Integer({ minimum: 1 }),
  caseId: Type.String({ minLength: 1, maxLength: 64 }),
  ref: Ref,
  to: Type.Union(caseStates.map((state) => Type.Literal(state))),
  role: Type.Union([Type.Literal('issuer'), Type.Literal('unit')]),
  at: Instant,
  actorName: Text,
  organisation: Text,
  unit: Type.Optional(Text),
  note: Type.Optional(Text),
  reason: Type.Optional(Text),
  respondBy: Type.Optional(Instant),
  resolveBy: Type.Optional(Instant),
})
/** Its events are looked at one by one: one that cannot be read must not keep the others, and the cursor, waiting. */
export const EventPage = Type.Object({
  events: Type.Array(Type.Unknown()),
  cursor: Type.String({ maxLength: 128 }),
  hasMore: Type.Boolean(),
})
export const WebhookBody = Type.Object({
  site: Type.String(),
  events: Type.Array(Event, { minItems: 1, maxItems: 100 }),
})
export const Problem = Type.Object({
  error: Type.Object({
    code: Type.String(),
    message: Type.String(),
    serverTime: Type.Optional(Instant),
    details: Type.Optional(Type.Array(Type.Object({ path: Type.String(), message: Type.String() }))),
  }),
})
