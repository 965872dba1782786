import type { Reading } from './codec.ts'
import { booleanOf, isObject, type JsonObject, numberOf, textOf } from './json.ts'

type Value = Reading['value']
/** Our metric for a field of somebody else's, and how its value is read. Undefined: it says nothing. */
interface Field {
  metric: string
  read(value: unknown): Value | undefined
}

const number = (metric: string, factor = 1): Field => ({
  metric,
  read(value) {
    const read = numberOf(value)
    // One rounding in decimal: 21.5 tenths must not become 2.1500000000000004.
    return read === undefined || factor === 1 ? read : Number((read * factor).toPrecision(12))
  },
})
const flag = (metric: string): Field => ({ metric, read: booleanOf })
const inverted = (metric: string): Field => ({
  metric,
  read(value) {
    const read = booleanOf(value)
    return read === undefined ? undefined : !read
  },
})
const word = (metric: string, words: Readonly<Record<string, Value>>): Field => ({
  metric,
  read(value) {
    const key = String(value).toLowerCase()
    return Object.hasOwn(words, key) ? words[key] : undefined
  },
})

const lockWords = {
  locked: 'locked',
  lock: 'locked',
  unlocked: 'unlocked',
  unlock: 'unlocked',
  not_fully_locked: 'jammed',
  jammed: 'jammed',
}
const leakWords = {
  leak: true,
  leaking: true,
  'no leak': false,
  normal: false,
  dry: false,
  wet: true,
  true: true,
  false: false,
}
const openWords = { open: true, opened: true, close: false, closed: false, true: true, false: false, 1: true, 0: false }
const fallWords = { fall: true, fallen: true, maybe_fall: true, none: false, normal: false, true: true, false: false }

/**
 * Fields as Zigbee2MQTT exposes them (https://www.zigbee2mqtt.io/guide/usage/exposes.html), and as the decoders that
 * Milesight and Dragino publish for LoRaWAN servers name them.
 */
const fields: Readonly<Record<string, Field>> = {
  temperature: number('temperatureCelsius'),
  local_temperature: number('temperatureCelsius'),
  tempc_sht: number('temperatureCelsius'),
  tempc_ds: number('temperatureCelsius'),
  humidity: number('humidityPercent'),
  hum_sht: number('humidityPercent'),
  pressure: number('pressureHectopascals'),
  barometric_pressure: number('pressureHectopascals'),
  battery: number('batteryPercent'),
  battery_percent: number('batteryPercent'),
  battery_low: flag('isBatteryLow'),
  batv: number('batteryVolts'),
  bat_v: number('batteryVolts'),
  battery_voltage: number('batteryVolts'),
  linkquality: number('linkQuality'),
  rssi: number('signalDbm'),
  contact: inverted('isOpen'),
  magnet_status: word('isOpen', openWords),
  door_open_status: word('isOpen', openWords),
  door: word('isOpen', openWords),
  occupancy: word('isOccupied', { occupied: true, vacant: false, true: true, false: false, 1: true, 0: false }),
  presence: flag('isOccupied'),
  motion: flag('isMotion'),
  pir: word('isMotion', { trigger: true, idle: false, true: true, false: false, 1: true, 0: false }),
  water_leak: word('isWet', leakWords),
  leakage_status: word('isWet', leakWords),
  leak_status: word('isWet', leakWords),
  water_leak_status: word('isWet', { ...leakWords, 1: true, 0: false }),
  smoke: flag('isSmoke'),
  gas: flag('isGas'),
  carbon_monoxide: flag('isCarbonMonoxide'),
  co: number('carbonMonoxidePpm'),
  illuminance: number('illuminanceLux'),
  illuminance_lux: number('illuminanceLux'),
  illumination: number('illuminanceLux'),
  tamper: flag('isTampered'),
  tamper_status: word('isTampered', { uninstalled: true, installed: false, true: true, false: false }),
  test: flag('isTest'),
  co2: number('carbonDioxidePpm'),
  pm25: number('pm25MicrogramsPerCubicMeter'),
  pm2_5: number('pm25MicrogramsPerCubicMeter'),
  pm10: number('pm10MicrogramsPerCubicMeter'),
  noise: number('soundLevelDecibels'),
  power: number('powerWatts'),
  energy: number('energyKilowattHours'),
  current: number('currentAmperes'),
  brightness: number('brightnessPercent', 100 / 254),
  lock_state: word('lockState', lockWords),
  vibration: flag('isMoved'),
  tilt: flag('isMoved'),
  target_distance: number('distanceMeters'),
  detection_distance: number('distanceMeters'),
  fall_down_status: word('isFallen', fallWords),
  liquid_depth: number('waterLevelCentimeters', 100),
  water_consumed: number('volumeCubicMeters'),
  flow: number('flowLitersPerHour', 1000),
  /** Metres per second squared and the like are not ours to guess; a bare angle is. */
  angle: number('tiltDegrees'),
}

