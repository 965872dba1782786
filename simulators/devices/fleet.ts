import mqtt, { type MqttClient } from 'mqtt'
import type { Dialect } from './dialects.ts'
import { kinds } from './kinds.ts'

export interface SimulatedDevice {
  id: string
  kind: string
  /** How it speaks; our own JSON where nothing is said. */
  dialect?: Dialect
}

export interface FleetOptions {
  url: string
  site: string
  devices: readonly SimulatedDevice[]
  /** MQTT secret of each device. */
  secrets: Readonly<Record<string, string>>
  /** Between two reports of one device. */
  everyMs: number
  random?: () => number
}

/** Devices that publish on MQTT as real ones do: own credentials, birth and last will, QoS 1, own clock. */
export interface Fleet {
  /** Connects all of them; resolves when every one is online. */
  start(): Promise<void>
  /** Publishes these values for the device now. */
  report(device: string, values: Record<string, number | boolean | string>): Promise<void>
  /** Reports what happens: `smoke`, `fall` … by the names of its kind. */
  happen(device: string, incident: string): Promise<void>
  /** Cuts the device's connection without a goodbye, so that the broker publishes its will. */
  vanish(device: string): void
  /** Messages the broker has acknowledged. */
  readonly acknowledged: number
  stop(): Promise<void>
}

/** A storm of connections at one instant is a test of its own, not how a demo begins. */
const connectSpacingMs = 5

export function createFleet(options: FleetOptions): Fleet {
  const random = options.random ?? Math.random
  const clients = new Map<string, MqttClient>()
  const timers: NodeJS.Timeout[] = []
  let acknowledged = 0

  async function publish(device: string, values: Record<string, number | boolean | string>): Promise<void> {
    const client = clients.get(device)
    if (!client) throw new Error(`there is no simulated device ${device}`)
    const dialect = options.devices.find(({ id }) => id === device)?.dialect
    const topic = dialect?.topic(options.site, device) ?? `site/${options.site}/${device}/up`
    const at = new Date()
    const message = dialect?.encode(values, at) ?? JSON.stringify({ at: at.toISOString(), values })
    await client.publishAsync(topic, message, { qos: 1 })
    acknowledged++
  }

  function keepReporting({ id, kind }: SimulatedDevice): void {
    const report = kinds[kind]?.quiet
    if (!report) throw new Error(`no simulated device of kind ${kind}`)
    let turn = 0
    const send = () => void publish(id, report(turn++, random)).catch(() => {})
    timers.push(
      setTimeout(() => {
        send()
        timers.push(setInterval(send, options.everyMs))
      }, random() * options.everyMs),
    )
  }

  return {
    async start() {
      await Promise.all(
        options.devices.map(async (device, index) => {
          await new Promise((resolve) => setTimeout(resolve, index * connectSpacingMs))
          const status = `site/${options.site}/${device.id}/status`
          const client = mqtt.connect(options.url, {
            clientId: device.id,
            username: device.id,
            password: options.secrets[device.id] ?? '',
            reconnectPeriod: 1000 + random() * 4000,
            queueQoSZero: false,
            will: { topic: status, payload: Buffer.from('offline'), qos: 1, retain: true },
          })
          clients.set(device.id, client)
          client.on('error', () => {})
          client.on(
            'connect',
            () => void client.publishAsync(status, 'online', { qos: 1, retain: true }).catch(() => {}),
          )
          await new Promise((resolve) => client.once('connect', resolve))
          keepReporting(device)
        }),
      )
    },
    report: publish,
    async happen(device, incident) {
      const kind = options.devices.find(({ id }) => id === device)?.kind ?? ''
      const values = kinds[kind]?.incidents[incident]
      if (!values) {
        const known = Object.keys(kinds[kind]?.incidents ?? {}).join(', ')
        throw new Error(`nothing called "${incident}" happens to ${device}; known are ${known || 'none'}`)
      }
      await publish(device, values)
    },
    vanish: (device) => clients.get(device)?.stream.destroy(),
    get acknowledged() {
      return acknowledged
    },
    async stop() {
      timers.forEach(clearTimeout)
      await Promise.all([...clients.values()].map((client) => client.endAsync(true).catch(() => {})))
    },
  }
}
