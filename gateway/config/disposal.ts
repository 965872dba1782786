import { readFileSync } from 'node:fs'
import { parse } from 'yaml'
import type { Severity } from '../core/alarm.ts'
import type { CaseLevel } from '../core/case.ts'
import type { DisposalRow, ReportPolicy } from '../core/disposal.ts'
import type { DisposalOverrideConfig, LocalName } from './schema-entries.ts'

interface WrittenRow {
  key: string
  name: LocalName
  code?: string
  severity: Severity
  unit: LocalName
  respondWithinMinutes?: number
  resolveWithinMinutes?: number
  level: CaseLevel
  report: ReportPolicy
  opensCase: boolean
}

/** The shipped disposal list, `disposal-list.yaml` beside this file. */
export function readDisposalList(): DisposalRow[] {
  const list = parse(readFileSync(new URL('./disposal-list.yaml', import.meta.url), 'utf8')) as {
    version: string
    source: string
    rows: WrittenRow[]
  }
  return list.rows.map((row) => toRow(row, list.source, list.version))
}

/** Rows of the site replace the shipped ones field by field; a new key must be complete. */
export function withOverrides(
  rows: readonly DisposalRow[],
  overrides: readonly DisposalOverrideConfig[],
  report: (index: number, message: string) => void,
): DisposalRow[] {
  const byKey = new Map(rows.map((row) => [row.key, row]))
  for (const [index, override] of overrides.entries()) {
    const { respondWithinMinutes, resolveWithinMinutes, ...fields } = override
    const known = byKey.get(override.key)
    const row = {
      opensCase: true,
      report: 'never',
      level: 'P',
      ...known,
      ...fields,
      ...(respondWithinMinutes ? { respondWithinMs: respondWithinMinutes * 60_000 } : {}),
      ...(resolveWithinMinutes ? { resolveWithinMs: resolveWithinMinutes * 60_000 } : {}),
      source: 'site',
      version: known?.version ?? '1',
    } as Partial<DisposalRow>
    if (!row.name || !row.severity || !row.unit)
      report(index, `"${override.key}" is not in the shipped list, so it needs name, severity and unit`)
    else byKey.set(override.key, row as DisposalRow)
  }
  return [...byKey.values()]
}

function toRow(row: WrittenRow, source: string, version: string): DisposalRow {
  const { respondWithinMinutes, resolveWithinMinutes, ...rest } = row
  return {
    ...rest,
    ...(respondWithinMinutes ? { respondWithinMs: respondWithinMinutes * 60_000 } : {}),
    ...(resolveWithinMinutes ? { resolveWithinMs: resolveWithinMinutes * 60_000 } : {}),
    source,
    version,
  }
}