/** Buttons: the many words for four kinds of press. Milesight's codecs, told to give raw values, number three of them. */
const presses: Readonly<Record<string, string>> = {
  emergency: 'emergency',
  sos: 'emergency',
  panic: 'emergency',
  single: 'single',
  press: 'single',
  click: 'single',
  short: 'single',
  single_press: 'single',
  short_press: 'single',
  on: 'single',
  toggle: 'single',
  1: 'single',
  double: 'double',
  double_press: 'double',
  triple: 'double',
  triple_press: 'double',
  quadruple: 'double',
  quadruple_press: 'double',
  many: 'double',
  3: 'double',
  hold: 'long',
  long: 'long',
  long_press: 'long',
  2: 'long',
}
/** `2_single`, `button_2_single`: which of its buttons. */
const whichButton = /^(button_)?\d+_(?=.)/
/** What a button says when the finger leaves it, or when nothing happens. */
const isNoPress = /(^|_)released?$|_stop$|^(up|idle|none|null|no|false|0)$/

const actionWord = (action: unknown): string | undefined =>
  (typeof action === 'number' ? String(action) : textOf(action))
    ?.trim()
    .toLowerCase()
    .replaceAll(' ', '_')
    .replace(whichButton, '')

/**
 * Our word for a press, or undefined for releases and what is no press. Of a device that only calls for help, a word
 * nobody knows is told as it came: no press is left out.
 */
export function pressOf(action: unknown, kind?: string): string | undefined {
  const word = actionWord(action)
  if (word === undefined || word === '') return undefined
  if (Object.hasOwn(presses, word)) return presses[word]
  return kind === 'sos' && !isNoPress.test(word) ? word : undefined
}

/** Our metric for a foreign field name, or the name itself. */
export function metricNameOf(field: string): string {
  const key = field.toLowerCase()
  if (key === 'action' || key === 'press' || key === 'button_event') return 'sosPress'
  return Object.hasOwn(fields, key) ? fields[key]!.metric : field
}

/** Device kinds whose buttons call for help; on others a press switches the light. */
const kindsOfHelp = new Set(['sos', 'wearable', undefined])
/** Battery devices tell millivolts in `voltage`, mains devices volts. */
const leastMillivolts = 1000

/** Reads every field that is known by name. Of unknown fields it says nothing. */
export function readFields(message: JsonObject, kind?: string): Reading[] {
  const readings: Reading[] = []
  const add = (metric: string, value: Value | undefined) => {
    if (value !== undefined && !readings.some((reading) => reading.metric === metric)) readings.push({ metric, value })
  }
  for (const name in message) {
    const value = message[name]
    if (value === null || value === undefined) continue
    const key = name.toLowerCase()
    if (Object.hasOwn(fields, key)) {
      const field = fields[key]!
      add(field.metric, field.read(value))
    } else if (key === 'action' || key === 'press' || key === 'button_event') {
      const press = pressOf(isObject(value) ? value.status : value, kind)
      if (press === 'emergency' || kindsOfHelp.has(kind)) add('sosPress', press)
    } else if (key === 'voltage') {
      const voltage = numberOf(value)
      if (voltage !== undefined && voltage >= leastMillivolts) add('batteryVolts', voltage / 1000)
      else add('voltageVolts', voltage)
    } else if (key === 'state') {
      const state = String(value).toLowerCase()
      if (state === 'on' || state === 'off') add('isOn', state === 'on')
      else if (Object.hasOwn(lockWords, state)) add('lockState', lockWords[state as keyof typeof lockWords])
    } else if (key === 'distance') {
      // Milesight and Dragino gauges look down at water or waste in millimetres; radars tell metres.
      const distance = numberOf(value)
      if (distance !== undefined) add('distanceMeters', kind === 'presence-radar' ? distance : distance / 1000)
    }
  }
  return readings
}
