import { Type } from 'typebox'
import { describeKind } from '../../core/device-kind.ts'
import { wrongMessage } from '../../core/message-words.ts'
import type { Codec, CodecDevice, Decoded, Message, NotUnderstood, Reading, Route } from './codec.ts'
import { readDistance } from './distance.ts'
import {
  fieldNames,
  instantOf,
  isObject,
  type JsonObject,
  numberOf,
  objectAt,
  push,
  readObject,
  textOf,
} from './json.ts'
import { type DraginoModel, draginoModels, readDragino } from './lorawan-dragino.ts'
import { readLorawanFields, unreadFields } from './lorawan-fields.ts'
import type { StoredReadings } from './lorawan-history.ts'
import { type RawReadings, readMilesight } from './lorawan-milesight.ts'

type Understandable = Exclude<RawReadings, NotUnderstood>

interface Options {
  decoder?: string
  mountedAtCentimeters?: number
}

/** An uplink carries at most 242 bytes: no sensor tells more rows at once. */
const maxStored = 64

const decoders = ['milesight', ...draginoModels.map((model) => `dragino-${model}`)]

/** Events beside up and status: they are about the radio, not about the world. */
const otherEvents = new Set(['join', 'ack', 'txack', 'log', 'error', 'location', 'integration'])

function decode({ topic, payload }: Message, route: Route): Decoded {
  const parts = topic.split('/')
  const event = parts.at(-1) === 'rx' ? 'up' : parts.at(-1)!
  const at = parts.lastIndexOf('device')
  const address = at < 0 ? undefined : parts[at + 1]?.toLowerCase()
  if (otherEvents.has(event)) return { reports: [] }
  if (address === undefined || (event !== 'up' && event !== 'status'))
    return { notUnderstood: wrongMessage('wrong-topic', { expected: 'application/<id>/device/<devEUI>/event/up' }) }
  const message = readObject(payload)
  if (!message) return { notUnderstood: wrongMessage('chirpstack-json') }
  const device = route.own ?? route.find(address)
  const deviceAt = instantOf(message.time ?? message.publishedAt)
  const about = { address, ...(deviceAt === undefined ? {} : { deviceAt }) }
  const discoveries = device ? undefined : [discoveryOf(message, address)]
  const found = event === 'status' ? readStatus(message) : readUplink(message, device)
  if ('notUnderstood' in found) return found
  const stored = (found.stored ?? []).map(({ at: deviceAt, readings }) => ({
    address,
    deviceAt,
    isStored: true,
    readings,
  }))
  return {
    reports: [{ ...about, readings: found.readings }, ...stored],
    ...(found.remark === undefined ? {} : { remark: found.remark }),
    ...(discoveries ? { discoveries } : {}),
  }
}

function readStatus(message: JsonObject): RawReadings {
  const readings: Reading[] = []
  const isPowered = message.externalPowerSource === true || message.batteryLevelUnavailable === true
  const battery = numberOf(message.batteryLevel)
  if (battery !== undefined && battery >= 0 && !isPowered) push(readings, 'batteryPercent', battery)
  return { readings }
}

function readUplink(message: JsonObject, device: CodecDevice | undefined): RawReadings {
  const info = objectAt(message, 'deviceInfo')
  const decoded = decodedObject(message)
  let found: RawReadings = {
    notUnderstood: wrongMessage('fields-expected', {
      expected: 'object, objectJSON, data',
      fields: fieldNames(message),
    }),
  }
  if (decoded) {
    const readings = readDecoded(decoded, device)
    const stored = readStored(decoded.history, device)
    found =
      readings.length > 0 || stored.length > 0
        ? { readings, stored }
        : { notUnderstood: wrongMessage('fields-unknown', { fields: fieldNames(decoded) }) }
  }
  const data = textOf(message.data)
  if (!tellsOfItsKind(found, device)) {
    const profile = textOf(info?.deviceProfileName ?? message.deviceProfileName)
    const raw =
      data === undefined ? undefined : readRaw(data, numberOf(message.fPort), decoderOf(device, profile), device)
    if (raw && 'notUnderstood' in found) found = raw
    else if (raw && 'readings' in found && tellsOfItsKind(raw, device)) found = joined(found, raw)
    else if (decoded && 'readings' in found) found = withUnread(found, decoded, device)
    else if (data !== undefined && !decoded)
      found = { notUnderstood: wrongMessage('no-decoder', { decoders: decoders.join(', ') }) }
  }
  if ('notUnderstood' in found) return found
  const gateways = Array.isArray(message.rxInfo) ? message.rxInfo.filter(isObject) : []
  const strengths = gateways.flatMap(({ rssi }) => numberOf(rssi) ?? [])
  if (strengths.length > 0) push(found.readings, 'signalDbm', Math.max(...strengths))
  return found
}

