import t from 'tap'
import { Value } from 'typebox/value'
import { createEvidenceStore } from '../storage/evidence.ts'
import { openStore } from '../storage/store.ts'
import { DeviceList, SiteView, TelemetrySeries } from './schemas/index.ts'
import { apiStarter } from './testing/start-api.ts'

const start = apiStarter({ openStore, createEvidenceStore })

t.test('devices are listed with their newest values, and the site with its names', async (t) => {
  const scene = await start(t)
  const operator = await scene.login('operator')
  const list = (await operator.inject({ url: '/api/v1/devices' })).json()
  t.ok(Value.Check(DeviceList, list))
  t.match(list.items[0], {
    lastSeenAt: '2026-11-22T00:00:00.000Z',
    values: { temperatureCelsius: { value: 21, at: '2026-11-22T00:00:00.000Z' } },
  })
  t.ok(Value.Check(SiteView, (await operator.inject({ url: '/api/v1/site' })).json()))
})

t.test('the course of a metric is the last day where nothing else is asked', async (t) => {
  const scene = await start(t)
  const operator = await scene.login('operator')
  const course = async (query: string) => operator.inject({ url: `/api/v1/devices/device-1/telemetry?${query}` })
  const day = (await course('metric=temperatureCelsius')).json()
  t.ok(Value.Check(TelemetrySeries, day))
  t.same(day.items, [
    { at: '2026-11-21T00:00:00.000Z', value: 20.5 },
    { at: '2026-11-22T00:00:00.000Z', value: true },
  ])
  const span = await course('metric=x&from=2026-11-01T00:00:00Z&to=2026-11-02T00:00:00Z&limit=10')
  t.equal(span.json().items[0].at, '2026-11-01T00:00:00.000Z')
  t.match((await course('metric=x&from=2026-11-03T00:00:00Z&to=2026-11-02T00:00:00Z')).json().error.details, [
    { field: 'query.from' },
  ])
  t.match((await course('')).json().error.details, [{ field: 'query.metric', message: 'is missing' }])
  t.equal((await operator.inject({ url: '/api/v1/devices/none/telemetry?metric=x' })).statusCode, 404)
})
