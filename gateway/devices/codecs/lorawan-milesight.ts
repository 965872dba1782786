import { type WrongMessage, wrongMessage } from '../../core/message-words.ts'
import type { CodecDevice, NotUnderstood, Reading } from './codec.ts'
import { readDistance } from './distance.ts'
import { isMilesightRow, noDistance, readMilesightRows, type StoredReadings } from './lorawan-history.ts'

/*
 * Milesight's format (https://github.com/Milesight-IoT/SensorDecoders): a row of [channel, type, value], little-endian.
 * The type gives the value's length and, but for type 0x00, its meaning; type 0x00 means what the model has there.
 */

/** Of one uplink. `stored`: what the sensor kept and tells later. */
export type RawReadings =
  | { readings: Reading[]; stored?: readonly StoredReadings[]; remark?: WrongMessage }
  | NotUnderstood

/** Bytes of a value by type. */
const lengths: Readonly<Record<number, number>> = {
  0: 1,
  1: 1,
  91: 7,
  101: 6,
  103: 2,
  104: 1,
  106: 2,
  112: 1,
  115: 2,
  116: 2,
  117: 1,
  119: 2,
  123: 2,
  125: 2,
  128: 4,
  129: 1,
  130: 2,
  131: 4,
  136: 9,
  142: 1,
  144: 4,
  176: 8,
  177: 3,
  178: 6,
  179: 5,
  180: 9,
  184: 1,
  201: 2,
  207: 7,
  212: 6,
  248: 6,
  249: 4,
  250: 8,
  251: 5,
}
/** Channel 0xff: what the device says of itself, and presses. */
const ownLengths: Readonly<Record<number, number>> = {
  1: 1,
  8: 6,
  9: 2,
  10: 2,
  11: 1,
  15: 1,
  22: 8,
  24: 2,
  46: 1,
  63: 1,
  255: 2,
}
const decoder = 'Milesight'
/** A value with the state of its threshold behind it. */
const alarmBit = 0x80
const presses = { 1: 'single', 2: 'long', 3: 'double' } as const

/** Reads the uplink of a Milesight sensor. Channels that are not known end the reading, with a remark. */
export function readMilesight(bytes: Uint8Array, device: CodecDevice | undefined): RawReadings {
  const readings: Reading[] = []
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let offset = 0
  while (offset + 2 <= bytes.length) {
    const channel = bytes[offset]!
    const type = bytes[offset + 1]!
    const at = offset + 2
    if (isMilesightRow(bytes, offset)) return readHistory(bytes, offset, device, readings)
    const isOwn = channel === 0xff
    const known = isOwn ? ownLengths[type] : lengths[type]
    // Thresholds: the same value with one byte more, on the channel with its top bit set.
    const length = known === undefined ? undefined : !isOwn && channel & alarmBit ? known + 1 : known
    if (length === undefined || at + length > bytes.length) {
      const where = { decoder, channel: hex(channel), type: hex(type) }
      return partly(readings, wrongMessage(length === undefined ? 'channel-unknown' : 'channel-cut-off', where))
    }
    if (isOwn) readOwn(type, bytes[at]!, device, readings)
    else readings.push(...readChannel(channel & ~alarmBit, type, view, at, device))
    offset = at + length
  }
  return readings.length > 0 ? { readings } : { notUnderstood: wrongMessage('no-channel', { decoder }) }
}

/** What came before the place that is wrong counts. */
function partly(readings: Reading[], wrong: WrongMessage): RawReadings {
  return readings.length === 0 ? { notUnderstood: wrong } : { readings, remark: wrong }
}

/** Uplinks of stored rows hold nothing behind them. */
function readHistory(
  bytes: Uint8Array,
  offset: number,
  device: CodecDevice | undefined,
  readings: Reading[],
): RawReadings {
  // Nobody asks for the memory of a stranger.
  if (!device) return { readings }
  const stored = readMilesightRows(bytes, offset, device)
  return 'reason' in stored ? partly(readings, stored) : { readings, stored }
}

function readOwn(type: number, value: number, device: CodecDevice | undefined, readings: Reading[]): void {
  if (type === 0x2e && (device?.kind ?? 'sos') === 'sos') {
    const press = presses[value as keyof typeof presses]
    if (press) readings.push({ metric: 'sosPress', value: press })
  }
  // GS101: 2 sensor failure, 3 recovered, 4 about to fail, 5 failed. A socket tells a power cut here, with 0xff.
  if (type === 0x3f && device?.kind === 'gas' && value >= 2 && value <= 5)
    readings.push({ metric: 'isFault', value: value !== 3 })
}

