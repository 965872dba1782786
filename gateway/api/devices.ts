import { Type } from 'typebox'
import { staff } from './access.ts'
import { problems } from './openapi.ts'
import type { ApiApp, ApiOptions } from './options.ts'
import { invalid, notFound } from './problem.ts'
import { Params } from './query.ts'
import {
  DeviceList,
  DiscoveredList,
  deviceToWire,
  discoveredToWire,
  fromInstant,
  InspectedList,
  Instant,
  inspectedToWire,
  TelemetrySeries,
  telemetryPointToWire,
} from './schemas/index.ts'

const Query = Type.Object({
  metric: Type.String({ minLength: 1, maxLength: 128 }),
  from: Type.Optional(Type.Unsafe<string>({ ...Instant, description: 'a day before `to` where it is absent' })),
  to: Type.Optional(Type.Unsafe<string>({ ...Instant, description: 'now where it is absent' })),
  limit: Type.Integer({ minimum: 1, maximum: 10_000, default: 1000 }),
  resolution: Type.Optional(
    Type.Enum(['raw', 'minute', 'hour'], { description: 'values (where it is absent), or what each span came to' }),
  ),
})

const dayMs = 24 * 3600_000

/** `/devices`: what is connected, its newest values, and their course. */
export function deviceRoutes(app: ApiApp, { devices, telemetry, now }: ApiOptions): void {
  const tags = ['devices']

  app.get(
    '/devices',
    {
      config: { access: staff },
      schema: { summary: 'Devices and their newest values', tags, response: { 200: DeviceList } },
    },
    async () => ({ items: devices.list().map(deviceToWire), codecs: [...(devices.codecs ?? [])] }),
  )

  app.get(
    '/devices/inspector',
    {
      config: { access: staff },
      schema: {
        summary: 'Messages nobody understood, and why: newest first, alike ones counted together',
        tags,
        response: { 200: InspectedList },
      },
    },
    async () => ({ items: devices.inspected().map(inspectedToWire) }),
  )

  app.get(
    '/devices/discovered',
    {
      config: { access: staff },
      schema: {
        summary: 'Devices that were heard or announced themselves but are not in the site file, newest first',
        tags,
        response: { 200: DiscoveredList },
      },
    },
    async () => ({ items: devices.discovered().map(discoveredToWire) }),
  )

  app.get(
    '/devices/:id/telemetry',
    {
      config: { access: staff },
      schema: {
        summary: 'The course of one metric',
        tags,
        params: Params,
        querystring: Query,
        response: { 200: TelemetrySeries, ...problems(404) },
      },
    },
    async ({ params, query }) => {
      if (!devices.list().some((device) => device.id === params.id)) throw notFound('device', params.id)
      const to = query.to === undefined ? now() : fromInstant(query.to)
      const from = query.from === undefined ? to - dayMs : fromInstant(query.from)
      if (from > to) throw invalid('query.from', 'must not be after query.to')
      const points = await telemetry.query({
        device: params.id,
        metric: query.metric,
        from,
        to,
        limit: query.limit ?? 1000,
        ...(query.resolution === undefined ? {} : { resolution: query.resolution }),
      })
      return { items: points.map(telemetryPointToWire) }
    },
  )
}
