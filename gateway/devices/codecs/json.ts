import type { Reading } from './codec.ts'

export type JsonObject = Readonly<Record<string, unknown>>

/** Keeps nothing between calls: it is never used to stream. */
const decoder = new TextDecoder('utf-8', { fatal: true })

/** Text of a payload, or undefined where it is no UTF-8. */
export function readText(payload: Uint8Array): string | undefined {
  try {
    return decoder.decode(payload)
  } catch {
    return undefined
  }
}

/** The JSON of a payload, or undefined where it is none. */
export function readJson(payload: Uint8Array): unknown {
  try {
    return JSON.parse(decoder.decode(payload))
  } catch {
    return undefined
  }
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The JSON object of a payload, or undefined. */
export function readObject(payload: Uint8Array): JsonObject | undefined {
  const value = readJson(payload)
  return isObject(value) ? value : undefined
}

/** A member that is an object, or undefined. */
export function objectAt(object: JsonObject, key: string): JsonObject | undefined {
  const value = Object.hasOwn(object, key) ? object[key] : undefined
  return isObject(value) ? value : undefined
}

/** A finite number, also where it is written as text; undefined otherwise. */
export function numberOf(value: unknown): number | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined
  if (typeof value !== 'string' || value.trim() === '' || value.length > 32) return undefined
  const number = Number(value)
  return Number.isFinite(number) ? number : undefined
}

/** Yes or no in the spellings devices use; undefined otherwise. */
export function booleanOf(value: unknown): boolean | undefined {
  if (typeof value === 'boolean') return value
  if (value === 1 || value === 0) return value === 1
  if (typeof value !== 'string' || value.length > 16) return undefined
  const word = value.toLowerCase()
  if (['true', 'on', 'yes', '1', 'open', 'detected', 'alarm'].includes(word)) return true
  if (['false', 'off', 'no', '0', 'closed', 'close', 'clear', 'normal', 'none'].includes(word)) return false
  return undefined
}

/** Short text, or undefined. */
export function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value.length > 0 && value.length <= 256 ? value : undefined
}

/** An instant in epoch ms from ISO 8601 with a zone, epoch seconds or epoch ms; undefined otherwise. */
export function instantOf(value: unknown): number | undefined {
  if (typeof value === 'number') {
    if (!Number.isFinite(value) || value <= 0) return undefined
    return value < 1e11 ? value * 1000 : value
  }
  if (typeof value !== 'string' || value.length > 40) return undefined
  const instant = /[zZ]$|[+-]\d\d:?\d\d$/.test(value) ? Date.parse(value) : Number.NaN
  return Number.isFinite(instant) ? instant : undefined
}

/** Adds a reading unless there is no value. */
export function push(readings: Reading[], metric: string, value: number | boolean | string | undefined): void {
  if (value !== undefined) readings.push({ metric, value })
}

/** The names of an object's fields for a sentence of any language, a few of them; `{}` where there are none. */
export function fieldNames(object: JsonObject): string {
  const names = Object.keys(object)
  const shown = names.slice(0, 8).map((name) => name.slice(0, 32))
  return names.length === 0 ? '{}' : `${shown.join(', ')}${names.length > 8 ? ' …' : ''}`
}