function readChannel(
  channel: number,
  type: number,
  view: DataView,
  at: number,
  device: CodecDevice | undefined,
): Reading[] {
  const one = (metric: string, value: number | boolean): Reading[] => [{ metric, value }]
  switch (type) {
    case 0x75:
      return one('batteryPercent', view.getUint8(at))
    case 0x67:
      return one('temperatureCelsius', view.getInt16(at, true) / 10)
    case 0x68:
      return one('humidityPercent', view.getUint8(at) / 2)
    case 0x73:
      return one('pressureHectopascals', view.getUint16(at, true) / 10)
    // WS52x: what is plugged in.
    case 0x70:
      return one('isOn', (view.getUint8(at) & 1) === 1)
    case 0x74:
      return one('voltageVolts', view.getUint16(at, true) / 10)
    case 0x80:
      return one('powerWatts', view.getUint32(at, true))
    case 0x83:
      return one('energyKilowattHours', view.getUint32(at, true) / 1000)
    case 0xc9:
      return one('currentAmperes', view.getUint16(at, true) / 1000)
    case 0x77:
      return hasEcho(view, at) ? one('waterLevelCentimeters', view.getUint16(at, true)) : []
    case 0x7b:
      return one('pressureKilopascals', view.getInt16(at, true))
    case 0x7d:
      return readAir(channel, view.getUint16(at, true))
    case 0x82:
      return hasEcho(view, at) ? readDistance(view.getUint16(at, true) / 1000, device) : []
    case 0x8e:
      return one('isGas', view.getUint8(at) === 1)
    case 0xb8:
      return one('fillPercent', 100 - Math.min(100, view.getUint8(at)))
    case 0x5b:
      return one('soundLevelDecibels', view.getUint16(at + 3, true) / 10)
    // EM310-TILT: degrees in hundredths, then which axes are beyond their thresholds.
    case 0xcf:
      return readTilt(
        [0, 2, 4].map((axis) => view.getInt16(at + axis, true) / 100),
        view.getUint8(at + 6) !== 0,
      )
    // EM320-TILT: the lowest bit of each axis says that it is beyond its threshold.
    case 0xd4: {
      const axes = [0, 2, 4].map((axis) => view.getInt16(at + axis, true))
      return readTilt(
        axes.map((axis) => (axis >> 1) / 100),
        axes.some((axis) => (axis & 1) === 1),
      )
    }
    // VS373 with its first firmware, and with later ones.
    case 0xf8:
    case 0xb0:
      return readRoom(view.getUint8(at))
    case 0xb1: {
      const hasRate = [2, 3, 4].includes(view.getUint8(at))
      return hasRate ? one('breathRatePerMinute', view.getUint16(at + 1, true) / 100) : []
    }
    case 0xfb:
      return readRadarAlarm(view.getUint8(at + 2), view.getUint8(at + 3))
    case 0:
      return readSwitch(channel, view.getUint8(at), device?.kind)
    default:
      return []
  }
}

const hasEcho = (view: DataView, at: number) => view.getUint16(at, true) < noDistance

/** The z axis stands upright at 90°; how far the lid leans is what x and y say. Degrees. */
function readTilt(axes: readonly number[], isMoved: boolean): Reading[] {
  return [
    { metric: 'tiltDegrees', value: Math.max(Math.abs(axes[0]!), Math.abs(axes[1]!)) },
    { metric: 'isMoved', value: isMoved },
  ]
}

/** VS373: 0 normal, 1 vacant, 2 in bed, 3 out of bed, 4 a fall. */
function readRoom(room: number): Reading[] {
  return [
    { metric: 'isFallen', value: room === 4 },
    { metric: 'isOccupied', value: room !== 1 },
  ]
}

/** VS373 at once: type 0 is a fall; 1 it lies there, 2 it is over. Somebody who ignores it (3) says neither. */
function readRadarAlarm(type: number, status: number): Reading[] {
  return type === 0 && (status === 1 || status === 2) ? [{ metric: 'isFallen', value: status === 1 }] : []
}

/** Channel 3 holds what the model is there for: WS202 a movement, WS301 a door, WS303 water. */
const mainSwitches: Readonly<Record<string, string>> = { door: 'isOpen', 'water-leak': 'isWet' }

/** Type 0x00 by channel: what the models have there. */
function readSwitch(channel: number, value: number, kind: string | undefined): Reading[] {
  const isSet = value === 1
  if (channel === 3) return [{ metric: mainSwitches[kind ?? ''] ?? 'isMotion', value: isSet }]
  if (channel === 4 && kind === 'door') return [{ metric: 'isTampered', value: isSet }]
  if (channel === 5 && (kind === undefined || kind === 'water-leak')) return [{ metric: 'isWet', value: isSet }]
  if (channel === 6) return [{ metric: 'isOpen', value: isSet }]
  if ((channel === 4 || channel === 5) && kind === 'bin') return [{ metric: 'isTipped', value: isSet }]
  return []
}

function readAir(channel: number, value: number): Reading[] {
  const metric = { 7: 'carbonDioxidePpm', 11: 'pm25MicrogramsPerCubicMeter', 12: 'pm10MicrogramsPerCubicMeter' }[
    channel
  ]
  return metric === undefined ? [] : [{ metric, value }]
}

const hex = (byte: number) => `0x${byte.toString(16).padStart(2, '0')}`
