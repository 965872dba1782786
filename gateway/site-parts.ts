import { setMaxListeners } from 'node:events'
import { join } from 'node:path'
import type { Logger } from 'pino'
import type { CameraOptions } from './cameras/index.ts'
import type { CameraEntry, SiteConfig } from './config/site.ts'
import { describeKind } from './core/device-kind.ts'
import { findDriver } from './core/driver.ts'
import type { Measurement } from './core/measurement.ts'
import type { DoorService } from './core/ports.ts'
import { refuse } from './core/refusal.ts'
import type { Finding } from './core/scene.ts'
import { codecs } from './devices/codecs/index.ts'
import { type TopicSource, topicSources } from './devices/routes.ts'
import { createDoorHold, type DoorEvent } from './doors/door-hold.ts'
import { doorDrivers } from './doors/index.ts'
import type { MqttPort } from './doors/mqtt-relay.ts'
import { facadePictures } from './falling/index.ts'
import type { GatewayTopics } from './secrets.ts'
import { createTelemetryInflux } from './storage/telemetry-influx.ts'
import { openTelemetrySqlite } from './storage/telemetry-sqlite.ts'

export { runningScenes } from './running-scenes.ts'

/** MQTT filters of every device of the site. */
export function deviceFilters({ site, devices }: SiteConfig, sources: readonly TopicSource[]): string[] {
  const own = devices.flatMap(({ topic }) => (topic ? [topic] : []))
  const ours = ['up', 'up/acceleration', 'status'].map((channel) => `site/${site.id}/+/${channel}`)
  return [...ours, ...sources.map(({ filter }) => filter), ...own]
}

/** Topics that many devices share; what `mqtt.topics` names is recognised by its looks. */
export function deviceSources({ devices, integrations, mqtt }: SiteConfig): TopicSource[] {
  return topicSources(devices, codecs, [...integrations.bridges, { codec: 'auto', topics: mqtt.topics }])
}

/** Topics beyond the site's own that the gateway reads, and those on which it answers bridges and Home Assistant. */
export function gatewayTopics(config: SiteConfig): GatewayTopics {
  const { site, integrations } = config
  const { publish, prefix } = integrations.homeAssistant
  const isOurs = (filter: string) => filter.startsWith(`site/${site.id}/`)
  const filters = deviceFilters(config, deviceSources(config)).filter((filter) => !isOurs(filter))
  return {
    publish: [
      ...(filters.some((filter) => filter.startsWith('spBv1.0/')) ? ['spBv1.0/+/NCMD/+'] : []),
      ...(publish ? [`${prefix}/device/+/config`, `gridgate/${site.id}/#`] : []),
    ],
    subscribe: [...new Set([...filters, ...(publish ? [`${prefix}/status`] : [])])],
    first: lifeSafetyTopics(config),
  }
}

/** Where messages come in that must outlive any flood of telemetry: a smoke detector's, a button's. */
export function lifeSafetyTopics({ site, devices }: Pick<SiteConfig, 'site' | 'devices'>): string[] {
  const topics = devices
    .filter(({ kind }) => describeKind(kind)?.isLifeSafety)
    .flatMap(({ id, topic, address, codec }) => {
      if (topic !== undefined) return [topic]
      if (address === undefined) return [`site/${site.id}/${id}/up`, `site/${site.id}/${id}/up/#`]
      return familyTopics(codec, address)
    })
  return [...new Set(topics)]
}

/**
 * Where a device of a family publishes, by the topics of the family: its name stands at the first wildcard, or at a later
 * one. Sparkplug's names of three parts are not among them.
 */
function familyTopics(codec: string, address: string): string[] {
  if (/[+#/]/.test(address) && codec !== 'zigbee2mqtt') return []
  const filters = codecs.filter(({ kind }) => kind === codec || codec === 'auto').flatMap(({ filters }) => filters)
  return filters.flatMap((filter) => {
    const levels = filter.split('/')
    return levels.flatMap((level, at) => {
      const named = (rest: readonly string[]) => [...levels.slice(0, at), address, ...rest].join('/')
      if (level === '#') return [named([]), named(['#'])]
      return level === '+' ? [named(levels.slice(at + 1))] : []
    })
  })
}

/** A camera of the site file as the camera readers take it. */
export function cameraOptions(camera: CameraEntry, isFacade = false): CameraOptions {
  const { id, url, subUrl, username, password, analysisFps, analysisWidth, evidenceMs, stallMs, pace, loop } = camera
  const pictures = { fps: analysisFps, width: analysisWidth, height: Math.round((analysisWidth * 9) / 16) }
  return {
    id,
    url,
    ...(subUrl === undefined ? {} : { subUrl }),
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    analysis: isFacade ? facadePictures : { ...pictures, mayRest: camera.decoding === 'on-demand' },
    evidence: { ringMs: evidenceMs },
    stallMs,
    pace,
    loop,
  }
}

/** Door holds of the lifts that have one, by lift. */
export function createDoors(
  config: SiteConfig,
  context: { mqtt: MqttPort; onEvent(event: DoorEvent): void; liftOf(device: string): string | undefined },
) {
  const holds = config.doors.map(({ lift, driver, options }) => {
    const contact = findDriver(doorDrivers, driver)!.create(options, { lift, site: config.site.id, mqtt: context.mqtt })
    const hold = createDoorHold({ contact, rules: options as never, onEvent: context.onEvent })
    return { hold, contact }
  })
  const service: DoorService = {
    list: () => holds.map(({ hold }) => hold.status()),
    release(lift, by) {
      const found = holds.find(({ hold }) => hold.lift === lift)
      return found ? found.hold.override(by) : refuse('no-door-hold', { lift })
    },
  }
  return {
    service,
    want({ place, wanted }: Extract<Finding, { type: 'hold-door' }>): void {
      holds.find(({ hold }) => hold.lift === place.lift)?.hold.want(wanted)
    },
    onMeasurements(measurements: readonly Measurement[]): void {
      if (holds.length === 0) return
      for (const measurement of measurements) {
        const lift = context.liftOf(measurement.device)
        for (const { hold } of holds) if (hold.lift === lift) hold.onMeasurement(measurement)
      }
    },
    /** Releases every door when aborted. */
    async run(outer: AbortSignal): Promise<void> {
      // Every door listens until the end, which is no leak.
      const signal = AbortSignal.any([outer])
      setMaxListeners(0, signal)
      await Promise.all(holds.map(({ hold }) => hold.run(signal)))
      await Promise.all(holds.map(({ contact }) => contact.close()))
    },
  }
}

interface TelemetryContext {
  now(): number
  mayDelete(): boolean
  logger: Logger
}

/** Where measurements are kept: InfluxDB where the site file names one, a file of the data directory otherwise. */
export function openTelemetry(config: SiteConfig, { now, mayDelete, logger }: TelemetryContext) {
  const { influx } = config.telemetry
  const bufferFile = join(config.dataDir, 'influx-buffer.db')
  if (influx) return createTelemetryInflux({ ...influx, token: influx.token ?? '', bufferFile, logger })
  const file = join(config.dataDir, 'telemetry.db')
  const { telemetryMs, telemetryMinuteMs, telemetryHourMs } = config.retention
  return openTelemetrySqlite({
    file,
    retentionMs: telemetryMs,
    minuteRetentionMs: telemetryMinuteMs,
    hourRetentionMs: telemetryHourMs,
    now,
    mayDelete,
  })
}
