import mqtt, { type IClientOptions, type MqttClient } from 'mqtt'
import type { Logger } from 'pino'
import { backoffMs } from '../core/backoff.ts'
import type { Clock } from '../core/clock.ts'

export interface MqttMessage {
  topic: string
  payload: Uint8Array
  /** A retained message is an old one, handed out again at subscription. */
  isRetained: boolean
}

export interface MqttLinkOptions {
  url: string
  username?: string
  password?: string
  /** Fixed, so that the broker keeps messages for us while we are away. */
  clientId: string
  filters: readonly string[]
  /** Published, retained, by the broker when the connection is lost. */
  will?: { topic: string; payload: string }
  /** A QoS 1 message is acknowledged when this resolves; it is delivered again after a rejection or a crash. */
  onMessage(message: MqttMessage): Promise<void>
  clock: Clock
  random: () => number
  logger: Logger
}

export interface MqttLink {
  readonly isConnected: boolean
  /** Keeps the connection until aborted. */
  run(signal: AbortSignal): Promise<void>
  /** Resolves when the broker has it (QoS 1). Rejects at once while there is no connection. */
  publish(topic: string, payload: string | Uint8Array, options?: { qos?: 0 | 1; retain?: boolean }): Promise<void>
  /** Reads these topics too, from now and after every reconnection; those it reads already are left out. */
  addFilters(filters: readonly string[]): void
  /** Messages of this filter go to the handler instead of onMessage. Returns the function that ends it. */
  subscribe(filter: string, handler: Handler): () => void
}

type Handler = (topic: string, payload: Uint8Array) => void

const nobody: readonly Handler[] = []
const backoff = { minMs: 500, maxMs: 15_000 }

/** The parts of mqtt.js that deferring a PUBACK needs and its types keep private. */
interface PacketSender {
  _sendPacket(packet: { cmd: string }, done?: () => void, ...rest: unknown[]): void
}

/**
 * The gateway as an ordinary MQTT client: QoS 1, persistent session, own back-off. PUBACKs leave in the order of
 * receipt [MQTT-4.6.0-2], each when its message is stored, without holding up the messages behind it.
 */
export function createMqttLink(options: MqttLinkOptions): MqttLink {
  const handlers = new Map<string, Set<Handler>>()
  const filters = new Set(options.filters)
  let client: MqttClient | undefined

  function deliver(message: MqttMessage): Promise<void> {
    try {
      const own = handlers.size === 0 ? nobody : handlersOf(message.topic)
      if (own.length === 0) return options.onMessage(message)
      for (const handler of own) handler(message.topic, message.payload)
      return Promise.resolve()
    } catch (error) {
      return Promise.reject(error)
    }
  }

  const handlersOf = (topic: string): readonly Handler[] =>
    [...handlers].filter(([filter]) => matches(filter, topic)).flatMap(([, set]) => [...set])

  /** One connection, from CONNECT until it is lost; resolves with whether it ever stood. */
  async function runOnce(signal: AbortSignal): Promise<boolean> {
    const connectOptions: IClientOptions = {
      clientId: options.clientId,
      clean: false,
      reconnectPeriod: 0,
      queueQoSZero: false,
      resubscribe: false,
      // Its own tracing costs a twentieth of the time of a message, switched off or not.
      log: () => {},
      keepalive: 30,
      connectTimeout: 10_000,
      ...(options.will
        ? { will: { topic: options.will.topic, payload: Buffer.from(options.will.payload), qos: 1, retain: true } }
        : {}),
      ...(options.username === undefined ? {} : { username: options.username }),
      ...(options.password === undefined ? {} : { password: options.password }),
    }
    const connection = mqtt.connect(options.url, connectOptions)
    const acknowledgements = deferAcknowledgements(connection)
    connection.on('message', (topic, payload, packet) => {
      acknowledgements.expect(packet.qos, deliver({ topic, payload, isRetained: packet.retain }))
    })
    let hasStood = false
    let stop = () => {}
    const lost = new Promise<string>((resolve) => {
      connection.on('error', (error) => resolve(error.message))
      connection.on('close', () => resolve('connection closed'))
      stop = () => resolve('stopping')
      signal.addEventListener('abort', stop, { once: true })
    })
    connection.on('connect', () => {
      hasStood = true
      client = connection
      options.logger.info({ url: options.url }, 'mqtt connected')
      connection.subscribe([...filters, ...handlers.keys()], { qos: 1 }, (error, granted) => {
        const refused = granted?.filter(({ qos }) => qos > 2).map(({ topic }) => topic)
        if (error || refused?.length)
          options.logger.error({ err: error, refused }, 'mqtt subscription refused; check the broker’s rights')
      })
    })
    const reason = await lost
    signal.removeEventListener('abort', stop)
    if (client === connection) client = undefined
    if (hasStood && !signal.aborted) options.logger.warn({ url: options.url, reason }, 'mqtt lost')
    await connection.endAsync(!signal.aborted).catch(() => {})
    return hasStood
  }

  return {
    get isConnected() {
      return client !== undefined
    },
    async run(signal) {
      let attempt = 0
      let isKnownLost = false
      while (!signal.aborted) {
        const hasStood = await runOnce(signal)
        attempt = hasStood ? 0 : attempt + 1
        if (!hasStood && !isKnownLost && !signal.aborted)
          options.logger.warn({ url: options.url }, 'mqtt broker cannot be reached; trying on')
        isKnownLost = !hasStood
        await options.clock.sleep(backoffMs(attempt, backoff, options.random), signal).catch(() => {})
      }
    },
    async publish(topic, payload, { qos = 1, retain = false } = {}) {
      if (!client) throw new Error('no connection to the MQTT broker')
      await client.publishAsync(topic, typeof payload === 'string' ? payload : Buffer.from(payload), { qos, retain })
    },
    addFilters(more) {
      const added = more.filter((filter) => !filters.has(filter))
      for (const filter of added) filters.add(filter)
      // Refused where the broker has not yet read our new rights: it then ends the connection, and the next one asks.
      if (added.length > 0) client?.subscribe(added, { qos: 1 }, () => {})
    },
    subscribe(filter, handler) {
      const set = handlers.get(filter) ?? new Set()
      if (set.size === 0) {
        handlers.set(filter, set)
        client?.subscribe(filter, { qos: 1 })
      }
      set.add(handler)
      return () => {
        set.delete(handler)
        if (set.size > 0) return
        handlers.delete(filter)
        client?.unsubscribe(filter)
      }
    },
  }
}

