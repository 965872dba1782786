import { wrongMessage } from '../../core/message-words.ts'
import type { CodecDevice, Reading } from './codec.ts'
import { readDistance } from './distance.ts'
import { draginoPollPort, draginoRow, draginoRows, draginoTime } from './lorawan-history.ts'
import type { RawReadings } from './lorawan-milesight.ts'

/* Dragino's formats, one for each model, big-endian (https://wiki.dragino.com, "Uplink Payload" of each model). */

export const draginoModels = ['lht65', 'lds02', 'lds03a', 'lwl03a', 'ldds75'] as const
export type DraginoModel = (typeof draginoModels)[number]

/** An uplink on the way: the bytes and the LoRaWAN port they came on, where it is known. */
export interface Uplink {
  bytes: Uint8Array
  port: number | undefined
}

/** Reads the uplink of a Dragino sensor of this model. */
export function readDragino(
  model: DraginoModel,
  { bytes, port }: Uplink,
  device: CodecDevice | undefined,
): RawReadings {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const rows = port === draginoPollPort ? readDatalog(model, bytes, view) : undefined
  if (rows) return rows
  const isSwitch = model === 'lds03a' || model === 'lwl03a'
  if (isSwitch && port === settingsPort) return { readings: [] }
  if (isSwitch && port === aboutPort) return readAbout(bytes, view, model)
  const least = { lht65: 11, lds02: 10, lds03a: 11, lwl03a: 11, ldds75: 8 }[model]
  if (bytes.length < least) return tooShort(model, least, bytes)
  if (model === 'lht65') return readLht65(view)
  if (model === 'lds02') return readLds02(view)
  if (model === 'ldds75') return readLdds75(view, device)
  return { readings: readState(model, view, 0) }
}

const tooShort = (model: DraginoModel, least: number, bytes: Uint8Array): RawReadings => ({
  notUnderstood: wrongMessage('too-short', { decoder: `Dragino ${model}`, least, bytes: bytes.length }),
})

/** LDS03A and LWL03A: on these ports no byte is the state of the sensor. */
const settingsPort = 4
const aboutPort = 5
const aboutLength = 7

/** Model, firmware, frequencies, and the battery in millivolts. */
function readAbout(bytes: Uint8Array, view: DataView, model: DraginoModel): RawReadings {
  if (bytes.length < aboutLength) return tooShort(model, aboutLength, bytes)
  return { readings: [{ metric: 'batteryVolts', value: view.getUint16(5) / 1000 }] }
}

/** LDS03A and LWL03A: a status byte, then counters and the time. */
function readState(model: DraginoModel, view: DataView, at: number): Reading[] {
  return [{ metric: model === 'lds03a' ? 'isOpen' : 'isWet', value: (view.getUint8(at) & 1) === 1 }]
}

/** What the sensor kept, asked for by a poll; undefined for models that keep nothing. */
function readDatalog(model: DraginoModel, bytes: Uint8Array, view: DataView): RawReadings | undefined {
  if (model === 'lds02' || model === 'ldds75') return undefined
  const rows = draginoRows(bytes)
  if (rows === undefined)
    return {
      notUnderstood: wrongMessage('rows-expected', {
        decoder: `Dragino ${model}`,
        row: draginoRow,
        bytes: bytes.length,
      }),
    }
  const readingsAt = (row: number) => (model === 'lht65' ? readLht65Row(view, row) : readState(model, view, row))
  return { readings: [], stored: rows.map((row) => ({ at: draginoTime(view, row), readings: readingsAt(row) })) }
}

const millivolts = (view: DataView) => (view.getUint16(0) & 0x3fff) / 1000
/** What a missing probe reads. */
const noProbe = 0x7fff

function readLht65(view: DataView): RawReadings {
  const readings: Reading[] = [
    { metric: 'batteryVolts', value: millivolts(view) },
    { metric: 'temperatureCelsius', value: view.getInt16(2) / 100 },
    { metric: 'humidityPercent', value: view.getUint16(4) / 10 },
  ]
  // External sensor 1: a temperature probe, which is what such a site wants to know.
  const probe = view.getInt16(7)
  if ((view.getUint8(6) & 0x7f) === 1 && probe !== noProbe)
    readings[1] = { metric: 'temperatureCelsius', value: probe / 100 }
  return { readings }
}

/** External value, temperature, humidity below the battery's two bits, status with what is plugged in. */
function readLht65Row(view: DataView, row: number): Reading[] {
  const plugged = view.getUint8(row + 6) & 0x0f
  const probe = view.getInt16(row)
  // 1 and 9: a DS18B20, 2 and 10: a TMP117.
  const hasProbe = [1, 2, 9, 10].includes(plugged) && probe !== noProbe
  return [
    { metric: 'temperatureCelsius', value: (hasProbe ? probe : view.getInt16(row + 2)) / 100 },
    { metric: 'humidityPercent', value: (view.getUint16(row + 4) & 0x0fff) / 10 },
  ]
}

/** LDS02 and LWL02: one format, told apart by its mode. */
function readLds02(view: DataView): RawReadings {
  const readings: Reading[] = [{ metric: 'batteryVolts', value: millivolts(view) }]
  const status = view.getUint8(0)
  const mode = view.getUint8(2)
  if (mode !== 1 && mode !== 2 && mode !== 3)
    return { notUnderstood: wrongMessage('mode-unknown', { decoder: 'Dragino lds02', mode }) }
  if (mode !== 2) readings.push({ metric: 'isOpen', value: (status & 0x80) !== 0 })
  if (mode !== 1) readings.push({ metric: 'isWet', value: (status & 0x40) !== 0 })
  return { readings }
}

/** 0 mm: no sensor; 20 mm: no echo. */
const noEchoMillimeters = 20

function readLdds75(view: DataView, device: CodecDevice | undefined): RawReadings {
  const readings: Reading[] = [{ metric: 'batteryVolts', value: millivolts(view) }]
  const distance = view.getUint16(2)
  if (distance <= noEchoMillimeters) return { readings, remark: wrongMessage('no-echo', { decoder: 'Dragino ldds75' }) }
  readings.push(...readDistance(distance / 1000, device))
  return { readings }
}
