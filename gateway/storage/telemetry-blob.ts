import type { Measurement } from '../core/measurement.ts'

type Value = Measurement['value']

/** Values of one series: instants (epoch ms, whole) and values side by side. */
export interface Points {
  at: number[]
  values: Value[]
}

/** A measurement with its series instead of its names. */
export interface Arrival {
  series: number
  deviceAt: number
  ingestedAt: number
  clockTrusted: boolean
  value: Value
}

/** What a span of numbers came to. */
export interface Summary {
  count: number
  minimum: number
  maximum: number
  mean: number
}

/*
 * All little-endian.
 *
 * Batch:   u32 count, then per measurement u32 series, u8 flags (bits 0–1 the type, bit 2 a trusted clock), f64 deviceAt,
 *          f64 ingestedAt, f64 value (of a text: its number), then the texts as a JSON array where there are any.
 * Chunk:   u8 form, u32 count, f64 first instant, u32 milliseconds since it of each value, then the values by form:
 *          0 f64 numbers, 1 u8 booleans, 2 a JSON array of anything.
 * Minutes: per minute that has values u8 minute of the hour, u16 count, f64 minimum, f64 maximum, f64 mean.
 */
const recordBytes = 29
const trusted = 4
const kinds = { number: 0, boolean: 1, string: 2 } as const
const minuteBytes = 27
const minuteMs = 60_000

/**
 * Packs arrivals that are `isStorable`.
 * @throws TypeError for a value that is no number, boolean or text
 */
export function packBatch(arrivals: readonly Arrival[]): Uint8Array {
  const texts: string[] = []
  const buffer = Buffer.allocUnsafe(4 + arrivals.length * recordBytes)
  const view = new DataView(buffer.buffer, buffer.byteOffset, buffer.length)
  view.setUint32(0, arrivals.length, true)
  let offset = 4
  for (const { series, deviceAt, ingestedAt, clockTrusted, value } of arrivals) {
    const type = kinds[typeof value as keyof typeof kinds]
    if (type === undefined) throw new TypeError(`a ${typeof value} is no measured value`)
    view.setUint32(offset, series, true)
    view.setUint8(offset + 4, type | (clockTrusted ? trusted : 0))
    view.setFloat64(offset + 5, deviceAt, true)
    view.setFloat64(offset + 13, ingestedAt, true)
    view.setFloat64(offset + 21, typeof value === 'string' ? texts.push(value) - 1 : Number(value), true)
    offset += recordBytes
  }
  return texts.length === 0 ? buffer : Buffer.concat([buffer, Buffer.from(JSON.stringify(texts))])
}

export function unpackBatch(data: Uint8Array): Arrival[] {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength)
  const count = view.getUint32(0, true)
  const end = 4 + count * recordBytes
  const texts = data.byteLength > end ? (JSON.parse(Buffer.from(data.subarray(end)).toString()) as string[]) : []
  return Array.from({ length: count }, (_, n) => {
    const offset = 4 + n * recordBytes
    const flags = view.getUint8(offset + 4)
    const raw = view.getFloat64(offset + 21, true)
    const type = flags & 3
    return {
      series: view.getUint32(offset, true),
      deviceAt: view.getFloat64(offset + 5, true),
      ingestedAt: view.getFloat64(offset + 13, true),
      clockTrusted: (flags & trusted) !== 0,
      value: type === kinds.string ? texts[raw]! : type === kinds.boolean ? raw === 1 : raw,
    }
  })
}

