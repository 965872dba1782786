import { type Static, Type } from 'typebox'
import type { Evidence as CoreEvidence } from '../../core/alarm.ts'
import { Instant, withInstants } from './instant.ts'
import { Id } from './place.ts'

/** A snapshot or clip of an alarm; the file itself is at `GET /evidence/:id`. */
export const Evidence = Type.Object(
  {
    id: Id,
    type: Type.Enum(['snapshot', 'clip', 'track']),
    isRestricted: Type.Optional(Type.Literal(true, { description: 'shows what is masked otherwise; for admins only' })),
    camera: Type.String(),
    fromAt: Instant,
    toAt: Instant,
    contentType: Type.String(),
    file: Type.String({ description: 'path below the evidence folder of the gateway' }),
    bytes: Type.Integer({ minimum: 0 }),
    sha256: Type.String({ description: 'hex' }),
    createdAt: Instant,
    deletedAt: Type.Optional(Instant),
  },
  { title: 'Evidence' },
)
export type Evidence = Static<typeof Evidence>

export function evidenceToWire(evidence: CoreEvidence): Evidence {
  return withInstants(evidence, 'fromAt', 'toAt', 'createdAt', 'deletedAt')
}
