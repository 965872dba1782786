import { wrongMessage } from '../../core/message-words.ts'
import type { Codec, Decoded, Message, Reading, Route } from './codec.ts'
import {
  booleanOf,
  fieldNames,
  instantOf,
  isObject,
  type JsonObject,
  numberOf,
  objectAt,
  push,
  readJson,
  readText,
} from './json.ts'
import { noOptions } from './no-options.ts'

/*
 * Shelly. Gen1 (https://shelly-api-docs.shelly.cloud/gen1/#mqtt) publishes bare values below shellies/<id>/;
 * Gen2 to Gen4 (https://shelly-api-docs.shelly.cloud/gen2/) publish <id>/events/rpc, <id>/status/<component>, <id>/online.
 */

type Read = (value: unknown) => Reading['value'] | undefined
const watts: Read = numberOf
const perThousand: Read = (value) => {
  const number = numberOf(value)
  return number === undefined ? undefined : number / 1000
}
/** Gen1 relays count watt-minutes. */
const wattMinutes: Read = (value) => {
  const number = numberOf(value)
  return number === undefined ? undefined : number / 60_000
}
const isAlarm: Read = (value) =>
  typeof value === 'string'
    ? value === 'unknown'
      ? undefined
      : value !== 'none' && booleanOf(value) !== false
    : booleanOf(value)

/** Topics of Gen1 below the device, channel numbers taken out. */
const firstGeneration: Readonly<Record<string, [metric: string, read: Read]>> = {
  relay: ['isOn', booleanOf],
  'relay/power': ['powerWatts', watts],
  'relay/energy': ['energyKilowattHours', wattMinutes],
  'emeter/power': ['powerWatts', watts],
  'emeter/voltage': ['voltageVolts', numberOf],
  'emeter/current': ['currentAmperes', numberOf],
  'emeter/total': ['energyKilowattHours', perThousand],
  'sensor/temperature': ['temperatureCelsius', numberOf],
  'sensor/humidity': ['humidityPercent', numberOf],
  'sensor/battery': ['batteryPercent', numberOf],
  'sensor/flood': ['isWet', booleanOf],
  'sensor/smoke': ['isSmoke', booleanOf],
  'sensor/gas': ['isGas', isAlarm],
  'sensor/state': ['isOpen', booleanOf],
  'sensor/lux': ['illuminanceLux', numberOf],
  'sensor/tilt': ['tiltDegrees', (value) => (numberOf(value) === -1 ? undefined : numberOf(value))],
  'sensor/vibration': ['isMoved', booleanOf],
}
const firstPresses: Readonly<Record<string, string>> = { S: 'single', SS: 'double', SSS: 'double', L: 'long' }
const presses: Readonly<Record<string, string>> = {
  single_push: 'single',
  double_push: 'double',
  triple_push: 'double',
  long_push: 'long',
}

function decode(message: Message, route: Route): Decoded {
  const parts = message.topic.split('/')
  return parts[0] === 'shellies' ? decodeFirst(parts, message, route) : decodeLater(parts, message, route)
}

const isButton = (address: string, route: Route) => {
  const kind = (route.own ?? route.find(address))?.kind
  return kind === undefined || kind === 'sos'
}

function decodeFirst(parts: readonly string[], { payload }: Message, route: Route): Decoded {
  const address = parts[1]
  if (address === undefined || parts.length < 3) return { reports: [] }
  const what = parts
    .slice(2)
    .filter((part) => !/^\d+$/.test(part))
    .join('/')
  const text = readText(payload)
  if (what === 'online') return availability(address, text)
  if (what === 'input_event') {
    const event = readJson(payload)
    const press = isObject(event) ? firstPresses[String(event.event)] : undefined
    const readings: Reading[] = []
    if (isButton(address, route)) push(readings, 'sosPress', press)
    return { reports: [{ address, readings }] }
  }
  if (what === 'status') {
    const status = readJson(payload)
    if (!isObject(status)) return { notUnderstood: wrongMessage('object-expected') }
    const readings: Reading[] = []
    push(readings, 'isMotion', booleanOf(status.motion))
    push(readings, 'isMoved', booleanOf(status.vibration))
    push(readings, 'illuminanceLux', numberOf(status.lux))
    push(readings, 'batteryPercent', numberOf(status.bat))
    return { reports: [{ address, readings }] }
  }
  if (!Object.hasOwn(firstGeneration, what)) return { reports: [] }
  const [metric, read] = firstGeneration[what]!
  const value = read(text)
  if (value === undefined)
    return { notUnderstood: wrongMessage('no-value-of', { value: text?.slice(0, 40) ?? '…', field: what }) }
  return { reports: [{ address, readings: [{ metric, value }] }] }
}

