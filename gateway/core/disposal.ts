import type { Severity } from './alarm.ts'
import type { CaseLevel } from './case.ts'

/** When a case of this type goes up to the city's platform. */
export type ReportPolicy = 'at-once' | 'after-property' | 'with-consent' | 'never'

/** One row of the disposal list (处置清单): data, overridable per site. Durations in ms. */
export interface DisposalRow {
  key: string
  name: { zh: string; en: string }
  /** Matter code without its six region digits; absent where the type is no grid case. */
  code?: string
  severity: Severity
  unit: { zh: string; en: string }
  respondWithinMs?: number
  resolveWithinMs?: number
  level: CaseLevel
  report: ReportPolicy
  /** False where a voice or an event is enough. */
  opensCase: boolean
  source: string
  version: string
  approvedBy?: string
}

/** How often property handling must have been needed at one place before a case goes up by itself. */
export const repeatsBeforeReport = { count: 3, withinMs: 30 * 24 * 3600_000 } as const

/**
 * Whether a case of this row is reported upstream now.
 * @param facts.recentAtPlace cases of this type at this place within `repeatsBeforeReport.withinMs`, this one included
 */
export function isReportedUpstream(
  row: DisposalRow,
  facts: { recentAtPlace: number; hasPropertyFailed: boolean; hasConsent: boolean },
): boolean {
  switch (row.report) {
    case 'at-once':
      return true
    case 'after-property':
      return facts.hasPropertyFailed || facts.recentAtPlace >= repeatsBeforeReport.count
    case 'with-consent':
      return facts.hasConsent
    case 'never':
      return false
  }
}
