import type { ParseArgsConfig } from 'node:util'

/** The command line does not say what is wanted: exit code 64 (EX_USAGE). */
export class UsageError extends Error {}

/** The data cannot be measured with: exit code 65 (EX_DATAERR). */
export class DataError extends Error {}

/** One thing in the data that was passed over; never the end of the run. */
export interface DataProblem {
  /** File, with a line where one is to blame. */
  where: string
  what: string
}

/** What an evaluator is asked to do. */
export interface EvaluationOrder {
  /** Folder or file with the data. */
  data: string
  /** Model folder to measure instead of the shipped one. */
  modelDir: string | undefined
  /** A share of the data only, for under a minute of work. */
  isQuick: boolean
  /** The evaluator's own options, as `parseArgs` read them. */
  values: Readonly<Record<string, string | boolean | Array<string | boolean> | undefined>>
}

/** What was measured. */
export interface Evaluation {
  /** camelCase with the unit; figures that do not exist (NaN) are left out of the JSON line. */
  metrics: Record<string, number>
  /** The same figures of something else on the same data, by its name. */
  peers: Record<string, Record<string, number>>
  notes: readonly string[]
  /** For people. */
  table: string
  problems: readonly DataProblem[]
}

/** One model that can be measured by `npm run evaluate -- <name>`. */
export interface Evaluator {
  name: string
  /** One line for the usage text. */
  summary: string
  /** Options beside --data, --model-dir and --quick. */
  options: NonNullable<ParseArgsConfig['options']>
  /** Lines of the usage text about `options`. */
  usage: readonly string[]
  /** @throws UsageError, DataError, and ConfigError for a model folder that cannot be used */
  evaluate(order: EvaluationOrder): Promise<Evaluation>
}

/** Declares an evaluator: one file, one line in index.ts, one test. */
export function defineEvaluator(evaluator: Evaluator): Evaluator {
  return evaluator
}

/** The values of an option that may be given several times, each split at commas. */
export function listOf(values: EvaluationOrder['values'], option: string): string[] {
  const given = values[option]
  const list = Array.isArray(given) ? given : given === undefined ? [] : [given]
  return list
    .flatMap((text) => String(text).split(','))
    .map((text) => text.trim())
    .filter((text) => text !== '')
}

/** A number option. @throws UsageError when it is none or out of range */
export function numberOf(
  values: EvaluationOrder['values'],
  option: string,
  range: { least: number; most: number },
): number | undefined {
  const text = values[option]
  if (text === undefined) return undefined
  const value = typeof text === 'string' && text.trim() !== '' ? Number(text) : Number.NaN
  if (!(value >= range.least && value <= range.most))
    throw new UsageError(`--${option} is "${String(text)}"; it must be a number from ${range.least} to ${range.most}`)
  return value
}
