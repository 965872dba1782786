/*
 * The payload of Sparkplug B 3.0 (https://sparkplug.eclipse.org/specification/, sparkplug_b.proto): a reader of the
 * fields a host application needs, and a writer for the one command it sends. Protocol buffers: a row of
 * (field number << 3 | wire type), value; wire types 0 varint, 1 eight bytes, 2 length and bytes, 5 four bytes.
 */

import { type WrongMessage, wrongMessage } from '../../core/message-words.ts'
import type { NotUnderstood } from './codec.ts'

export interface SparkplugMetric {
  name?: string
  alias?: number
  /** Epoch ms. */
  timestamp?: number
  /** Kept while the link was down and told later: it is not how things are. */
  isHistorical: boolean
  isNull: boolean
  value?: number | boolean | string
}

export interface SparkplugPayload {
  timestamp?: number
  seq?: number
  metrics: SparkplugMetric[]
}

const maxMetrics = 5000
/** Data types whose value is two's complement in an unsigned field, by their width in bits. */
const signedBits: Readonly<Record<number, number>> = { 1: 8, 2: 16, 3: 32, 4: 64 }
const decoder = new TextDecoder()

class Reader {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  #at: number
  readonly #end: number

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#at = 0
    this.#end = bytes.length
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#end
  }

  varint(): bigint {
    let value = 0n
    for (let shift = 0n; shift < 70n; shift += 7n) {
      if (this.#at >= this.#end) throw new Unreadable('sparkplug-cut-off')
      const byte = this.#bytes[this.#at++]!
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) return BigInt.asUintN(64, value)
    }
    throw new Unreadable('no-sparkplug')
  }

  take(length: number): Uint8Array {
    if (length > this.#end - this.#at) throw new Unreadable('sparkplug-cut-off')
    const part = this.#bytes.subarray(this.#at, this.#at + length)
    this.#at += length
    return part
  }

  bytes(): Uint8Array {
    return this.take(Number(this.varint()))
  }

  float(): number {
    const at = this.#at
    this.take(4)
    return this.#view.getFloat32(at, true)
  }

  double(): number {
    const at = this.#at
    this.take(8)
    return this.#view.getFloat64(at, true)
  }

  skip(wire: number): void {
    if (wire === 0) this.varint()
    else if (wire === 1) this.take(8)
    else if (wire === 2) this.bytes()
    else if (wire === 5) this.take(4)
    else throw new Unreadable('no-sparkplug')
  }
}

/** Where reading ended; it never leaves this file. */
class Unreadable extends Error {
  readonly wrong: WrongMessage
  constructor(...why: Parameters<typeof wrongMessage>) {
    const wrong = wrongMessage(...why)
    super(wrong.reason)
    this.wrong = wrong
  }
}

/** Reads a payload. */
export function readSparkplug(bytes: Uint8Array): SparkplugPayload | NotUnderstood {
  try {
    return readPayload(bytes)
  } catch (error) {
    if (error instanceof Unreadable) return { notUnderstood: error.wrong }
    throw error
  }
}

function readPayload(bytes: Uint8Array): SparkplugPayload {
  const reader = new Reader(bytes)
  const payload: SparkplugPayload = { metrics: [] }
  while (!reader.isAtEnd) {
    const key = Number(reader.varint())
    const field = key >>> 3
    const wire = key & 7
    if (field === 1 && wire === 0) payload.timestamp = Number(reader.varint())
    else if (field === 2 && wire === 2) {
      if (payload.metrics.length === maxMetrics) throw new Unreadable('too-many-values', { most: maxMetrics })
      payload.metrics.push(readMetric(reader.bytes()))
    } else if (field === 3 && wire === 0) payload.seq = Number(reader.varint())
    else reader.skip(wire)
  }
  return payload
}

function readMetric(bytes: Uint8Array): SparkplugMetric {
  const reader = new Reader(bytes)
  const metric: SparkplugMetric = { isHistorical: false, isNull: false }
  let type = 0
  let integer: bigint | undefined
  while (!reader.isAtEnd) {
    const key = Number(reader.varint())
    const field = key >>> 3
    const wire = key & 7
    if (field === 1 && wire === 2) metric.name = decoder.decode(reader.bytes())
    else if (field === 2 && wire === 0) metric.alias = Number(reader.varint())
    else if (field === 3 && wire === 0) metric.timestamp = Number(reader.varint())
    else if (field === 4 && wire === 0) type = Number(reader.varint())
    else if (field === 5 && wire === 0) metric.isHistorical = reader.varint() !== 0n
    else if (field === 7 && wire === 0) metric.isNull = reader.varint() !== 0n
    else if ((field === 10 || field === 11) && wire === 0) integer = reader.varint()
    else if (field === 12 && wire === 5) metric.value = Number(reader.float().toPrecision(7))
    else if (field === 13 && wire === 1) metric.value = reader.double()
    else if (field === 14 && wire === 0) metric.value = reader.varint() !== 0n
    else if (field === 15 && wire === 2) metric.value = decoder.decode(reader.bytes())
    else reader.skip(wire)
  }
  if (integer !== undefined) {
    const bits = signedBits[type]
    metric.value = Number(bits === undefined ? integer : BigInt.asIntN(bits, integer))
  }
  return metric
}

const rebirthName = new TextEncoder().encode('Node Control/Rebirth')
const booleanType = 11

/** The command by which a host asks an edge node for a new birth (tck-id-payloads-ncmd): one boolean metric, true. */
export function rebirthCommand(at: number): Uint8Array {
  const timestamp = varintBytes(at)
  const metric = [0x0a, rebirthName.length, ...rebirthName, 0x18, ...timestamp, 0x20, booleanType, 0x70, 1]
  return Uint8Array.from([0x08, ...timestamp, 0x12, ...varintBytes(metric.length), ...metric])
}

function varintBytes(value: number): number[] {
  const bytes: number[] = []
  let rest = Math.max(0, Math.floor(value))
  while (rest >= 128) {
    bytes.push((rest % 128) | 0x80)
    rest = Math.floor(rest / 128)
  }
  bytes.push(rest)
  return bytes
}
