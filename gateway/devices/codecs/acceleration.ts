import type { AccelerationBatch } from '../../core/acceleration.ts'
import type { Codec, Decoded, Message } from './codec.ts'
import { isObject, type JsonObject, readObject } from './json.ts'
import { noOptions } from './no-options.ts'

/*
 * Raw samples of a wearable, in our two forms (docs/reference/mqtt-topics.md):
 *
 *   binary  little-endian: 'G' 'A', version 1, flags, rate u16 (1/100 Hz), scale u16 (counts per g), count u16,
 *           sequence u16, instant of the first sample u64 (epoch ms), then count × (x y z) i16
 *   JSON    { "at", "rateHz", "scale"?, "samples": [x, y, z, x, y, z, …] }
 */

const headerBytes = 20
const sampleBytes = 6
const magic = 0x4147
const version = 1
/** Bit 0 of the flags: the band has no clock, and the instant means nothing. */
const flagNoClock = 1
/** 40 s at 100 Hz; a band that sends more at once has been away and sends it in parts. */
const maxSamples = 4000
const rateRangeHz = [5, 400] as const
/** Beyond every wearable's range: a wrong scale, not a blow. */
const maxG = 64

export type Acceleration = { batch: AccelerationBatch; deviceAt?: number } | { notUnderstood: string }

/** Whether a payload begins as the binary form does. */
export function isBinaryAcceleration(payload: Uint8Array): boolean {
  return payload.length >= headerBytes && payload[0] === 0x47 && payload[1] === 0x41
}

/** Reads the binary form. Samples of a band without a clock end at the receipt. */
export function readBinaryAcceleration(payload: Uint8Array, receivedAt: number): Acceleration {
  if (payload.length < headerBytes)
    return { notUnderstood: `expected a header of ${headerBytes} bytes, got ${payload.length} bytes` }
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength)
  if (view.getUint16(0, true) !== magic) return { notUnderstood: 'expected "GA" as the first two bytes' }
  if (payload[2] !== version) return { notUnderstood: `expected version ${version} in byte 2, got ${payload[2]}` }
  const rateHz = view.getUint16(4, true) / 100
  const scale = view.getUint16(6, true)
  const count = view.getUint16(8, true)
  if (payload.length !== headerBytes + count * sampleBytes)
    return { notUnderstood: `expected ${headerBytes + count * sampleBytes} bytes for ${count} samples` }
  if (scale === 0) return { notUnderstood: 'expected a scale (counts per g) above 0' }
  const wrong = checkShape(rateHz, count)
  if (wrong) return { notUnderstood: wrong }
  const firstAt = payload[3]! & flagNoClock ? undefined : Number(view.getBigUint64(12, true))
  const values = new Float32Array(count * 3)
  for (let index = 0; index < values.length; index++)
    values[index] = view.getInt16(headerBytes + index * 2, true) / scale
  return batchOf(values, rateHz, firstAt, receivedAt)
}

/** Reads the JSON form. */
export function readJsonAcceleration(message: JsonObject, receivedAt: number): Acceleration {
  const { at, rateHz, scale = 1, samples } = message
  if (typeof rateHz !== 'number') return { notUnderstood: 'expected a number "rateHz" (samples a second)' }
  if (typeof scale !== 'number' || !(scale > 0)) return { notUnderstood: 'expected "scale" (counts per g) above 0' }
  if (!Array.isArray(samples) || samples.length % 3 !== 0)
    return { notUnderstood: 'expected "samples" as a list x, y, z, x, y, z … of numbers' }
  const wrong = checkShape(rateHz, samples.length / 3)
  if (wrong) return { notUnderstood: wrong }
  const values = new Float32Array(samples.length)
  for (const [index, value] of samples.entries()) {
    if (typeof value !== 'number') return { notUnderstood: '"samples" holds something that is no number' }
    values[index] = value / scale
  }
  const firstAt = typeof at === 'number' ? at : typeof at === 'string' ? Date.parse(at) : undefined
  if (at !== undefined && !Number.isFinite(firstAt)) return { notUnderstood: '"at" is no instant' }
  return batchOf(values, rateHz, firstAt, receivedAt)
}

function checkShape(rateHz: number, count: number): string | undefined {
  const [slowest, fastest] = rateRangeHz
  if (!(rateHz >= slowest && rateHz <= fastest))
    return `expected ${slowest} to ${fastest} samples a second, got ${rateHz}`
  if (count === 0 || count > maxSamples) return `expected 1 to ${maxSamples} samples, got ${count}`
  return undefined
}

function batchOf(values: Float32Array, rateHz: number, firstAt: number | undefined, receivedAt: number): Acceleration {
  for (const value of values)
    if (!(Math.abs(value) <= maxG)) return { notUnderstood: `a sample exceeds ${maxG} g; check the scale` }
  const count = values.length / 3
  const start = firstAt ?? receivedAt - ((count - 1) * 1000) / rateHz
  const times = new Float64Array(count)
  for (let index = 0; index < count; index++) times[index] = start + (index * 1000) / rateHz
  return { batch: { times, values }, ...(firstAt === undefined ? {} : { deviceAt: times[count - 1]! }) }
}

function decode({ payload, receivedAt }: Message): Decoded {
  let read: Acceleration
  if (isBinaryAcceleration(payload)) read = readBinaryAcceleration(payload, receivedAt)
  else {
    const message = readObject(payload)
    if (!message) return { notUnderstood: 'expected acceleration as JSON, or binary beginning with "GA"' }
    read = readJsonAcceleration(isObject(message.acceleration) ? message.acceleration : message, receivedAt)
  }
  if ('notUnderstood' in read) return read
  const { batch, deviceAt } = read
  return { reports: [{ acceleration: batch, ...(deviceAt === undefined ? {} : { deviceAt }) }] }
}

/** Batches of raw acceleration, binary or JSON. */
export const gridgateAcceleration: Codec = {
  kind: 'gridgate-acceleration',
  options: noOptions,
  filters: [],
  recognises: ({ payload }) => isBinaryAcceleration(payload),
  decode,
}
