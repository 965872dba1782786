import { cpus, totalmem } from 'node:os'
import process from 'node:process'

/** What a bench, evaluation or chaos run found. Metric names are camelCase with their unit. */
export interface BenchResult {
  metrics: Record<string, number>
  peers: Record<string, Record<string, number>>
  notes: readonly string[]
  /** For people. */
  table: string
}

/** Prints the table and then, as the last line, one JSON object. */
export function printResult(name: string, startedAt: number, result: BenchResult): void {
  console.log(result.table)
  console.log(
    JSON.stringify({
      name,
      machine: {
        cores: cpus().length,
        cpu: cpus()[0]?.model ?? 'unknown',
        memoryBytes: totalmem(),
        node: process.version,
      },
      seconds: Math.round((Date.now() - startedAt) / 100) / 10,
      metrics: result.metrics,
      peers: result.peers,
      notes: result.notes,
    }),
  )
}

/** A table of text, columns padded to their widest cell. */
export function textTable(rows: ReadonlyArray<ReadonlyArray<string | number>>): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => String(row[column] ?? '').length)))
  return rows
    .map((row) =>
      row
        .map((cell, column) => String(cell).padEnd(widths[column]!))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

/** The value below which `share` (0…1) of the values lie; NaN without values. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted.length === 0 ? Number.NaN : sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)]!
}

export const rounded = (value: number, digits = 1): number => Math.round(value * 10 ** digits) / 10 ** digits