function availability(address: string, text: string | undefined): Decoded {
  const isUp = booleanOf(text)
  return isUp === undefined
    ? { notUnderstood: wrongMessage('word-expected', { words: 'true, false', field: 'online' }) }
    : { reports: [{ address, isUp }] }
}

function decodeLater(parts: readonly string[], { payload }: Message, route: Route): Decoded {
  const what = parts.findIndex((part) => part === 'events' || part === 'status' || part === 'online')
  if (what < 1)
    return {
      notUnderstood: wrongMessage('wrong-topic', { expected: '<id>/{events/rpc | status/<component> | online}' }),
    }
  const address = parts.slice(0, what).join('/')
  if (parts[what] === 'online') return availability(address, readText(payload))
  const message = readJson(payload)
  if (!isObject(message)) return { notUnderstood: wrongMessage('object-expected') }
  const readings: Reading[] = []
  if (parts[what] === 'status') {
    readComponent(parts[what + 1] ?? '', message, address, route, readings)
    return { reports: [{ address, readings }] }
  }
  const params = objectAt(message, 'params')
  if (!params)
    return { notUnderstood: wrongMessage('fields-expected', { expected: 'params', fields: fieldNames(message) }) }
  if (message.method === 'NotifyEvent') {
    for (const event of Array.isArray(params.events) ? params.events : [])
      if (isObject(event) && isButton(address, route)) push(readings, 'sosPress', presses[String(event.event)])
  } else
    for (const [name, status] of Object.entries(params)) {
      if (isObject(status)) readComponent(name, status, address, route, readings)
    }
  const deviceAt = instantOf(params.ts)
  return { reports: [{ address, readings, ...(deviceAt === undefined ? {} : { deviceAt }) }] }
}

/** One component's status: `switch:0`, `temperature:0` … A notification holds only what has changed. */
function readComponent(name: string, status: JsonObject, address: string, route: Route, readings: Reading[]): void {
  const add = (metric: string, value: Reading['value'] | undefined) => {
    if (!readings.some((reading) => reading.metric === metric)) push(readings, metric, value)
  }
  switch (name.split(':')[0]) {
    case 'switch':
    case 'pm1':
    case 'em1': {
      add('isOn', booleanOf(status.output))
      add('powerWatts', numberOf(status.apower ?? status.act_power))
      add('voltageVolts', numberOf(status.voltage))
      add('currentAmperes', numberOf(status.current))
      add('energyKilowattHours', perThousand(objectAt(status, 'aenergy')?.total))
      // The plug's own heat is a danger where bikes are charged, and nobody's business elsewhere.
      const kind = (route.own ?? route.find(address))?.kind
      if (kind === 'charging-pile' || kind === 'charging-shed')
        add('temperatureCelsius', numberOf(objectAt(status, 'temperature')?.tC))
      break
    }
    case 'em':
      add('powerWatts', numberOf(status.total_act_power))
      add('currentAmperes', numberOf(status.total_current))
      break
    case 'emdata':
      add('energyKilowattHours', perThousand(status.total_act))
      break
    case 'light':
      add('isOn', booleanOf(status.output))
      add('brightnessPercent', numberOf(status.brightness))
      break
    case 'temperature':
      add('temperatureCelsius', numberOf(status.tC))
      break
    case 'humidity':
      add('humidityPercent', numberOf(status.rh))
      break
    case 'illuminance':
      add('illuminanceLux', numberOf(status.lux))
      break
    case 'devicepower': {
      const battery = objectAt(status, 'battery')
      add('batteryPercent', numberOf(battery?.percent))
      add('batteryVolts', numberOf(battery?.V))
      break
    }
    case 'smoke':
      add('isSmoke', booleanOf(status.alarm))
      add('isMuted', booleanOf(status.mute))
      break
    case 'flood':
      add('isWet', booleanOf(status.alarm))
      break
    case 'presence':
    case 'presencezone':
      add('isOccupied', booleanOf(status.state ?? status.value))
      break
    case 'wifi':
      add('signalDbm', numberOf(status.rssi))
      break
  }
}

/** The address is the Shelly id: `shellyht-1A2B3C`, `shellyplus1pm-a8032ab12345`. */
export const shelly: Codec = {
  kind: 'shelly',
  options: noOptions,
  filters: ['shellies/#', '+/events/rpc', '+/status/+', '+/online'],
  recognises: ({ topic }) =>
    topic.startsWith('shellies/') ||
    (topic.startsWith('shelly') &&
      (topic.endsWith('/events/rpc') || topic.endsWith('/online') || topic.includes('/status/'))),
  decode,
}
