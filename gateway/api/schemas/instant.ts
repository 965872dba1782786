import { Type } from 'typebox'

/** An instant on the wire: ISO 8601 with its offset, e.g. `2026-11-22T02:39:00.000Z`. */
export const Instant = Type.String({ format: 'date-time', description: 'ISO 8601 with offset' })
export type Instant = string

/**
 * Epoch ms as ISO 8601 in UTC. Total: a number no date can stand for is handed on as its digits, so that one broken
 * row cannot take down the feed it travels in.
 */
export function toInstant(atMs: number): Instant {
  const date = new Date(atMs)
  return Number.isNaN(date.getTime()) ? String(atMs) : date.toISOString()
}

/** ISO 8601 as epoch ms. NaN for what is no instant; what passed the schema always is one. */
export function fromInstant(instant: Instant): number {
  return Date.parse(instant)
}

type WithInstants<T, K extends keyof T> = { [P in keyof T]: P extends K ? Instant | Exclude<T[P], number> : T[P] }

/** A copy in which the named fields, where present, are instants instead of epoch ms. */
export function withInstants<T extends object, K extends keyof T>(value: T, ...fields: K[]): WithInstants<T, K> {
  const copy = { ...value } as Record<PropertyKey, unknown>
  for (const field of fields) {
    const at = copy[field]
    if (typeof at === 'number') copy[field] = toInstant(at)
  }
  return copy as WithInstants<T, K>
}
