import { type Static, Type } from 'typebox'
import type { TelemetryPoint as CoreTelemetryPoint } from '../../core/ports.ts'
import { FieldError } from './error.ts'
import { Instant, toInstant, withInstants } from './instant.ts'
import { Id, LocalText, Place } from './place.ts'
import { Why } from './why.ts'

/** Of a measurement. */
export const Value = Type.Union([Type.Number(), Type.Boolean(), Type.String()])

/** A device as the registry knows it. Instants are epoch ms. */
export interface DeviceRow {
  id: string
  kind: string
  name: LocalText
  place: Place
  isUp: boolean
  lastSeenAt?: number
  /** Newest value of each metric. */
  values: Record<string, { value: number | boolean | string; at: number }>
  groups: readonly string[]
  codec: string
  address?: string
  heartbeatMs: number
  /** The elder whose it is. */
  elder?: string
  definedBy: 'site-file' | 'console'
  /** Why it is not as somebody wrote it down. */
  problem?: string
  problems?: readonly FieldError[]
  battery?: { percent?: number; isLow?: boolean; changePercent?: number; days?: number }
  signal?: { metric: 'signalDbm' | 'linkQuality'; value: number; change?: number; days?: number }
}

export const Device = Type.Object(
  {
    id: Id,
    kind: Type.String(),
    name: LocalText,
    place: Place,
    isUp: Type.Boolean(),
    lastSeenAt: Type.Optional(Instant),
    values: Type.Record(Type.String(), Type.Object({ value: Value, at: Instant }), {
      description: 'newest value of each metric; units are in the metric names',
    }),
    groups: Type.Array(Type.String(), { description: 'free labels' }),
    codec: Type.String(),
    address: Type.Optional(Type.String({ description: 'its name in its family' })),
    heartbeatSeconds: Type.Number(),
    elder: Type.Optional(Type.String({ description: 'id of the elder whose it is' })),
    definedBy: Type.Enum(['site-file', 'console'], {
      description: 'who wrote it down; the site file is changed there',
    }),
    problem: Type.Optional(Type.String({ description: 'why it is not as it is written down' })),
    problems: Type.Optional(
      Type.Unsafe<readonly FieldError[]>(Type.Array(FieldError, { description: 'the same one by one' })),
    ),
    battery: Type.Optional(
      Type.Object({
        percent: Type.Optional(Type.Number()),
        isLow: Type.Optional(Type.Boolean()),
        changePercent: Type.Optional(
          Type.Number({ description: 'percent points it went up (or down, negative) in `days`' }),
        ),
        days: Type.Optional(Type.Number({ description: 'span of the change; at most 30' })),
      }),
    ),
    signal: Type.Optional(
      Type.Object({
        metric: Type.Enum(['signalDbm', 'linkQuality']),
        value: Type.Number(),
        change: Type.Optional(Type.Number({ description: 'in the unit of the metric, in `days`' })),
        days: Type.Optional(Type.Number()),
      }),
    ),
  },
  { title: 'Device' },
)
export type Device = Static<typeof Device>

export const DeviceList = Type.Object(
  {
    items: Type.Array(Device),
    codecs: Type.Array(Type.String(), { description: 'families a device may be registered with' }),
  },
  { title: 'DeviceList' },
)
export type DeviceList = Static<typeof DeviceList>

export const TelemetryPoint = Type.Object({
  at: Type.Unsafe<string>({ ...Instant, description: "the value's instant, or the start of the minute or hour" }),
  value: Value,
  count: Type.Optional(Type.Integer({ description: 'of a minute or an hour, as are the extremes' })),
  minimum: Type.Optional(Type.Number()),
  maximum: Type.Optional(Type.Number()),
})
export type TelemetryPoint = Static<typeof TelemetryPoint>

export const TelemetrySeries = Type.Object({ items: Type.Array(TelemetryPoint) }, { title: 'TelemetrySeries' })
export type TelemetrySeries = Static<typeof TelemetrySeries>

