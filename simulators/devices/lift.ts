import mqtt, { type MqttClient } from 'mqtt'

export interface SimulatedLiftOptions {
  url: string
  site: string
  /** Device that reports the lift's signals, with its MQTT secret. */
  signals: { id: string; secret: string }
  /** Device that holds the door. */
  relay: { id: string; secret: string }
}

/** A lift's interface and its door relay, as two MQTT devices beside each other. */
export interface SimulatedLift {
  start(): Promise<void>
  /** Whether the relay holds the door now. */
  readonly isDoorHeld: boolean
  /** Changes what the lift reports, and reports it at once. */
  report(values: Record<string, boolean>): void
  stop(): Promise<void>
}

const reportEveryMs = 500
/** The relay never holds longer than this on one lease, whatever it is told. */
const maxLeaseMs = 2000

/** Stands at a landing with its door open and nothing against a hold, until told otherwise. */
export function createSimulatedLift(options: SimulatedLiftOptions): SimulatedLift {
  const topic = (device: string, part: string) => `site/${options.site}/${device}/${part}`
  const clients: MqttClient[] = []
  const lastSeq = new Map<string, number>()
  let values: Record<string, boolean> = {
    isAtLanding: true,
    isDoorOpen: true,
    isMoving: false,
    isFireMode: false,
    isFault: false,
    isEntrapment: false,
    isInspection: false,
  }
  let isDoorHeld = false
  let lease: NodeJS.Timeout | undefined
  let reporting: NodeJS.Timeout | undefined
  let send = () => {}

  const connect = async ({ id, secret }: SimulatedLiftOptions['relay']) => {
    const client = await mqtt.connectAsync(options.url, { clientId: id, username: id, password: secret })
    clients.push(client)
    client.on('error', () => {})
    client.publish(topic(id, 'status'), 'online', { qos: 1, retain: true })
    return client
  }

  return {
    async start() {
      const signals = await connect(options.signals)
      send = () => {
        signals.publish(topic(options.signals.id, 'up'), JSON.stringify({ at: new Date().toISOString(), values }))
      }
      reporting = setInterval(() => send(), reportEveryMs)
      const relay = await connect(options.relay)
      relay.on('message', (_topic, payload) => {
        const { type, session, seq, forMs } = JSON.parse(payload.toString())
        if (seq <= (lastSeq.get(session) ?? 0)) return
        lastSeq.set(session, seq)
        clearTimeout(lease)
        isDoorHeld = type === 'hold'
        if (isDoorHeld)
          lease = setTimeout(
            () => {
              isDoorHeld = false
            },
            Math.min(forMs, maxLeaseMs),
          )
        const answer = { type: isDoorHeld ? 'holding' : 'released', session, seq }
        relay.publish(topic(options.relay.id, 'up'), JSON.stringify(answer))
      })
      await relay.subscribeAsync(topic(options.relay.id, 'down'))
    },
    get isDoorHeld() {
      return isDoorHeld
    },
    report(changed) {
      values = { ...values, ...changed }
      send()
    },
    async stop() {
      clearInterval(reporting)
      clearTimeout(lease)
      await Promise.all(clients.map((client) => client.endAsync(true).catch(() => {})))
    },
  }
}
