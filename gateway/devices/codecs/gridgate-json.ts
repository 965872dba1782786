import type { Codec, Decoded, Reading } from './codec.ts'

const maxValues = 64
const maxTextLength = 256
const metricName = /^[a-z][A-Za-z0-9]{0,63}$/

/**
 * Our own payload, for devices that can be told what to send:
 * `{ "at": "2026-01-31T08:00:00Z" | 1767225600000, "values": { "temperatureCelsius": 21.5, "isOpen": true } }`.
 * `at` may be left out by devices without a clock.
 */
export const gridgateJson: Codec = {
  kind: 'gridgate-json',
  decode(payload): Decoded {
    let message: unknown
    try {
      message = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(payload))
    } catch {
      return { notUnderstood: 'expected JSON in UTF-8' }
    }
    if (typeof message !== 'object' || message === null) return { notUnderstood: 'expected an object' }
    const { at, values } = message as { at?: unknown; values?: unknown }
    if (typeof values !== 'object' || values === null || Array.isArray(values))
      return { notUnderstood: 'expected an object "values" of metric: value' }
    const entries = Object.entries(values)
    if (entries.length > maxValues) return { notUnderstood: `expected at most ${maxValues} values` }
    const readings: Reading[] = []
    for (const [metric, value] of entries) {
      if (!metricName.test(metric)) return { notUnderstood: `"${metric.slice(0, 40)}" is no metric name` }
      const isReading =
        typeof value === 'boolean' ||
        (typeof value === 'number' && Number.isFinite(value)) ||
        (typeof value === 'string' && value.length <= maxTextLength)
      if (!isReading) return { notUnderstood: `"${metric}" is neither number, boolean nor short text` }
      readings.push({ metric, value })
    }
    const deviceAt = typeof at === 'number' ? at : typeof at === 'string' ? Date.parse(at) : undefined
    if (deviceAt === undefined && at !== undefined) return { notUnderstood: '"at" is no instant' }
    if (deviceAt !== undefined && !Number.isFinite(deviceAt)) return { notUnderstood: '"at" is no instant' }
    return deviceAt === undefined ? { readings } : { readings, deviceAt }
  },
}
