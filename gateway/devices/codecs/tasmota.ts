import { Type } from 'typebox'
import { wrongMessage } from '../../core/message-words.ts'
import type { Codec, Decoded, Message, Reading, Report, Route } from './codec.ts'
import {
  booleanOf,
  fieldNames,
  isObject,
  type JsonObject,
  numberOf,
  objectAt,
  push,
  readObject,
  readText,
  textOf,
} from './json.ts'

interface Options {
  switchMetric?: string
}

/** Fields of any sensor block, and their metrics. */
const sensorFields: ReadonlyArray<[field: string, metric: string]> = [
  ['Humidity', 'humidityPercent'],
  ['CarbonDioxide', 'carbonDioxidePpm'],
  ['PM2.5', 'pm25MicrogramsPerCubicMeter'],
  ['PM10', 'pm10MicrogramsPerCubicMeter'],
  ['Illuminance', 'illuminanceLux'],
]
const energyFields: ReadonlyArray<[field: string, metric: string]> = [
  ['Power', 'powerWatts'],
  ['Voltage', 'voltageVolts'],
  ['Current', 'currentAmperes'],
  ['Total', 'energyKilowattHours'],
]

function decode({ topic, payload }: Message, route: Route): Decoded {
  const parts = topic.split('/')
  const type = parts.at(-1)!
  const address = parts.at(-2)
  if (address === undefined)
    return { notUnderstood: wrongMessage('wrong-topic', { expected: 'tele/<topic>/{SENSOR | STATE | LWT}' }) }
  if (type === 'LWT') {
    const word = readText(payload)
    if (word !== 'Online' && word !== 'Offline')
      return { notUnderstood: wrongMessage('word-expected', { words: 'Online, Offline', field: type }) }
    return { reports: [{ address, isUp: word === 'Online' }] }
  }
  if (type.startsWith('POWER')) {
    const isOn = booleanOf(readText(payload))
    return isOn === undefined
      ? { notUnderstood: wrongMessage('word-expected', { words: 'ON, OFF', field: type }) }
      : { reports: [{ address, readings: [{ metric: 'isOn', value: isOn }] }] }
  }
  if (type !== 'SENSOR' && type !== 'STATE' && type !== 'STATUS10' && type !== 'STATUS8') return { reports: [] }
  const message = readObject(payload)
  if (!message) return { notUnderstood: wrongMessage('object-expected') }
  if (type === 'STATE') return { reports: [{ address, readings: readState(message) }] }
  return readSensors(objectAt(message, 'StatusSNS') ?? message, address, route)
}

function readState(message: JsonObject): Reading[] {
  const readings: Reading[] = []
  push(readings, 'isOn', booleanOf(message.POWER ?? message.POWER1))
  const wifi = objectAt(message, 'Wifi')
  if (wifi) push(readings, 'signalDbm', numberOf(wifi.Signal))
  return readings
}

function readSensors(message: JsonObject, address: string, route: Route): Decoded {
  const zigbee = objectAt(message, 'ZbReceived')
  if (zigbee) return { reports: Object.values(zigbee).flatMap((entry) => zigbeeReport(entry) ?? []) }
  const readings: Reading[] = []
  const isFahrenheit = message.TempUnit === 'F'
  for (const [name, block] of Object.entries(message)) {
    if (name === 'ENERGY' && isObject(block)) {
      for (const [field, metric] of energyFields) push(readings, metric, sumOf(block[field]))
    } else if (isObject(block)) readBlock(block, isFahrenheit, readings)
  }
  const device = route.own ?? route.find(address)
  const { switchMetric } = (device?.options ?? {}) as Options
  if (switchMetric !== undefined) push(readings, switchMetric, booleanOf(message.Switch1))
  if (readings.length === 0) {
    const why = 'Switch1' in message ? 'switch-unmapped' : 'fields-unmapped'
    return { notUnderstood: wrongMessage(why, { fields: fieldNames(message) }) }
  }
  return { reports: [{ address, readings }] }
}

function readBlock(block: JsonObject, isFahrenheit: boolean, readings: Reading[]): void {
  const temperature = numberOf(block.Temperature)
  if (temperature !== undefined)
    push(readings, 'temperatureCelsius', isFahrenheit ? Math.round((temperature - 32) * 50) / 90 : temperature)
  for (const [field, metric] of sensorFields) push(readings, metric, numberOf(block[field]))
  const pressure = numberOf(block.Pressure)
  if (pressure !== undefined) push(readings, 'pressureHectopascals', pressure)
  const distance = numberOf(block.Distance)
  // Ultrasonic modules behind Tasmota tell centimetres.
  if (distance !== undefined) push(readings, 'distanceMeters', distance / 100)
}

/** Sums the phases of a three-phase meter. */
function sumOf(value: unknown): number | undefined {
  if (!Array.isArray(value)) return numberOf(value)
  const phases = value.map(numberOf)
  return phases.every((phase) => phase !== undefined) && phases.length > 0
    ? phases.reduce((sum, phase) => sum! + phase!, 0)
    : undefined
}

/** One device behind a Zigbee bridge that runs Tasmota. */
function zigbeeReport(entry: unknown): Report | undefined {
  if (!isObject(entry)) return undefined
  const address = textOf(entry.Name) ?? textOf(entry.Device)
  if (address === undefined) return undefined
  const readings: Reading[] = []
  push(readings, 'temperatureCelsius', numberOf(entry.Temperature))
  push(readings, 'humidityPercent', numberOf(entry.Humidity))
  push(readings, 'batteryPercent', numberOf(entry.BatteryPercentage))
  push(readings, 'linkQuality', numberOf(entry.LinkQuality))
  push(readings, 'isOpen', booleanOf(entry.Contact))
  push(readings, 'isOccupied', booleanOf(entry.Occupancy))
  push(readings, 'isWet', booleanOf(entry.Water))
  push(readings, 'isSmoke', booleanOf(entry.Fire))
  return { address, readings }
}

/**
 * Tasmota (https://tasmota.github.io/docs/MQTT/): `tele/<topic>/SENSOR`, `STATE`, `LWT`. The address is the device's
 * topic. `Time` is local time without a zone, so it is not used.
 */
export const tasmota: Codec = {
  kind: 'tasmota',
  options: Type.Object(
    {
      switchMetric: Type.Optional(
        Type.String({ description: 'What its dry contact (Switch1) means: isOpen, isWet, isSmoke …' }),
      ),
    },
    { additionalProperties: false, default: {} },
  ),
  filters: ['tele/+/+', 'stat/+/+'],
  recognises: ({ topic }) => topic.startsWith('tele/') || topic.startsWith('stat/'),
  decode,
}
