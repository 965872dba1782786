import { cpus, totalmem } from 'node:os'
import process from 'node:process'
import type { DataProblem, Evaluation } from './evaluator.ts'

/** Problems named in the output; the rest is counted. */
const namedProblems = 40

/** Prints the table, what was passed over in the data and, as the last line, one JSON object. */
export function printEvaluation(name: string, startedAt: number, evaluation: Evaluation): void {
  const { metrics, peers, notes, problems, table } = evaluation
  console.log(table)
  if (problems.length > 0) console.log(`\nPassed over in the data\n${problemLines(problems).join('\n')}`)
  if (notes.length > 0) console.log(`\n${notes.map((note) => `- ${note}`).join('\n')}`)
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
      metrics: rounded(metrics),
      peers: Object.fromEntries(Object.entries(peers).map(([peer, figures]) => [peer, rounded(figures)])),
      notes,
    }),
  )
}

/** JSON knows no NaN: a figure without data is left out. */
function rounded(metrics: Record<string, number>): Record<string, number> {
  return Object.fromEntries(
    Object.entries(metrics)
      .filter(([, value]) => Number.isFinite(value))
      .map(([name, value]) => [name, Math.round(value * 1e4) / 1e4]),
  )
}

function problemLines(problems: readonly DataProblem[]): string[] {
  const lines = problems.slice(0, namedProblems).map(({ where, what }) => `  ${where}: ${what}`)
  if (problems.length > namedProblems) lines.push(`  and ${problems.length - namedProblems} more`)
  return lines
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

/** A figure for a table; a dash where there is none. */
export function figure(value: number, digits = 3): string {
  return Number.isFinite(value) ? value.toFixed(digits) : '–'
}

/** The value below which `share` (0…1) of the values lie; NaN without values. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted.length === 0 ? Number.NaN : sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)]!
}
