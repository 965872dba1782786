import { type Static, Type } from 'typebox'
import type { TelemetryPoint as CoreTelemetryPoint } from '../../core/ports.ts'
import { Instant, toInstant, withInstants } from './instant.ts'
import { Id, LocalText, Place } from './place.ts'

const Value = Type.Union([Type.Number(), Type.Boolean(), Type.String()])

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
  },
  { title: 'Device' },
)
export type Device = Static<typeof Device>

export const DeviceList = Type.Object({ items: Type.Array(Device) }, { title: 'DeviceList' })
export type DeviceList = Static<typeof DeviceList>

export const TelemetryPoint = Type.Object({ at: Instant, value: Value })
export type TelemetryPoint = Static<typeof TelemetryPoint>

export const TelemetrySeries = Type.Object({ items: Type.Array(TelemetryPoint) }, { title: 'TelemetrySeries' })
export type TelemetrySeries = Static<typeof TelemetrySeries>

export function deviceToWire(row: DeviceRow): Device {
  const { values, ...rest } = row
  return {
    ...withInstants(rest, 'lastSeenAt'),
    values: Object.fromEntries(
      Object.entries(values).map(([metric, { value, at }]) => [metric, { value, at: toInstant(at) }]),
    ),
  }
}

export function telemetryPointToWire(point: CoreTelemetryPoint): TelemetryPoint {
  return { at: toInstant(point.at), value: point.value }
}
