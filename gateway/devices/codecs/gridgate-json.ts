import { metrics } from '../../core/device-kind.ts'
import { wrongMessage } from '../../core/message-words.ts'
import { isBinaryAcceleration, readBinaryAcceleration, readJsonAcceleration } from './acceleration.ts'
import type { Codec, Decoded, Message, Reading } from './codec.ts'
import { isObject, readJson } from './json.ts'
import { noOptions } from './no-options.ts'

const maxValues = 64
const maxTextLength = 256
const metricName = /^[a-z][A-Za-z0-9]{0,63}$/

function decode({ payload, receivedAt }: Message): Decoded {
  if (isBinaryAcceleration(payload)) {
    const read = readBinaryAcceleration(payload, receivedAt)
    if ('notUnderstood' in read) return read
    return {
      reports: [{ acceleration: read.batch, ...(read.deviceAt === undefined ? {} : { deviceAt: read.deviceAt }) }],
    }
  }
  const message = readJson(payload)
  if (message === undefined) return { notUnderstood: wrongMessage('json-expected') }
  if (!isObject(message)) return { notUnderstood: wrongMessage('object-expected') }
  const { at, values, acceleration } = message
  const isBatch = isObject(acceleration)
  if (!isObject(values) && !(isBatch && values === undefined)) return { notUnderstood: wrongMessage('values-expected') }
  const readings: Reading[] = []
  for (const metric in values as object | undefined) {
    if (readings.length === maxValues) return { notUnderstood: wrongMessage('too-many-values', { most: maxValues }) }
    if (!Object.hasOwn(metrics, metric) && !metricName.test(metric))
      return { notUnderstood: wrongMessage('no-metric-name', { field: metric.slice(0, 40) }) }
    const value = (values as Record<string, unknown>)[metric]
    const isReading =
      typeof value === 'boolean' ||
      (typeof value === 'number' && Number.isFinite(value)) ||
      (typeof value === 'string' && value.length <= maxTextLength)
    if (!isReading) return { notUnderstood: wrongMessage('no-value', { field: metric }) }
    readings.push({ metric, value })
  }
  const deviceAt = typeof at === 'number' ? at : typeof at === 'string' ? Date.parse(at) : undefined
  if (at !== undefined && !Number.isFinite(deviceAt))
    return { notUnderstood: wrongMessage('no-instant', { field: 'at' }) }
  if (!isBatch) return { reports: [deviceAt === undefined ? { readings } : { readings, deviceAt }] }

  const read = readJsonAcceleration(acceleration.at === undefined ? { ...acceleration, at } : acceleration, receivedAt)
  if ('notUnderstood' in read) return read
  const instant = deviceAt ?? read.deviceAt
  return {
    reports: [{ readings, acceleration: read.batch, ...(instant === undefined ? {} : { deviceAt: instant }) }],
  }
}

/**
 * Our own payload, for devices that can be told what to send:
 * `{ "at": "2026-01-31T08:00:00Z" | 1767225600000, "values": { "temperatureCelsius": 21.5, "isOpen": true } }`.
 * `at` may be left out by devices without a clock. `acceleration` may stand beside or instead of `values`.
 */
export const gridgateJson: Codec = {
  kind: 'gridgate-json',
  options: noOptions,
  filters: [],
  recognises({ payload }) {
    if (isBinaryAcceleration(payload)) return true
    const message = readJson(payload)
    return isObject(message) && (isObject(message.values) || isObject(message.acceleration))
  },
  decode,
}
