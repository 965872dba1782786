import type { DeviceEntry, SiteConfig } from './config/site.ts'
import type { Store } from './core/ports.ts'
import {
  availabilityTopic,
  createHomeAssistantPublisher,
  type HomeAssistantPublisher,
} from './devices/home-assistant-publisher.ts'
import type { Intake } from './devices/intake.ts'
import { createModbusPoller, type ModbusPollerOptions } from './devices/modbus.ts'
import type { MqttLink } from './devices/mqtt-link.ts'
import { withTheirDevices } from './running-scenes.ts'
import { tokenHash } from './secrets.ts'
import { describePlace } from './site-view.ts'

/** Kinds that tell of one person; like an elder's devices, shown to Home Assistant only where the site file names them. */
const personal = new Set(['wearable', 'bed', 'presence-radar', 'sos'])

/** What NB-IoT platforms push, for the API. */
export function devicePushOf({ integrations }: SiteConfig, intake: Intake) {
  const codecs = new Map(integrations.push.map(({ id, codec }) => [id, codec]))
  return {
    tokenHashes: new Map(integrations.push.map(({ id, token }) => [id, tokenHash(token)])),
    take: (id: string, payload: Uint8Array) =>
      intake.receiveAs(codecs.get(id)!, { topic: `push/${id}`, payload, isRetained: false }),
  }
}

/** What one connection reads. */
type ModbusMap = Omit<ModbusPollerOptions, 'onReadings' | 'onRefusal' | 'random' | 'logger'>

export interface ModbusPollers {
  /** The devices there are from now on: those that were registered with a map of registers are polled, others no more. */
  change(devices: readonly DeviceEntry[]): void
  run(signal: AbortSignal): Promise<void>
}

/**
 * One poller for each Modbus device of the site file, and one for each that registered devices name: those that share
 * host, port and unit share a connection, since many converters take only one.
 */
export function createModbusPollers(
  { integrations, devices }: Pick<SiteConfig, 'integrations' | 'devices'>,
  intake: Pick<Intake, 'take' | 'complain'>,
  context: Pick<ModbusPollerOptions, 'random' | 'logger'>,
): ModbusPollers {
  const running = new Map<string, { map: string; stop: AbortController }>()
  const ending = new Set<Promise<void>>()
  let signal: AbortSignal | undefined
  let wanted = registeredMaps(devices)

  const poller = (map: ModbusMap) =>
    createModbusPoller({
      ...map,
      ...context,
      onReadings: (readings) => intake.take(`modbus/${map.id}`, readings),
      onRefusal: (device, wrong) => intake.complain(`modbus/${map.id}`, device, wrong),
    })

  function settle(): void {
    if (!signal || signal.aborted) return
    const maps = new Map(wanted.map((map) => [map.id, map]))
    for (const [id, { map, stop }] of running) {
      if (JSON.stringify(maps.get(id)) === map) maps.delete(id)
      else {
        stop.abort()
        running.delete(id)
      }
    }
    for (const [id, map] of maps) {
      const stop = new AbortController()
      const run = poller(map).run(AbortSignal.any([signal, stop.signal]))
      ending.add(run)
      void run.finally(() => ending.delete(run))
      running.set(id, { map: JSON.stringify(map), stop })
    }
  }

  return {
    change(all) {
      wanted = registeredMaps(all)
      settle()
    },
    async run(until) {
      signal = until
      const ofSiteFile = integrations.modbus.map((map) => poller(map).run(until))
      settle()
      await Promise.all(ofSiteFile)
      await new Promise<void>((resolve) => {
        if (until.aborted) resolve()
        else until.addEventListener('abort', () => resolve(), { once: true })
      })
      await Promise.all(ending)
    },
  }
}

/** The maps of registered devices, by connection; polled as often as the most hurried asks. */
function registeredMaps(devices: readonly DeviceEntry[]): ModbusMap[] {
  const maps = new Map<string, ModbusMap>()
  for (const { id: device, modbus } of devices) {
    if (!modbus) continue
    const { host, port, unit } = modbus
    const id = `${host}:${port}/${unit}`
    const before = maps.get(id)
    maps.set(id, {
      ...{ id, host, port, unit },
      pollMs: Math.min(before?.pollMs ?? Number.POSITIVE_INFINITY, modbus.pollSeconds * 1000),
      timeoutMs: Math.max(before?.timeoutMs ?? 0, modbus.timeoutSeconds * 1000),
      registers: [...(before?.registers ?? []), ...modbus.registers.map((register) => ({ ...register, device }))],
    })
  }
  return [...maps.values()]
}

/** The last will of the gateway's MQTT connection, where somebody listens to it. */
export function linkWill({ site, integrations }: SiteConfig): { topic: string; payload: string } | undefined {
  return integrations.homeAssistant.publish ? { topic: availabilityTopic(site.id), payload: 'offline' } : undefined
}

/** Shows the site to Home Assistant, where the site file asks for it. */
export function homeAssistantOf(
  config: SiteConfig,
  link: MqttLink,
  store: Store,
  device: (id: string) => { kind: string } | undefined,
): HomeAssistantPublisher | undefined {
  const { homeAssistant } = config.integrations
  if (!homeAssistant.publish) return undefined
  const language = config.site.language === 'en' ? 'en' : 'zh'
  const owned = new Set(withTheirDevices(config.elders, config.devices).flatMap(({ devices }) => devices))
  const shown = config.devices.filter(({ id, kind }) =>
    homeAssistant.devices.length > 0 ? homeAssistant.devices.includes(id) : !personal.has(kind) && !owned.has(id),
  )
  const publisher = createHomeAssistantPublisher({
    site: { id: config.site.id, name: config.site.name[language] },
    prefix: homeAssistant.prefix,
    devices: shown.map(({ id, kind, name }) => ({ id, kind, name: name[language] })),
    publish: (topic, payload, options) => link.publish(topic, payload, options),
    isConnected: () => link.isConnected,
    alarms: () =>
      store
        .alarms({ isActive: true, limit: 200 })
        .items.flatMap(({ id, kind, severity, place, raisedAt, source, person }) => {
          // Whose flat it is, and what an elder's device says, would tell whom it concerns.
          const { flat, ...shownPlace } = place
          const isPersonal = person !== undefined || flat !== undefined || personal.has(device(source.id)?.kind ?? '')
          return isPersonal ? [] : [{ id, kind, severity, place: describePlace(config, shownPlace), raisedAt }]
        }),
    alarmsVersion: () => store.lastSeq,
  })
  link.subscribe(`${homeAssistant.prefix}/status`, (_topic, payload) => {
    if (Buffer.from(payload).toString() === 'online') publisher.onStart()
  })
  return publisher
}
