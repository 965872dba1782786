import type { SiteConfig } from './config/site.ts'
import type { Store } from './core/ports.ts'
import {
  availabilityTopic,
  createHomeAssistantPublisher,
  type HomeAssistantPublisher,
} from './devices/home-assistant-publisher.ts'
import type { Intake } from './devices/intake.ts'
import { createModbusPoller, type ModbusPollerOptions } from './devices/modbus.ts'
import type { MqttLink } from './devices/mqtt-link.ts'
import { tokenHash } from './secrets.ts'
import { describePlace } from './site-view.ts'

/** Kinds that tell of one person; shown to Home Assistant only where the site file names the device. */
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

/** One poller for each Modbus device of the site. */
export function modbusPollers(
  { integrations }: SiteConfig,
  intake: Intake,
  context: Pick<ModbusPollerOptions, 'random' | 'logger'>,
) {
  return integrations.modbus.map((modbus) =>
    createModbusPoller({
      ...modbus,
      ...context,
      onReadings: (readings) => intake.take(`modbus/${modbus.id}`, readings),
      onRefusal: (device, reason) => intake.complain(`modbus/${modbus.id}`, device, reason),
    }),
  )
}

/** The last will of the gateway's MQTT connection, where somebody listens to it. */
export function linkWill({ site, integrations }: SiteConfig): { topic: string; payload: string } | undefined {
  return integrations.homeAssistant.publish ? { topic: availabilityTopic(site.id), payload: 'offline' } : undefined
}

/** Shows the site to Home Assistant, where the site file asks for it. */
export function homeAssistantOf(config: SiteConfig, link: MqttLink, store: Store): HomeAssistantPublisher | undefined {
  const { homeAssistant } = config.integrations
  if (!homeAssistant.publish) return undefined
  const language = config.site.language === 'en' ? 'en' : 'zh'
  const shown = config.devices.filter(({ id, kind }) =>
    homeAssistant.devices.length > 0 ? homeAssistant.devices.includes(id) : !personal.has(kind),
  )
  const publisher = createHomeAssistantPublisher({
    site: { id: config.site.id, name: config.site.name[language] },
    prefix: homeAssistant.prefix,
    devices: shown.map(({ id, kind, name }) => ({ id, kind, name: name[language] })),
    publish: (topic, payload, options) => link.publish(topic, payload, options),
    isConnected: () => link.isConnected,
    alarms: () =>
      store.alarms({ isActive: true, limit: 200 }).items.flatMap(({ id, kind, severity, place, raisedAt, source }) => {
        // Whose flat it is, and what an elder's device says, would tell whom it concerns.
        const { flat, ...shownPlace } = place
        const device = config.devices.find((each) => each.id === source.id)
        const isPersonal = flat !== undefined || (device !== undefined && personal.has(device.kind))
        return isPersonal ? [] : [{ id, kind, severity, place: describePlace(config, shownPlace), raisedAt }]
      }),
    alarmsVersion: () => store.lastSeq,
  })
  link.subscribe(`${homeAssistant.prefix}/status`, (_topic, payload) => {
    if (Buffer.from(payload).toString() === 'online') publisher.onStart()
  })
  return publisher
}
