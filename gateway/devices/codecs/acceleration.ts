import type { AccelerationBatch } from '../../core/acceleration.ts'
import { wrongMessage } from '../../core/message-words.ts'
import type { Codec, Decoded, Message, NotUnderstood } from './codec.ts'
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
const version = 1
/** Bit 0 of the flags: the band has no clock, and the instant means nothing. */
const flagNoClock = 1
/** 40 s at 100 Hz; a band that sends more at once has been away and sends it in parts. */
const maxSamples = 4000
const rateRangeHz = [5, 400] as const
/** Beyond every wearable's range: a wrong scale, not a blow. */
const maxG = 64

export type Acceleration = { batch: AccelerationBatch; deviceAt?: number } | NotUnderstood

const refuse = (...why: Parameters<typeof wrongMessage>): NotUnderstood => ({ notUnderstood: wrongMessage(...why) })

/** Whether a payload begins as the binary form does. */
export function isBinaryAcceleration(payload: Uint8Array): boolean {
  return payload.length >= headerBytes && payload[0] === 0x47 && payload[1] === 0x41
}

/** Reads the binary form. Samples of a band without a clock end at the receipt. */
export function readBinaryAcceleration(payload: Uint8Array, receivedAt: number): Acceleration {
  if (!isBinaryAcceleration(payload)) return refuse('acceleration-expected')
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength)
  if (payload[2] !== version) return refuse('wrong-version', { expected: version, version: payload[2]! })
  const rateHz = view.getUint16(4, true) / 100
  const scale = view.getUint16(6, true)
  const count = view.getUint16(8, true)
  if (payload.length !== headerBytes + count * sampleBytes)
    return refuse('samples-length', { expected: headerBytes + count * sampleBytes, count })
  if (scale === 0) return refuse('scale-expected')
  const wrong = checkShape(rateHz, count)
  if (wrong) return wrong
  const firstAt = payload[3]! & flagNoClock ? undefined : Number(view.getBigUint64(12, true))
  const values = new Float32Array(count * 3)
  for (let index = 0; index < values.length; index++)
    values[index] = view.getInt16(headerBytes + index * 2, true) / scale
  return batchOf(values, rateHz, firstAt, receivedAt)
}

/** Reads the JSON form. */
export function readJsonAcceleration(message: JsonObject, receivedAt: number): Acceleration {
  const { at, rateHz, scale = 1, samples } = message
  if (typeof rateHz !== 'number') return refuse('rate-expected')
  if (typeof scale !== 'number' || !(scale > 0)) return refuse('scale-expected')
  if (!Array.isArray(samples) || samples.length % 3 !== 0) return refuse('samples-expected')
  const wrong = checkShape(rateHz, samples.length / 3)
  if (wrong) return wrong
  const values = new Float32Array(samples.length)
  for (const [index, value] of samples.entries()) {
    if (typeof value !== 'number') return refuse('samples-expected')
    values[index] = value / scale
  }
  const firstAt = typeof at === 'number' ? at : typeof at === 'string' ? Date.parse(at) : undefined
  if (at !== undefined && !Number.isFinite(firstAt)) return refuse('no-instant', { field: 'at' })
  return batchOf(values, rateHz, firstAt, receivedAt)
}

function checkShape(rateHz: number, count: number): NotUnderstood | undefined {
  const [slowest, fastest] = rateRangeHz
  if (!(rateHz >= slowest && rateHz <= fastest))
    return refuse('rate-outside', { from: slowest, to: fastest, rate: rateHz })
  if (count === 0 || count > maxSamples) return refuse('samples-count', { most: maxSamples, count })
  return undefined
}

function batchOf(values: Float32Array, rateHz: number, firstAt: number | undefined, receivedAt: number): Acceleration {
  for (const value of values) if (!(Math.abs(value) <= maxG)) return refuse('scale-wrong', { most: maxG })
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
    if (!message) return refuse('acceleration-expected')
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
