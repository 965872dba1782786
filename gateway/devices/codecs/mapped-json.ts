import { Type } from 'typebox'
import { wrongMessage } from '../../core/message-words.ts'
import type { Codec, Decoded, Message, Reading, Report, Route } from './codec.ts'
import { booleanOf, fieldNames, instantOf, isObject, numberOf, readJson, textOf } from './json.ts'

interface FieldMap {
  path: string
  factor?: number
  offset?: number
  words?: Record<string, number | boolean | string>
}

interface Options {
  values: Record<string, FieldMap | string>
  at?: string
}

const maxPathLength = 16

/**
 * The value at a path: names and list positions divided by dots (`data.0.temp`), with an optional `$.` in front. Only
 * own members are followed.
 */
export function valueAt(value: unknown, path: string): unknown {
  const parts = path
    .replace(/^\$\.?/, '')
    .replaceAll(/\[(\d+)\]/g, '.$1')
    .split('.')
  let current = value
  for (const part of parts.slice(0, maxPathLength)) {
    if (part === '') continue
    if (typeof current !== 'object' || current === null || !Object.hasOwn(current, part)) return undefined
    current = (current as Record<string, unknown>)[part]
  }
  return current
}

function convert(value: unknown, { factor = 1, offset = 0, words }: FieldMap): Reading['value'] | undefined {
  if (words) return Object.hasOwn(words, String(value)) ? words[String(value)] : undefined
  if (typeof value === 'boolean') return value
  const number = numberOf(value)
  if (number !== undefined)
    return factor === 1 && offset === 0 ? number : Number((number * factor + offset).toPrecision(12))
  return booleanOf(value) ?? textOf(value)
}

function decode({ payload }: Message, route: Route): Decoded {
  const options = route.own?.options as Options | undefined
  if (!options?.values) return { notUnderstood: wrongMessage('no-map') }
  const message = readJson(payload)
  if (message === undefined) return { notUnderstood: wrongMessage('json-expected') }
  const readings: Reading[] = []
  const missing: string[] = []
  for (const [metric, written] of Object.entries(options.values)) {
    const map = typeof written === 'string' ? { path: written } : written
    const value = convert(valueAt(message, map.path), map)
    if (value === undefined) missing.push(map.path)
    else readings.push({ metric, value })
  }
  if (readings.length === 0) {
    const fields = isObject(message)
      ? fieldNames(message)
      : Array.isArray(message)
        ? '[…]'
        : JSON.stringify(message).slice(0, 40)
    return { notUnderstood: wrongMessage('nothing-at', { paths: missing.join(', '), fields }) }
  }
  const deviceAt = options.at === undefined ? undefined : instantOf(valueAt(message, options.at))
  const report: Report = { readings, ...(deviceAt === undefined ? {} : { deviceAt }) }
  return { reports: [report] }
}

const FieldMapSchema = Type.Union([
  Type.String({ description: 'Path, without any conversion.' }),
  Type.Object(
    {
      path: Type.String({ minLength: 1, description: 'Where the value is: data.0.temp' }),
      factor: Type.Optional(Type.Number({ description: 'The number is multiplied by this …' })),
      offset: Type.Optional(Type.Number({ description: '… and then this is added.' })),
      words: Type.Optional(
        Type.Record(Type.String(), Type.Union([Type.Number(), Type.Boolean(), Type.String()]), {
          description: 'What each word means instead: { opened: true, closed: false }',
        }),
      ),
    },
    { additionalProperties: false },
  ),
])

/** JSON of anybody's making, told in the site file: which path is which metric, and how its unit becomes ours. */
export const mappedJson: Codec = {
  kind: 'mapped-json',
  options: Type.Object(
    {
      values: Type.Record(Type.String({ pattern: '^[a-z][A-Za-z0-9]{0,63}$' }), FieldMapSchema, {
        description: 'Metric: path, or path with conversion.',
      }),
      at: Type.Optional(Type.String({ description: 'Path of the instant: ISO 8601 with zone, epoch seconds or ms.' })),
    },
    { additionalProperties: false },
  ),
  filters: [],
  recognises: () => false,
  decode,
}
