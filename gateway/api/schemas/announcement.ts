import { type Static, Type } from 'typebox'
import type { PlayReport as CorePlayReport } from '../../core/ports.ts'
import { Phrases } from './alarm.ts'
import { Instant, withInstants } from './instant.ts'

/** What a speaker reported about one announcement. */
export const PlayReport = Type.Object(
  {
    isAccepted: Type.Boolean(),
    bytesSent: Type.Integer({ minimum: 0 }),
    startedAt: Instant,
    endedAt: Instant,
    deviceReply: Type.String(),
    phrases: Type.Optional(Phrases),
  },
  { title: 'PlayReport' },
)
export type PlayReport = Static<typeof PlayReport>

export function playReportToWire(report: CorePlayReport): PlayReport {
  const { phrases, ...rest } = report
  return { ...withInstants(rest, 'startedAt', 'endedAt'), ...(phrases ? { phrases: [...phrases] } : {}) }
}
