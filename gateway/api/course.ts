import { type Static, Type } from 'typebox'
import type { Telemetry } from '../core/ports.ts'
import { invalid } from './problem.ts'
import { fromInstant, Instant, type TelemetrySeries, telemetryPointToWire } from './schemas/index.ts'

/** Which course of a device is asked for. */
export const courseQuery = {
  metric: Type.String({ minLength: 1, maxLength: 128 }),
  from: Type.Optional(Type.Unsafe<string>({ ...Instant, description: 'a day before `to` where it is absent' })),
  to: Type.Optional(Type.Unsafe<string>({ ...Instant, description: 'now where it is absent' })),
  limit: Type.Integer({ minimum: 1, maximum: 10_000, default: 1000 }),
  resolution: Type.Optional(
    Type.Enum(['raw', 'minute', 'hour'], { description: 'values (where it is absent), or what each span came to' }),
  ),
}
const Query = Type.Object(courseQuery)

const dayMs = 24 * 3600_000

/** The course of one metric of one device. @throws Problem 400 where it would end before it begins */
export async function courseOf(
  telemetry: Telemetry,
  device: string,
  query: Static<typeof Query>,
  now: number,
): Promise<TelemetrySeries> {
  const { metric, limit, resolution } = query
  const to = query.to === undefined ? now : fromInstant(query.to)
  const from = query.from === undefined ? to - dayMs : fromInstant(query.from)
  if (from > to) throw invalid('query.from', 'must not be after query.to')
  const points = await telemetry.query({
    ...{ device, metric, from, to, limit },
    ...(resolution === undefined ? {} : { resolution }),
  })
  return { items: points.map(telemetryPointToWire) }
}
