import t from 'tap'
import type { Measurement } from '../core/measurement.ts'
import { createHomeAssistantPublisher, type PublishedAlarm } from './home-assistant-publisher.ts'

function build() {
  const retained = new Map<string, string>()
  let published = 0
  let isConnected = true
  let alarms: PublishedAlarm[] = []
  let version = 0
  const publisher = createHomeAssistantPublisher({
    site: { id: 's', name: '江畔花园' },
    prefix: 'homeassistant',
    devices: [{ id: 'smoke-1', name: '烟感', kind: 'smoke' }],
    publish: async (topic, payload, { retain }) => {
      if (!isConnected) throw new Error('no connection')
      published++
      t.ok(retain, `${topic} is retained: Home Assistant may start later`)
      retained.set(topic, payload)
    },
    isConnected: () => isConnected,
    alarms: () => alarms,
    alarmsVersion: () => version,
  })
  const measure = (metric: string, value: Measurement['value'], clockTrusted = true) =>
    publisher.onMeasurements([{ device: 'smoke-1', metric, value, deviceAt: 0, ingestedAt: 0, clockTrusted }])
  return {
    publisher,
    measure,
    retained,
    json: (topic: string) => JSON.parse(retained.get(topic)!),
    count: () => published,
    setConnected: (value: boolean) => {
      isConnected = value
    },
    setAlarms: (list: PublishedAlarm[]) => {
      alarms = list
      version++
    },
  }
}

t.test(
  'Home Assistant finds our sensors with their classes and units, their state and whether they are there',
  async (t) => {
    const { publisher, measure, json, retained } = build()
    measure('isSmoke', false)
    measure('temperatureCelsius', 21.5)
    measure('isSmoke', true, false)
    publisher.onDevice('smoke-1', true)
    publisher.tick()
    t.match(json('homeassistant/device/gridgate-s-smoke-1/config'), {
      device: { identifiers: ['gridgate-s-smoke-1'], name: '烟感', model: 'Smoke detector' },
      components: {
        isSmoke: { platform: 'binary_sensor', device_class: 'smoke', unique_id: 'gridgate-s-smoke-1-isSmoke' },
        temperatureCelsius: {
          ...{ platform: 'sensor', device_class: 'temperature', unit_of_measurement: '°C' },
          state_class: 'measurement',
        },
      },
      state_topic: 'gridgate/s/smoke-1/state',
      availability: [{ topic: 'gridgate/s/availability' }, { topic: 'gridgate/s/smoke-1/availability' }],
    })
    t.same(
      json('gridgate/s/smoke-1/state'),
      { isSmoke: false, temperatureCelsius: 21.5 },
      'late values are not shown as new',
    )
    t.equal(retained.get('gridgate/s/smoke-1/availability'), 'online')
    t.equal(retained.get('gridgate/s/availability'), 'online')
  },
)

t.test(
  'an alarm shows up, a flood of equal values publishes nothing, and a new connection announces all again',
  async (t) => {
    const { publisher, measure, json, retained, count, setConnected, setAlarms } = build()
    publisher.tick()
    t.same(json('gridgate/s/alarms'), { count: 0, alarms: [] })
    setAlarms([{ id: 'a1', kind: 'smoke', severity: 'critical', place: '1 号楼', raisedAt: 0 }])
    publisher.tick()
    t.match(json('gridgate/s/alarms'), { count: 1, alarms: [{ kind: 'smoke', raisedAt: '1970-01-01T00:00:00.000Z' }] })
    measure('isSmoke', true)
    publisher.tick()
    const before = count()
    for (let n = 0; n < 1000; n++) measure('isSmoke', true)
    publisher.tick()
    t.equal(count(), before)
    setConnected(false)
    measure('isSmoke', false)
    publisher.tick()
    retained.clear()
    setConnected(true)
    publisher.tick()
    t.same(json('gridgate/s/smoke-1/state'), { isSmoke: false })
    t.ok(retained.has('homeassistant/device/gridgate-s-smoke-1/config'))
  },
)
