import type { TSchema } from 'typebox'
import { Value } from 'typebox/value'

/** `Value.Default`, also for what stands below a record's keys, where it does not look. Changes the value it is given. */
export function withDefaults(schema: TSchema, value: unknown): unknown {
  const filled = Value.Default(schema, value)
  fillRecords(schema, filled)
  return filled
}

interface Parts {
  properties?: Record<string, TSchema>
  patternProperties?: Record<string, TSchema>
  items?: TSchema | TSchema[]
}

function fillRecords(schema: TSchema, value: unknown): void {
  if (typeof value !== 'object' || value === null) return
  const { properties = {}, patternProperties = {}, items } = schema as Parts
  if (Array.isArray(value)) {
    if (items && !Array.isArray(items)) for (const each of value) fillRecords(items, each)
    return
  }
  const record = value as Record<string, unknown>
  for (const [key, inner] of Object.entries(properties)) fillRecords(inner, record[key])
  for (const [pattern, inner] of Object.entries(patternProperties))
    for (const key of Object.keys(record))
      if (!Object.hasOwn(properties, key) && new RegExp(pattern, 'u').test(key))
        record[key] = withDefaults(inner, record[key])
}