/** Whether it says what such a device is there for, and not only how its battery is. */
function tellsOfItsKind(found: RawReadings, device: CodecDevice | undefined): boolean {
  if ('notUnderstood' in found) return false
  const kind = device && describeKind(device.kind)
  if (!kind || (found.stored?.length ?? 0) > 0) return true
  const metrics: readonly string[] = kind.metrics
  return found.readings.some(({ metric }) => metrics.includes(metric))
}

/** What the profile's codec said, and of the bytes what it left out. */
function joined(found: Understandable, raw: RawReadings): RawReadings {
  if ('notUnderstood' in raw) return found
  const isNew = ({ metric }: Reading) => found.readings.every((reading) => reading.metric !== metric)
  return { ...raw, readings: [...found.readings, ...raw.readings.filter(isNew)] }
}

/** A battery is good news of a sensor whose own words nobody understood: the integrator must hear of them. */
function withUnread(found: Understandable, decoded: JsonObject, device: CodecDevice | undefined): RawReadings {
  const fields = fieldNames(unreadFields(decoded, device?.kind))
  if (fields === fieldNames({})) return found
  return { ...found, remark: wrongMessage('fields-left-out', { fields, kind: device?.kind ?? '' }) }
}

/** The fields of a codec in the device profile. */
function readDecoded(fields: JsonObject, device: CodecDevice | undefined): Reading[] {
  const readings = readLorawanFields(fields, device?.kind)
  const distance = readings.find(({ metric }) => metric === 'distanceMeters')?.value
  if (typeof distance === 'number') readings.push(...readDistance(distance, device).slice(1))
  return readings
}

/** As Milesight's published decoders hand on what a sensor kept: a list of fields, each with its time in seconds. */
function readStored(history: unknown, device: CodecDevice | undefined): StoredReadings[] {
  if (!Array.isArray(history) || !device) return []
  return history.slice(0, maxStored).flatMap((row) => {
    const at = isObject(row) ? instantOf(row.timestamp) : undefined
    return at === undefined ? [] : [{ at, readings: readDecoded(row as JsonObject, device) }]
  })
}

/** `object` (v4, and v3 with the old marshaler) or `objectJSON` (v3). */
function decodedObject(message: JsonObject): JsonObject | undefined {
  const object = objectAt(message, 'object')
  if (object) return object
  const text = message.objectJSON
  if (typeof text !== 'string' || text === '') return undefined
  try {
    const parsed: unknown = JSON.parse(text)
    return isObject(parsed) ? parsed : undefined
  } catch {
    return undefined
  }
}

/** The decoder of the site file, or the one whose maker and model stand in the name of the device profile. */
function decoderOf(device: CodecDevice | undefined, profile: string | undefined): string | undefined {
  const { decoder } = (device?.options ?? {}) as Options
  if (decoder !== undefined) return decoder
  const name = profile?.toLowerCase() ?? ''
  if (name.includes('milesight')) return 'milesight'
  const model = draginoModels.find((each) => name.includes(each))
  return model && `dragino-${model}`
}

function readRaw(
  data: string,
  port: number | undefined,
  decoder: string | undefined,
  device: CodecDevice | undefined,
): RawReadings | undefined {
  if (decoder === undefined) return undefined
  const bytes = Uint8Array.from(Buffer.from(data, 'base64'))
  if (decoder === 'milesight') return readMilesight(bytes, device)
  return readDragino(decoder.slice('dragino-'.length) as DraginoModel, { bytes, port }, device)
}

function discoveryOf(message: JsonObject, address: string) {
  const info = objectAt(message, 'deviceInfo') ?? message
  const name = textOf(info.deviceName)
  const model = textOf(info.deviceProfileName)
  const decoded = decodedObject(message)
  return {
    address,
    ...(name === undefined ? {} : { name }),
    ...(model === undefined ? {} : { model }),
    offers: decoded ? Object.keys(decoded).slice(0, 64) : [],
  }
}

/**
 * ChirpStack v3 and v4 over MQTT with the JSON marshaler (https://www.chirpstack.io/docs/chirpstack/integrations/events.html).
 * The address is the devEUI. Values come decoded by the device profile's codec, or as bytes for a decoder of ours.
 */
export const chirpstack: Codec = {
  kind: 'chirpstack',
  options: Type.Object(
    {
      decoder: Type.Optional(
        Type.Union(
          decoders.map((name) => Type.Literal(name)),
          { description: 'Of raw bytes, where ChirpStack has no codec for the device.' },
        ),
      ),
      mountedAtCentimeters: Type.Optional(
        Type.Number({
          exclusiveMinimum: 0,
          description: 'Of gauges that look down: from the gauge to the ground. Gives water level and filling.',
        }),
      ),
    },
    { additionalProperties: false, default: {} },
  ),
  filters: ['application/+/device/+/event/+', 'application/+/device/+/rx'],
  recognises: ({ topic }) => topic.startsWith('application/') && topic.includes('/device/'),
  decode,
}
