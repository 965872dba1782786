import type { CodecDevice, Reading } from './codec.ts'
import { readDistance } from './distance.ts'
import type { RawReadings } from './lorawan-milesight.ts'

/* Dragino's formats, one for each model, big-endian (https://wiki.dragino.com, "Uplink Payload" of each model). */

export const draginoModels = ['lht65', 'lds02', 'lds03a', 'lwl03a', 'ldds75'] as const
export type DraginoModel = (typeof draginoModels)[number]

/** Reads the uplink of a Dragino sensor of this model. */
export function readDragino(model: DraginoModel, bytes: Uint8Array, device: CodecDevice | undefined): RawReadings {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const least = { lht65: 11, lds02: 10, lds03a: 7, lwl03a: 7, ldds75: 8 }[model]
  if (bytes.length < least)
    return { notUnderstood: `Dragino ${model}: expected ${least} bytes or more, got ${bytes.length}` }
  if (model === 'lht65') return readLht65(view)
  if (model === 'lds02') return readLds02(view)
  if (model === 'ldds75') return readLdds75(view, device)
  // LDS03A and LWL03A: a status byte, then counters.
  return { readings: [{ metric: model === 'lds03a' ? 'isOpen' : 'isWet', value: (view.getUint8(0) & 1) === 1 }] }
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

/** LDS02 and LWL02: one format, told apart by its mode. */
function readLds02(view: DataView): RawReadings {
  const readings: Reading[] = [{ metric: 'batteryVolts', value: millivolts(view) }]
  const status = view.getUint8(0)
  const mode = view.getUint8(2)
  if (mode !== 1 && mode !== 2 && mode !== 3) return { notUnderstood: `Dragino lds02: mode ${mode} is not known` }
  if (mode !== 2) readings.push({ metric: 'isOpen', value: (status & 0x80) !== 0 })
  if (mode !== 1) readings.push({ metric: 'isWet', value: (status & 0x40) !== 0 })
  return { readings }
}

/** 0 mm: no sensor; 20 mm: no echo. */
const noEchoMillimeters = 20

function readLdds75(view: DataView, device: CodecDevice | undefined): RawReadings {
  const readings: Reading[] = [{ metric: 'batteryVolts', value: millivolts(view) }]
  const distance = view.getUint16(2)
  if (distance <= noEchoMillimeters) return { readings, remark: 'Dragino ldds75: the sensor has no echo' }
  readings.push(...readDistance(distance / 1000, device))
  return { readings }
}
