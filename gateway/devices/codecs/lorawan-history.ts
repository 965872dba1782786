import { type WrongMessage, wrongMessage } from '../../core/message-words.ts'
import type { CodecDevice, Reading } from './codec.ts'
import { readDistance } from './distance.ts'

/*
 * What LoRaWAN sensors kept while nobody heard them, and tell later: rows of one length, each with its own time.
 * Milesight (https://github.com/Milesight-IoT/SensorDecoders, "Historical Data" of each model): [0x20 or 0x21, 0xce],
 * seconds since 1970, values; little-endian. Nothing in a row names the model: its length and the kind of device do.
 * Dragino (https://wiki.dragino.com, "Datalog" of each model): values, a status byte, seconds since 1970; big-endian.
 */

/** One row: readings as the device took them at `at`, epoch ms. */
export interface StoredReadings {
  at: number
  readings: Reading[]
}

type Read = (view: DataView, at: number, device: CodecDevice) => Reading[]
interface Layout {
  /** Of the values, without channel, type and time. */
  length: number
  /** Kinds of devices whose models have it. */
  kinds: readonly string[]
  read: Read
}

const one = (metric: string, value: number | boolean): Reading[] => [{ metric, value }]
const temperature = (view: DataView, at: number) => one('temperatureCelsius', view.getInt16(at, true) / 10)
const climate = (view: DataView, at: number): Reading[] => [
  ...temperature(view, at),
  { metric: 'humidityPercent', value: view.getUint8(at + 2) / 2 },
]
const distanceKinds = ['water-level', 'manhole', 'bin']
/** A gauge without an echo, or broken: values from here on are none. */
export const noDistance = 0xfffd

function readGauge(view: DataView, at: number, device: CodecDevice): Reading[] {
  const millimeters = view.getUint16(at, true)
  return millimeters >= noDistance ? [] : readDistance(millimeters / 1000, device)
}

/** EM300: leak sensors without a climate sensor have zeros in its place, which no air reads. */
function readWithState(metric: string): Read {
  return (view, at) => {
    const hasClimate = view.getUint16(at, true) !== 0 || view.getUint8(at + 2) !== 0
    return [...(hasClimate ? climate(view, at) : []), { metric, value: view.getUint8(at + 3) === 1 }]
  }
}

/** EM500: a gauge that looks down (UDL) where its height is known, else one that lies in the water (SWL). */
function readLevel(view: DataView, at: number, device: CodecDevice): Reading[] {
  const { mountedAtCentimeters } = (device.options ?? {}) as { mountedAtCentimeters?: number }
  if (device.kind === 'water-level' && mountedAtCentimeters === undefined)
    return one('waterLevelCentimeters', view.getUint16(at, true))
  return readGauge(view, at, device)
}

/** AM307 and its larger brothers: the same beginning. */
function readAmbience(hasParticles: boolean): Read {
  return (view, at) => [
    ...temperature(view, at),
    { metric: 'humidityPercent', value: view.getUint16(at + 2, true) / 2 },
    { metric: 'isMotion', value: view.getUint8(at + 4) === 1 },
    { metric: 'carbonDioxidePpm', value: view.getUint16(at + 6, true) },
    { metric: 'pressureHectopascals', value: view.getUint16(at + 10, true) / 10 },
    ...(hasParticles
      ? [
          { metric: 'pm25MicrogramsPerCubicMeter', value: view.getUint16(at + 12, true) },
          { metric: 'pm10MicrogramsPerCubicMeter', value: view.getUint16(at + 14, true) },
        ]
      : []),
  ]
}

const indoors = ['climate', 'air']
const milesight: readonly Layout[] = [
  { length: 2, kinds: indoors, read: temperature },
  { length: 2, kinds: distanceKinds, read: readLevel },
  { length: 2, kinds: ['pressure'], read: (view, at) => one('pressureKilopascals', view.getInt16(at, true)) },
  { length: 3, kinds: indoors, read: climate },
  { length: 4, kinds: indoors, read: climate },
  { length: 4, kinds: ['door'], read: readWithState('isOpen') },
  { length: 4, kinds: ['water-leak'], read: readWithState('isWet') },
  {
    length: 5,
    kinds: indoors,
    read: (view, at) => [...climate(view, at), { metric: 'carbonDioxidePpm', value: view.getUint16(at + 3, true) }],
  },
  {
    length: 7,
    kinds: indoors,
    read: (view, at) => [
      { metric: 'carbonDioxidePpm', value: view.getUint16(at, true) },
      { metric: 'pressureHectopascals', value: view.getUint16(at + 2, true) / 10 },
      ...climate(view, at + 4),
    ],
  },
  { length: 7, kinds: distanceKinds, read: readGauge },
  { length: 12, kinds: [...indoors, 'presence'], read: readAmbience(false) },
  { length: 16, kinds: [...indoors, 'presence'], read: readAmbience(true) },
  { length: 18, kinds: [...indoors, 'presence'], read: readAmbience(true) },
]

const rowType = 0xce

/** Whether a row of a Milesight sensor's memory begins here. */
export const isMilesightRow = (bytes: Uint8Array, at: number) =>
  (bytes[at] === 0x20 || bytes[at] === 0x21) && bytes[at + 1] === rowType

/** Channel, type and time before the values. */
const headLength = 6

/**
 * Reads the rows from `from` to the end of the uplink.
 * @returns what is wrong where no model of this kind of device has such rows
 */
export function readMilesightRows(
  bytes: Uint8Array,
  from: number,
  device: CodecDevice,
): StoredReadings[] | WrongMessage {
  const rest = bytes.length - from
  const fits = ({ length, kinds }: Layout): boolean => {
    const row = headLength + length
    if (!kinds.includes(device.kind) || rest % row !== 0) return false
    for (let at = from; at < bytes.length; at += row) if (!isMilesightRow(bytes, at)) return false
    return true
  }
  const layout = milesight.find(fits)
  if (!layout) return wrongMessage('history-misfit', { decoder: 'Milesight', bytes: rest, kind: device.kind })
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const rows: StoredReadings[] = []
  for (let at = from; at < bytes.length; at += headLength + layout.length)
    rows.push({ at: view.getUint32(at + 2, true) * 1000, readings: layout.read(view, at + headLength, device) })
  return rows
}

/** Bytes of a row of LHT65, LDS03A and LWL03A. */
export const draginoRow = 11
/** The port on which Dragino's sensors answer a poll of their memory. */
export const draginoPollPort = 3

/** Where the rows of a Dragino answer begin, without places never written; undefined where it is no whole number of rows. */
export function draginoRows(bytes: Uint8Array): number[] | undefined {
  if (bytes.length === 0 || bytes.length % draginoRow !== 0) return undefined
  const starts = Array.from({ length: bytes.length / draginoRow }, (_, row) => row * draginoRow)
  return starts.filter((at) => bytes.subarray(at, at + draginoRow).some((byte) => byte !== 0 && byte !== 0xff))
}

/** Seconds since 1970 at the end of a row, as epoch ms. */
export const draginoTime = (view: DataView, row: number): number => view.getUint32(row + 7) * 1000
