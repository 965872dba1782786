import { deviceKinds, metrics } from '../core/device-kind.ts'
import type { Measurement } from '../core/measurement.ts'

/** An alarm as Home Assistant shows it: where and what, never whom. */
export interface PublishedAlarm {
  id: string
  kind: string
  severity: string
  place: string
  /** Epoch ms. */
  raisedAt: number
}

export interface HomeAssistantPublisherOptions {
  site: { id: string; name: string }
  /** Home Assistant's discovery prefix: `homeassistant`. */
  prefix: string
  devices: ReadonlyArray<{ id: string; name: string; kind: string }>
  /** Rejects while there is no connection; what was not published is tried again at the next tick. */
  publish(topic: string, payload: string, options: { qos: 0 | 1; retain: boolean }): Promise<void>
  isConnected(): boolean
  /** Alarms that are active now, and a number that changes when they may have changed. */
  alarms(): readonly PublishedAlarm[]
  alarmsVersion(): number
}

export interface HomeAssistantPublisher {
  onMeasurements(measurements: readonly Measurement[]): void
  onDevice(device: string, isUp: boolean): void
  /** Home Assistant says that it has started: everything is announced again. */
  onStart(): void
  /** Publishes what has changed; call it every second. */
  tick(): void
}

/** Of the gateway itself; its last will says `offline` there. */
export const availabilityTopic = (site: string) => `gridgate/${site}/availability`

/** Home Assistant's device classes of our metrics; others are shown without one. */
const classes: Readonly<Record<string, string>> = {
  isSmoke: 'smoke',
  isGas: 'gas',
  isCarbonMonoxide: 'carbon_monoxide',
  isWet: 'moisture',
  isOpen: 'door',
  isDoorOpen: 'door',
  isOccupied: 'occupancy',
  isMotion: 'motion',
  isTampered: 'tamper',
  isFault: 'problem',
  isBatteryLow: 'battery',
  isMoved: 'vibration',
  temperatureCelsius: 'temperature',
  humidityPercent: 'humidity',
  pressureHectopascals: 'atmospheric_pressure',
  pressureKilopascals: 'pressure',
  illuminanceLux: 'illuminance',
  batteryPercent: 'battery',
  batteryVolts: 'voltage',
  voltageVolts: 'voltage',
  currentAmperes: 'current',
  powerWatts: 'power',
  energyKilowattHours: 'energy',
  volumeCubicMeters: 'water',
  carbonDioxidePpm: 'carbon_dioxide',
  pm25MicrogramsPerCubicMeter: 'pm25',
  pm10MicrogramsPerCubicMeter: 'pm10',
  soundLevelDecibels: 'sound_pressure',
  signalDbm: 'signal_strength',
  carbonMonoxidePpm: 'carbon_monoxide',
  distanceMeters: 'distance',
  waterLevelCentimeters: 'distance',
  skinTemperatureCelsius: 'temperature',
}
/** Meters: they only go up, until they are exchanged. Home Assistant keeps statistics of what has a state class. */
const totals: ReadonlySet<string> = new Set(['energyKilowattHours', 'volumeCubicMeters', 'stepCount'])
const shownAlarms = 50

/**
 * Shows our devices and alarms to Home Assistant by MQTT discovery: retained configs, one retained state per device, at
 * most one publication of a device a second, availability of the gateway and of each device.
 */
