import type { Alarms } from './alarms/alarms.ts'
import type { DeviceEntry, SiteConfig } from './config/site.ts'
import type { Actor } from './core/alarm.ts'
import type { Elder } from './core/elder.ts'
import type { Measurement } from './core/measurement.ts'
import type { Intake } from './devices/intake.ts'
import type { MqttLink } from './devices/mqtt-link.ts'
import type { DeviceRegistry } from './devices/registry.ts'
import type { Falls } from './falls.ts'
import type { ModbusPollers } from './integrations.ts'
import type { Pipeline } from './pipeline.ts'
import type { SceneSet } from './running-scenes.ts'
import type { GatewayTopics } from './secrets.ts'
import { deviceFilters, deviceSources, gatewayTopics } from './site-parts.ts'

export interface LiveDevicesOptions {
  /** With every device there is at the start. */
  site: SiteConfig
  scenes: SceneSet
  registry: DeviceRegistry
  intake: Pick<Intake, 'put' | 'remove'>
  link: Pick<MqttLink, 'addFilters'>
  pipeline: Pick<Pipeline, 'changeScenes'>
  alarms: Pick<Alarms, 'endOf' | 'watchAnew'>
  falls: Pick<Falls, 'addBand'>
  modbus: Pick<ModbusPollers, 'change'>
  /** Makes the embedded broker let the gateway read these topics; absent with an external broker. */
  claimTopics?(topics: GatewayTopics): Promise<void>
  onError(error: unknown, what: string): void
}

export interface LiveDevices {
  list(): readonly DeviceEntry[]
  get(id: string): DeviceEntry | undefined
  /** Whose it is, where it belongs to a person. */
  elderOf(id: string): Elder | undefined
  /** Puts devices in and takes others out, in one step: intake, subscriptions, scenes, open alarms. */
  change(change: { put?: readonly DeviceEntry[]; removed?: readonly string[] }, by: Actor): void
  /** Until the rights that the last changes need are written for the broker. */
  settled(): Promise<void>
}

/**
 * The devices of a running site. What changes here is known at once to everything that goes by devices, but for Home
 * Assistant, which is told at the next start.
 */
export function createLiveDevices(options: LiveDevicesOptions): LiveDevices {
  const { registry, intake, alarms } = options
  const devices = new Map(options.site.devices.map((device) => [device.id, device]))
  let claim = Promise.resolve()

  function listenTo(): void {
    const site = { ...options.site, devices: [...devices.values()] }
    const topics = gatewayTopics(site)
    const filters = deviceFilters(site, deviceSources(site))
    claim = claim
      .then(() => options.claimTopics?.(topics))
      .catch((error) => options.onError(error, 'the gateway’s own rights at the broker could not be written'))
      .then(() => options.link.addFilters(filters))
  }

  /** What is known of these devices right now, as scenes are shown it at the start. */
  function lastKnown(ids: ReadonlySet<string>): Measurement[] {
    return [...ids].flatMap((device) => {
      const state = registry.get(device)
      const at = state?.lastSeenAt
      if (!state || at === undefined) return []
      return Object.entries(state.values).map(
        ([metric, value]): Measurement => ({ device, metric, value, deviceAt: at, ingestedAt: at, clockTrusted: true }),
      )
    })
  }

  const elderOf = (id: string): Elder | undefined =>
    options.site.elders.find((elder) => elder.devices.includes(id) || elder.id === devices.get(id)?.elder)

  return {
    list: () => [...devices.values()],
    get: (id) => devices.get(id),
    elderOf,
    change({ put = [], removed = [] }, by) {
      const touched = new Set<string>()
      for (const id of removed) {
        if (!devices.delete(id)) continue
        touched.add(id)
        intake.remove(id)
      }
      for (const device of put) {
        const before = devices.get(device.id)
        devices.set(device.id, device)
        if (before && isSameForScenes(before, device)) continue
        touched.add(device.id)
      }
      const sources = deviceSources({ ...options.site, devices: [...devices.values()] })
      for (const device of put) {
        intake.put(device, sources)
        if (device.kind === 'wearable')
          void options.falls
            .addBand(device.id, elderOf(device.id)?.bandPosition)
            .catch((error) => options.onError(error, 'a band cannot be watched for falls'))
      }
      options.modbus.change([...devices.values()])
      listenTo()
      if (touched.size === 0) return
      const { gone, come } = options.scenes.change([...devices.values()], touched)
      const watched = new Set(come.flatMap((scene) => [...scene.devices]))
      options.pipeline.changeScenes(gone, come, lastKnown(watched))
      // Scenes that began anew do not know of alarms they had open.
      alarms.watchAnew(watched)
      for (const id of touched) alarms.endOf(id, devices.has(id) ? 'device-changed' : 'device-removed', by)
    },
    settled: () => claim,
  }
}

function isSameForScenes(one: DeviceEntry, other: DeviceEntry): boolean {
  return (
    one.kind === other.kind &&
    one.heartbeatMs === other.heartbeatMs &&
    one.elder === other.elder &&
    JSON.stringify(Object.entries(one.place).sort()) === JSON.stringify(Object.entries(other.place).sort())
  )
}
