import type { Reading } from './codec.ts'
import { readFields } from './field-names.ts'
import { isObject, type JsonObject, numberOf } from './json.ts'

/*
 * Fields of the codecs that makers publish for LoRaWAN servers (https://github.com/Milesight-IoT/SensorDecoders) whose
 * names mean something else in other families: they are read by the kind of device. Milesight's give numbers in place
 * of words where RAW_VALUE is set in them.
 */

type Value = Reading['value']
type Read = (value: unknown) => Readonly<Record<string, Value>> | undefined

const scaled =
  (metric: string, factor = 1): Read =>
  (value) => {
    const read = numberOf(value)
    return read === undefined ? undefined : { [metric]: Number((read * factor).toPrecision(12)) }
  }
const words =
  (meanings: Readonly<Record<string, Readonly<Record<string, Value>>>>): Read =>
  (value) => {
    const word = String(value).toLowerCase().replaceAll('_', ' ')
    return Object.hasOwn(meanings, word) ? meanings[word] : undefined
  }

const gas = words({
  alarm: { isGas: true },
  abnormal: { isGas: true },
  1: { isGas: true },
  normal: { isGas: false },
  0: { isGas: false },
})
/** EM500-SWL: metres of water above the probe. */
const depth = scaled('waterLevelCentimeters', 100)
const someone = { isFallen: false, isOccupied: true }
const nobody = { isFallen: false, isOccupied: false }
const fallen = { isFallen: true, isOccupied: true }
const fall = words({
  'alarm triggered': { isFallen: true },
  1: { isFallen: true },
  'alarm deactivated': { isFallen: false },
  2: { isFallen: false },
})
const testing = { isTest: true }

/** Fields in lower case by kind of device. */
const byKind: Readonly<Record<string, Readonly<Record<string, Read>>>> = {
  gas: {
    gas_status: gas,
    /** GS101 with older codecs. */
    state: gas,
    alarm: words({
      'device fault': { isFault: true },
      'device fault recovered': { isFault: false },
      'device will be invalid soon': { isFault: true },
      'device invalid': { isFault: true },
    }),
  },
  smoke: {
    // GS524N. A fire after a test must not count as the test.
    event: words({
      alarm: { isTest: false, isSmoke: true },
      normal: { isTest: false, isSmoke: false },
      'low battery': { isBatteryLow: true },
      removed: { isTampered: true },
      installed: { isTampered: false },
      'testing alarm with normal battery': testing,
      'testing alarm with low battery': { ...testing, isBatteryLow: true },
    }),
  },
  // VS373. Of several alarms in one uplink the last is how things are.
  'presence-radar': {
    detection_status: words({
      normal: someone,
      0: someone,
      vacant: nobody,
      1: nobody,
      'in bed': someone,
      2: someone,
      'out of bed': someone,
      3: someone,
      fall: fallen,
      4: fallen,
    }),
    events: (value) => {
      const falls = Array.isArray(value)
        ? value.filter((each) => isObject(each) && (each.alarm_type === 'fall' || each.alarm_type === 0))
        : []
      return fall((falls.at(-1) as JsonObject | undefined)?.alarm_status)
    },
    fall_alarm: (value) => fall(isObject(value) ? String(value.alarm_status).split(',').at(-1)?.trim() : undefined),
    respiratory_rate: scaled('breathRatePerMinute'),
  },
  /** EM500-PP: kPa, where the same name is hPa of the air elsewhere. */
  pressure: { pressure: scaled('pressureKilopascals') },
  'water-level': { depth },
  manhole: { depth },
}

const onOff = words({ on: { isOn: true }, 1: { isOn: true }, off: { isOn: false }, 0: { isOn: false } })
const everyKind: Readonly<Record<string, Read>> = { active_power: scaled('powerWatts'), socket_status: onOff }
/** Sockets and switches that meter, WS52x and their like: milliamperes and watt-hours. */
const meter: Readonly<Record<string, Read>> = {
  current: scaled('currentAmperes', 1 / 1000),
  power_consumption: scaled('energyKilowattHours', 1 / 1000),
  power_sum: scaled('energyKilowattHours', 1 / 1000),
  /** Older codecs, of the contact. */
  state: words({ open: { isOn: true }, close: { isOn: false } }),
}

/**
 * Milesight's meters count whole milliamperes and give the power factor in percent; a meter that tells amperes gives it
 * as a fraction.
 */
function isMilesightMeter(fields: JsonObject): boolean {
  if (fields.current !== undefined && !Number.isInteger(numberOf(fields.current))) return false
  if (['socket_status', 'power_consumption', 'power_sum'].some((name) => Object.hasOwn(fields, name))) return true
  return (numberOf(fields.power_factor ?? fields.factor) ?? 0) > 1
}

/** Reads the fields of a codec in a LoRaWAN server's device profile. */
export function readLorawanFields(fields: JsonObject, kind: string | undefined): Reading[] {
  const ofKind = kind !== undefined && Object.hasOwn(byKind, kind) ? byKind[kind]! : {}
  const own = { ...everyKind, ...(isMilesightMeter(fields) ? meter : {}), ...ofKind }
  const readings: Reading[] = []
  // Without a prototype: names come from outside, and __proto__ is one.
  const rest: Record<string, unknown> = Object.create(null)
  for (const name of Object.keys(fields)) {
    const key = name.toLowerCase()
    if (!Object.hasOwn(own, key)) rest[name] = fields[name]
    else for (const [metric, value] of Object.entries(own[key]!(fields[name]) ?? {})) readings.push({ metric, value })
  }
  const others = readFields(rest, kind)
  return [...readings, ...others.filter(({ metric }) => readings.every((reading) => reading.metric !== metric))]
}

/** What a sensor tells of itself when it joins, and what is read elsewhere. */
const selfDescription = new Set([
  'ipso_version',
  'hardware_version',
  'firmware_version',
  'tsl_version',
  'sn',
  'lorawan_class',
  'reset_event',
  'device_status',
  'history',
])

/** The fields nobody reads, of those that tell of the world. */
export function unreadFields(fields: JsonObject, kind: string | undefined): JsonObject {
  return Object.fromEntries(
    Object.entries(fields).filter(
      ([name, value]) => !selfDescription.has(name) && readLorawanFields({ [name]: value }, kind).length === 0,
    ),
  )
}
