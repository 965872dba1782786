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
  /** Who is not online so long after the last one began to connect never will be; two minutes where nothing is said. */
  patienceMs?: number
  random?: () => number
}

/** Devices that publish on MQTT as real ones do: own credentials, birth and last will, QoS 1, own clock. */
export interface Fleet {
  /** Connects all of them; resolves when every one is online, rejects with why one is not after minutes of trying. */
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
const defaultPatienceMs = 120_000

export function createFleet(options: FleetOptions): Fleet {
  const random = options.random ?? Math.random
  const byId = new Map(options.devices.map((device) => [device.id, device]))
  const clients = new Map<string, MqttClient>()
  const timers: NodeJS.Timeout[] = []
  let acknowledged = 0

  async function publish(device: string, values: Record<string, number | boolean | string>): Promise<void> {
    const client = clients.get(device)
    if (!client) throw new Error(`there is no simulated device ${device}`)
    const dialect = byId.get(device)?.dialect
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

  /** Why a device that is not online is not, in the words it heard last. */
  const refusals = new Map<string, string>()

  function connect({ id }: SimulatedDevice): MqttClient {
    const status = `site/${options.site}/${id}/status`
    const client = mqtt.connect(options.url, {
      clientId: id,
      username: id,
      password: options.secrets[id] ?? '',
      reconnectPeriod: 1000 + random() * 4000,
      queueQoSZero: false,
      will: { topic: status, payload: Buffer.from('offline'), qos: 1, retain: true },
    })
    client.on('error', ({ message }) => refusals.set(id, message))
    client.on('connect', () => {
      refusals.delete(id)
      void client.publishAsync(status, 'online', { qos: 1, retain: true }).catch(() => {})
    })
    return client
  }

  return {
    async start() {
      const online = options.devices.map(async (device, index) => {
        await new Promise((resolve) => setTimeout(resolve, index * connectSpacingMs))
        const client = connect(device)
        clients.set(device.id, client)
        await new Promise((resolve) => client.once('connect', resolve))
        keepReporting(device)
      })
      let timer: NodeJS.Timeout | undefined
      const late = new Promise<never>((_, reject) => {
        const fail = () => {
          const away = options.devices.filter(({ id }) => !clients.get(id)?.connected)
          const why = refusals.get(away[0]?.id ?? '') ?? 'no answer'
          reject(
            new Error(`${away.length} of ${options.devices.length} devices are not online (${away[0]?.id}: ${why})`),
          )
        }
        timer = setTimeout(fail, (options.patienceMs ?? defaultPatienceMs) + options.devices.length * connectSpacingMs)
      })
      await Promise.race([Promise.all(online), late]).finally(() => clearTimeout(timer))
    },
    report: publish,
    async happen(device, incident) {
      const kind = byId.get(device)?.kind ?? ''
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