/**
 * mqtt.js takes the next packet only after it has sent the PUBACK of the last, so waiting for a store before each
 * PUBACK would make every batch one message long. PUBACKs are therefore taken out of its hands and sent from a queue.
 */
function deferAcknowledgements(connection: MqttClient) {
  const sender = connection as unknown as PacketSender
  const send = sender._sendPacket.bind(connection)
  const stored: Array<Promise<boolean>> = []
  const queue: Array<{ packet: { cmd: string }; stored: Promise<boolean> }> = []
  let newest: { work: Promise<void>; outcome: Promise<boolean> } | undefined
  let isDraining = false

  async function drain() {
    isDraining = true
    let known: Promise<boolean> | undefined
    let isStored = false
    for (let next = queue.shift(); next; next = queue.shift()) {
      if (next.stored !== known) {
        known = next.stored
        isStored = await known
      }
      if (!connection.connected) {
        queue.length = 0
        break
      }
      // An unstored message ends the session: the broker delivers it, and what came after it, again.
      if (!isStored) {
        connection.end(true)
        queue.length = 0
        break
      }
      send(next.packet)
    }
    isDraining = false
  }

  sender._sendPacket = (packet, done, ...rest) => {
    const outcome = packet.cmd === 'puback' ? stored.shift() : undefined
    if (!outcome) return send(packet, done, ...rest)
    queue.push({ packet, stored: outcome })
    if (!isDraining) void drain()
    done?.()
  }
  return {
    /** Called for each message before mqtt.js asks to send its PUBACK. Messages of one batch come with one promise. */
    expect(qos: number, work: Promise<void>) {
      if (newest?.work !== work)
        newest = {
          work,
          outcome: work.then(
            () => true,
            () => false,
          ),
        }
      if (qos === 1) stored.push(newest.outcome)
    },
  }
}

/** Whether a topic matches a filter [MQTT-4.7]. */
export function matches(filter: string, topic: string): boolean {
  const wanted = filter.split('/')
  const given = topic.split('/')
  for (const [index, part] of wanted.entries()) {
    if (part === '#') return true
    if (index >= given.length || (part !== '+' && part !== given[index])) return false
  }
  return wanted.length === given.length
}
