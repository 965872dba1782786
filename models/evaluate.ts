import { existsSync } from 'node:fs'
import process from 'node:process'
import { parseArgs } from 'node:util'
import { ConfigError } from '../gateway/core/errors.ts'
import { DataError, type EvaluationOrder, type Evaluator, UsageError } from './evaluation/evaluator.ts'
import { evaluators } from './evaluation/index.ts'
import { printEvaluation } from './evaluation/report.ts'

/*
 * npm run evaluate -- <model> --data <folder> [options]
 *
 * Measures a model through the runtime path that ships. Exit codes: 0; 64 wrong command line; 65 nothing in the data
 * to measure with; 78 the model folder cannot be used.
 */

function usage(evaluator?: Evaluator): string {
  const lines = ['npm run evaluate -- <model> --data <folder> [--model-dir <folder>] [--quick] [options]', '']
  if (!evaluator) {
    const width = Math.max(...evaluators.map(({ name }) => name.length))
    lines.push('Models:', ...evaluators.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`), '')
    lines.push('npm run evaluate -- <model> --help tells the options of one.')
  } else {
    lines.push(`${evaluator.name}: ${evaluator.summary}`, '')
    lines.push(
      '  --data <folder>        the data; a single file will do',
      '  --model-dir <folder>   another model folder',
    )
    lines.push('  --quick                a share of the data, under a minute', ...evaluator.usage)
  }
  return lines.join('\n')
}

async function evaluate(args: readonly string[]): Promise<void> {
  const [name, ...rest] = args
  if (name === undefined || name === '--help') return console.log(usage())
  const evaluator = evaluators.find((each) => each.name === name)
  if (!evaluator) {
    const known = evaluators.map((each) => each.name).join(', ')
    throw new UsageError(
      name.startsWith('-')
        ? `the model's name comes first; known are ${known}`
        : `unknown model "${name}"; known are ${known}`,
    )
  }
  const startedAt = Date.now()
  const values = readOptions(evaluator, rest)
  if (values.help === true) return console.log(usage(evaluator))
  const data = values.data
  if (typeof data !== 'string' || data === '') throw new UsageError('--data <folder> is missing')
  if (!existsSync(data)) throw new DataError(`${data} does not exist`)
  const isQuick = values.quick === true
  const modelDir = values['model-dir'] as string | undefined
  const evaluation = await evaluator.evaluate({ data, modelDir, isQuick, values })
  const notes = isQuick ? [...evaluation.notes, 'quick mode: a share of the data, not for quoting'] : evaluation.notes
  printEvaluation(name, startedAt, { ...evaluation, notes })
}

function readOptions(evaluator: Evaluator, args: string[]): EvaluationOrder['values'] {
  try {
    return parseArgs({
      args,
      options: {
        ...evaluator.options,
        data: { type: 'string' },
        'model-dir': { type: 'string' },
        quick: { type: 'boolean' },
        help: { type: 'boolean' },
      },
    }).values
  } catch (error) {
    throw new UsageError((error as Error).message)
  }
}

try {
  await evaluate(process.argv.slice(2))
} catch (error) {
  if (error instanceof UsageError) {
    console.error(`${error.message}\n\n${usage(evaluators.find((each) => each.name === process.argv[2]))}`)
    process.exitCode = 64
  } else if (error instanceof DataError) {
    console.error(error.message)
    process.exitCode = 65
  } else if (error instanceof ConfigError) {
    console.error(error.message)
    process.exitCode = 78
  } else throw error
}