export function createHomeAssistantPublisher(options: HomeAssistantPublisherOptions): HomeAssistantPublisher {
  const { site, prefix } = options
  const devices = new Map(options.devices.map((device) => [device.id, device]))
  const values = new Map<string, Record<string, Measurement['value']>>()
  const isUp = new Map<string, boolean>()
  const changed = new Set<string>()
  const changedAvailability = new Set<string>()
  let isAnnounced = false
  let shownVersion = -1

  const base = `gridgate/${site.id}`
  const stateTopic = (device: string) => `${base}/${device}/state`
  const deviceAvailability = (device: string) => `${base}/${device}/availability`
  const objectId = (id: string) => `gridgate-${site.id}-${id}`

  function component(device: string, metric: string): Record<string, unknown> {
    const description = Object.hasOwn(metrics, metric) ? metrics[metric as keyof typeof metrics] : undefined
    const isBinary = description?.type === 'boolean'
    const unit = description && 'unit' in description ? description.unit : undefined
    return {
      platform: isBinary ? 'binary_sensor' : 'sensor',
      unique_id: `${objectId(device)}-${metric}`,
      name: metric,
      value_template: isBinary
        ? `{{ 'ON' if value_json.${metric} | default(false) else 'OFF' }}`
        : `{{ value_json.${metric} | default(none) }}`,
      ...(classes[metric] ? { device_class: classes[metric] } : {}),
      ...(unit ? { unit_of_measurement: unit } : {}),
      ...(description?.type === 'number'
        ? { state_class: totals.has(metric) ? 'total_increasing' : 'measurement' }
        : {}),
    }
  }

  function configOf({ id, name, kind }: { id: string; name: string; kind: string }): string {
    const known = Object.hasOwn(deviceKinds, kind) ? deviceKinds[kind as keyof typeof deviceKinds] : undefined
    const shown = [...(known?.metrics ?? []), 'batteryPercent']
    return JSON.stringify({
      device: { identifiers: [objectId(id)], name, model: known?.name.en ?? kind, manufacturer: 'GridGate' },
      origin: { name: 'GridGate' },
      components: Object.fromEntries(shown.map((metric) => [metric, component(id, metric)])),
      state_topic: stateTopic(id),
      availability: [{ topic: availabilityTopic(site.id) }, { topic: deviceAvailability(id) }],
      availability_mode: 'all',
      qos: 1,
    })
  }

  const alarmConfig = () =>
    JSON.stringify({
      device: { identifiers: [`gridgate-${site.id}`], name: site.name, manufacturer: 'GridGate' },
      origin: { name: 'GridGate' },
      components: {
        alarm: {
          platform: 'binary_sensor',
          unique_id: `gridgate-${site.id}-alarm`,
          name: 'Alarm',
          device_class: 'safety',
          value_template: "{{ 'ON' if value_json.count > 0 else 'OFF' }}",
          json_attributes_topic: `${base}/alarms`,
        },
      },
      state_topic: `${base}/alarms`,
      availability: [{ topic: availabilityTopic(site.id) }],
      qos: 1,
    })

  const retained = { qos: 1, retain: true } as const

  function announce(): void {
    const lost = () => {
      isAnnounced = false
    }
    isAnnounced = true
    void options.publish(`${prefix}/device/${objectId('alarms')}/config`, alarmConfig(), retained).catch(lost)
    for (const device of devices.values())
      void options.publish(`${prefix}/device/${objectId(device.id)}/config`, configOf(device), retained).catch(lost)
    void options.publish(availabilityTopic(site.id), 'online', retained).catch(lost)
    for (const id of devices.keys()) {
      changedAvailability.add(id)
      if (values.has(id)) changed.add(id)
    }
    shownVersion = -1
  }

  function publishChanges(): void {
    for (const id of changed) {
      changed.delete(id)
      const state = JSON.stringify(values.get(id) ?? {})
      void options.publish(stateTopic(id), state, retained).catch(() => changed.add(id))
    }
    for (const id of changedAvailability) {
      changedAvailability.delete(id)
      const word = isUp.get(id) ? 'online' : 'offline'
      void options.publish(deviceAvailability(id), word, retained).catch(() => changedAvailability.add(id))
    }
    const version = options.alarmsVersion()
    if (version === shownVersion) return
    shownVersion = version
    const alarms = options.alarms()
    const shown = alarms.slice(0, shownAlarms).map(({ raisedAt, ...alarm }) => ({
      ...alarm,
      raisedAt: new Date(raisedAt).toISOString(),
    }))
    void options
      .publish(`${base}/alarms`, JSON.stringify({ count: alarms.length, alarms: shown }), retained)
      .catch(() => {
        shownVersion = -1
      })
  }

  return {
    onMeasurements(measurements) {
      for (const { device, metric, value, clockTrusted } of measurements) {
        if (!clockTrusted || !devices.has(device)) continue
        const known = values.get(device) ?? {}
        values.set(device, known)
        if (known[metric] === value) continue
        known[metric] = value
        changed.add(device)
      }
    },
    onDevice(device, up) {
      if (!devices.has(device) || isUp.get(device) === up) return
      isUp.set(device, up)
      changedAvailability.add(device)
    },
    onStart() {
      isAnnounced = false
    },
    tick() {
      if (!options.isConnected()) {
        isAnnounced = false
        return
      }
      if (!isAnnounced) announce()
      publishChanges()
    },
  }
}