export function deviceToWire(row: DeviceRow): Device {
  const { values, heartbeatMs, groups, ...rest } = row
  return {
    ...withInstants(rest, 'lastSeenAt'),
    groups: [...groups],
    heartbeatSeconds: heartbeatMs / 1000,
    values: Object.fromEntries(
      Object.entries(values).map(([metric, { value, at }]) => [metric, { value, at: toInstant(at) }]),
    ),
  }
}

export function telemetryPointToWire(point: CoreTelemetryPoint): TelemetryPoint {
  return { ...point, at: toInstant(point.at) }
}

/** A message that nobody understood. Instants are epoch ms. */
export interface InspectedRow {
  topic: string
  reason: string
  phrase: Why
  detail?: string
  device?: string
  count: number
  firstAt: number
  lastAt: number
  bytes: number
  beginning: Uint8Array
}

export const Inspected = Type.Object(
  {
    topic: Type.String(),
    reason: Type.String({ description: 'what was expected and what came' }),
    phrase: Type.Unsafe<Why>({ ...Why, description: 'the same for translation' }),
    detail: Type.Optional(Type.String({ description: 'particulars of the newest: the value that was refused' })),
    device: Type.Optional(Id),
    count: Type.Integer({ description: 'alike messages since the first' }),
    firstAt: Instant,
    lastAt: Instant,
    bytes: Type.Integer({ description: 'length of the newest payload' }),
    text: Type.Optional(Type.String({ description: 'its beginning, where it is text' })),
    hex: Type.String({ description: 'its beginning, byte by byte' }),
  },
  { title: 'Inspected' },
)
export type Inspected = Static<typeof Inspected>

export const InspectedList = Type.Object({ items: Type.Array(Inspected) }, { title: 'InspectedList' })
export type InspectedList = Static<typeof InspectedList>

/** Ends of a cut payload may fall into a character; what is no text at all shows more than one of these. */
const replacement = '\ufffd'

export function inspectedToWire({ beginning, ...row }: InspectedRow): Inspected {
  const text = new TextDecoder().decode(beginning)
  const isText = !/[^\P{Cc}\s]/u.test(text) && !text.includes(replacement)
  return {
    ...withInstants(row, 'firstAt', 'lastAt'),
    ...(isText ? { text } : {}),
    hex: Array.from(beginning, (byte) => byte.toString(16).padStart(2, '0')).join(''),
  }
}

/** A device that is not in the site file. Instants are epoch ms. */
export interface DiscoveredRow {
  codec: string
  address: string
  aliases: readonly string[]
  name?: string
  model?: string
  topic?: string
  offers: readonly string[]
  firstSeenAt: number
  lastSeenAt: number
}

export const Discovered = Type.Object(
  {
    codec: Type.String({ description: 'the codec to name in the site file' }),
    address: Type.String({ description: 'the address to name in the site file' }),
    aliases: Type.Array(Type.String(), { description: 'further names of it, which may be used as well' }),
    name: Type.Optional(Type.String()),
    model: Type.Optional(Type.String()),
    topic: Type.Optional(Type.String({ description: 'where it publishes its state, where it said so' })),
    offers: Type.Array(Type.String(), { description: 'what it says it measures, or has sent' }),
    firstSeenAt: Instant,
    lastSeenAt: Instant,
  },
  { title: 'Discovered' },
)
export type Discovered = Static<typeof Discovered>

export const DiscoveredList = Type.Object({ items: Type.Array(Discovered) }, { title: 'DiscoveredList' })
export type DiscoveredList = Static<typeof DiscoveredList>

export function discoveredToWire(row: DiscoveredRow): Discovered {
  const wire = withInstants(row, 'firstSeenAt', 'lastSeenAt')
  return { ...wire, aliases: [...row.aliases], offers: [...row.offers] }
}
