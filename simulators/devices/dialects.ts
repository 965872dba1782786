import type { Values } from './incidents.ts'

/** How a simulated device speaks: topic, payload and what its entry in the site file says about it. */
export interface Dialect {
  codec: string
  /** Of the device's entry in the site file. */
  topic(site: string, device: string): string | undefined
  encode(values: Values, at: Date): string
}

const own: Dialect = {
  codec: 'gridgate-json',
  topic: () => undefined,
  encode: (values, at) => JSON.stringify({ at: at.toISOString(), values }),
}

/** What Zigbee2MQTT calls our metrics. */
const zigbeeNames: Readonly<Record<string, string>> = {
  isWet: 'water_leak',
  isSmoke: 'smoke',
  isOccupied: 'occupancy',
  batteryPercent: 'battery',
  isBatteryLow: 'battery_low',
  temperatureCelsius: 'temperature',
  humidityPercent: 'humidity',
  sosPress: 'action',
}

const zigbee: Dialect = {
  codec: 'zigbee2mqtt',
  topic: (site, device) => `site/${site}/${device}/up/zigbee`,
  encode(values) {
    const entries = Object.entries(values).flatMap(([metric, value]) =>
      metric === 'isOpen'
        ? [['contact', !value]]
        : Object.hasOwn(zigbeeNames, metric)
          ? [[zigbeeNames[metric], value]]
          : [],
    )
    return JSON.stringify({ ...Object.fromEntries(entries), linkquality: 96 })
  },
}

/** Some of the fleet speak as bought devices do, so that the demo runs through more than one codec. */
export function dialectOf(kind: string, nth: number): Dialect {
  const speaksZigbee = new Set(['water-leak', 'door', 'sos', 'climate'])
  return speaksZigbee.has(kind) && nth % 2 === 1 ? zigbee : own
}