/** Packs points of one hour, sorted by instant. */
export function packChunk({ at, values }: Points): Uint8Array {
  const first = at[0] ?? 0
  const form = values.every((value) => typeof value === 'number')
    ? 0
    : values.every((value) => typeof value === 'boolean')
      ? 1
      : 2
  const head = 13 + 4 * at.length
  const tail = form === 2 ? Buffer.from(JSON.stringify(values)) : undefined
  const buffer = Buffer.allocUnsafe(head + (tail?.length ?? values.length * (form === 0 ? 8 : 1)))
  buffer.writeUInt8(form, 0)
  buffer.writeUInt32LE(at.length, 1)
  buffer.writeDoubleLE(first, 5)
  for (let n = 0; n < at.length; n++) buffer.writeUInt32LE(at[n]! - first, 13 + 4 * n)
  if (tail) tail.copy(buffer, head)
  else if (form === 0) for (let n = 0; n < at.length; n++) buffer.writeDoubleLE(values[n] as number, head + 8 * n)
  else for (let n = 0; n < at.length; n++) buffer.writeUInt8(Number(values[n]), head + n)
  return buffer
}

export function unpackChunk(data: Uint8Array): Points {
  const buffer = Buffer.from(data.buffer, data.byteOffset, data.byteLength)
  const form = buffer.readUInt8(0)
  const count = buffer.readUInt32LE(1)
  const first = buffer.readDoubleLE(5)
  const head = 13 + 4 * count
  const at = Array.from({ length: count }, (_, n) => first + buffer.readUInt32LE(13 + 4 * n))
  if (form === 2) return { at, values: JSON.parse(buffer.subarray(head).toString()) as Value[] }
  const values = at.map((_, n) => (form === 0 ? buffer.readDoubleLE(head + 8 * n) : buffer.readUInt8(head + n) === 1))
  return { at, values }
}

/** Sums up numbers and booleans (as 0 and 1) of some points; undefined where there are none. Texts do not count. */
export function summarise({ at, values }: Points, from = 0, to = at.length): Summary | undefined {
  let count = 0
  let sum = 0
  let minimum = Number.POSITIVE_INFINITY
  let maximum = Number.NEGATIVE_INFINITY
  for (let n = from; n < to; n++) {
    const value = values[n]!
    if (typeof value === 'string') continue
    const number = Number(value)
    count++
    sum += number
    if (number < minimum) minimum = number
    if (number > maximum) maximum = number
  }
  return count === 0 ? undefined : { count, minimum, maximum, mean: sum / count }
}

/** Summaries of the minutes of one hour's sorted points, by the minute's start, epoch ms. */
export function byMinute(points: Points): Array<{ at: number } & Summary> {
  const minutes: Array<{ at: number } & Summary> = []
  for (let from = 0; from < points.at.length; ) {
    const minute = Math.floor(points.at[from]! / minuteMs)
    let to = from + 1
    while (to < points.at.length && Math.floor(points.at[to]! / minuteMs) === minute) to++
    const summary = summarise(points, from, to)
    if (summary) minutes.push({ at: minute * minuteMs, ...summary })
    from = to
  }
  return minutes
}

/** Packs minutes of one hour. */
export function packMinutes(minutes: ReadonlyArray<{ at: number } & Summary>): Uint8Array {
  const buffer = Buffer.allocUnsafe(minutes.length * minuteBytes)
  minutes.forEach(({ at, count, minimum, maximum, mean }, n) => {
    const offset = n * minuteBytes
    buffer.writeUInt8(Math.floor(at / minuteMs) % 60, offset)
    buffer.writeUInt16LE(Math.min(count, 65_535), offset + 1)
    buffer.writeDoubleLE(minimum, offset + 3)
    buffer.writeDoubleLE(maximum, offset + 11)
    buffer.writeDoubleLE(mean, offset + 19)
  })
  return buffer
}

/** @param hour epoch hours */
export function unpackMinutes(data: Uint8Array, hour: number): Array<{ at: number } & Summary> {
  const buffer = Buffer.from(data.buffer, data.byteOffset, data.byteLength)
  return Array.from({ length: buffer.length / minuteBytes }, (_, n) => {
    const offset = n * minuteBytes
    return {
      at: (hour * 60 + buffer.readUInt8(offset)) * minuteMs,
      count: buffer.readUInt16LE(offset + 1),
      minimum: buffer.readDoubleLE(offset + 3),
      maximum: buffer.readDoubleLE(offset + 11),
      mean: buffer.readDoubleLE(offset + 19),
    }
  })
}
