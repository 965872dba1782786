import { Type } from 'typebox'
import { staff } from './access.ts'
import { courseOf, courseQuery } from './course.ts'
import { problems } from './openapi.ts'
import type { ApiApp, ApiOptions } from './options.ts'
import { notFound } from './problem.ts'
import { Params } from './query.ts'
import {
  DeviceList,
  DiscoveredList,
  deviceToWire,
  discoveredToWire,
  InspectedList,
  inspectedToWire,
  TelemetrySeries,
} from './schemas/index.ts'

const Query = Type.Object(courseQuery)

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
      return courseOf(telemetry, params.id, query, now())
    },
  )
}
