import type { Readable } from 'node:stream'
import MemoryPersistence from 'aedes-persistence/asyncPersistence.js'
import {
  type BacklogCounts,
  SessionBacklog,
  type SessionBacklogOptions,
  type SessionClient,
  type SessionPacket,
} from './session-backlog.ts'
import { SessionDatabase } from './session-database.ts'

export interface Subscription {
  topic: string
  qos: 0 | 1 | 2
  [option: string]: unknown
}

export interface SessionPersistenceOptions extends SessionBacklogOptions {
  /** SQLite file; `:memory:` for tests. */
  file: string
  /** Whether a client may have this subscription kept. aedes stores refused ones that came beside an allowed one. */
  admits?: (client: SessionClient, filter: string) => boolean
}

export interface SessionMetrics extends BacklogCounts {
  sessions: number
  queuedMessages: number
  queuedBytes: number
  retained: number
  retainedRefused: number
  expiredSessions: number
  /** 1 while the store cannot be written. */
  failing: 0 | 1
  commits: number
}

/**
 * aedes' persistence on SQLite: sessions, queued and retained messages, wills and QoS 2 state outlive the process.
 * Matching stays in memory (aedes' own implementation, loaded at the start).
 *
 * ```
 *  publish QoS ≥ 1 ─► outgoingEnqueueCombi ─► row per session ─► commit ─► PUBACK to the sender, live delivery
 *                                                 │
 *   client away: bounded by count, bytes and age  │  client there: outgoingUpdate ─► sent ─► PUBACK ─► row deleted
 *   client back: outgoingStream, alarms first ◄───┘
 * ```
 */
export class SessionPersistence {
  readonly database: SessionDatabase
  readonly backlog: SessionBacklog
  readonly #memory = new MemoryPersistence()
  readonly #options: SessionPersistenceOptions
  readonly #lastSeen = new Map<string, number>()
  /** Client id → topic filter → what is stored of the subscription. */
  readonly #subscriptions = new Map<string, Map<string, string>>()
  readonly #retained = new Set<string>()
  readonly #statements
  #retainedRefused = 0
  #expiredSessions = 0
  #broker: { id: string } = { id: '' }

  /** @throws StartError when the file cannot be opened */
  constructor(options: SessionPersistenceOptions) {
    this.#options = options
    this.database = new SessionDatabase(options.file, options.logger)
    this.backlog = new SessionBacklog(this.database, options)
    this.#statements = prepareStatements(this.database)
  }

  get broker(): { id: string } {
    return this.#broker
  }

  // aedes tells an async persistence by this very method being an async function.
  async setup(broker: { id: string }): Promise<void> {
    this.#broker = broker
    await this.#memory.setup(broker)
    const sql = this.#statements
    for (const row of sql.subscriptions.all() as Array<{ client_id: string; options: string }>) {
      const subscription = JSON.parse(row.options) as Subscription
      await this.#memory.addSubscriptions({ id: row.client_id }, [subscription])
      this.#subscriptionsOf(row.client_id).set(subscription.topic, row.options)
    }
    for (const row of sql.sessions.all() as Array<{ client_id: string; last_seen: number }>) {
      this.#lastSeen.set(row.client_id, row.last_seen)
    }
    for (const row of sql.retained.all() as Array<{ topic: string; packet: string; payload: Uint8Array }>) {
      await this.#memory.storeRetained({ ...JSON.parse(row.packet), payload: Buffer.from(row.payload) })
      this.#retained.add(row.topic)
    }
    for (const row of sql.wills.all() as WillRow[]) {
      const will = { ...JSON.parse(row.packet), payload: Buffer.from(row.payload) }
      await this.#memory.putWill({ id: row.client_id }, will)
      // putWill signs with this broker's id; the will belongs to one that is gone, which is how aedes finds it.
      will.brokerId = row.broker_id
    }
    for (const row of sql.incoming.all() as Array<{ client_id: string; message_id: number }>) {
      const packet = { cmd: 'publish', topic: '', qos: 2, messageId: row.message_id }
      await this.#memory.incomingStorePacket({ id: row.client_id }, packet)
    }
    this.backlog.load()
  }

  metrics(): SessionMetrics {
    return {
      sessions: this.#lastSeen.size,
      queuedMessages: this.backlog.size(),
      queuedBytes: this.backlog.bytes,
      ...this.backlog.counts,
      retained: this.#retained.size,
      retainedRefused: this.#retainedRefused,
      expiredSessions: this.#expiredSessions,
      failing: this.database.failing ? 1 : 0,
      commits: this.database.commits,
    }
  }

  // --- retained messages

  async storeRetained(packet: SessionPacket): Promise<void> {
    const { topic } = packet
    // A copy: the payload is a slice of the socket's buffer, which would be kept whole.
    const payload = Buffer.from(packet.payload as Buffer)
    if (payload.length === 0) {
      this.#retained.delete(topic)
      this.database.write(() => this.#statements.deleteRetained.run(topic))
    } else {
      if (!this.#retained.has(topic) && this.#retained.size >= this.#options.limits.retained) {
        if (this.#retainedRefused++ === 0) {
          this.#options.logger.error({ topic }, 'too many retained topics: further ones are passed on but not retained')
        }
        return
      }
      this.#retained.add(topic)
      const json = JSON.stringify({ ...packet, payload: undefined })
      this.database.write(() => this.#statements.putRetained.run(topic, json, payload))
    }
    return this.#memory.storeRetained({ ...packet, payload })
  }

  createRetainedStream(pattern: string): Readable {
    return this.#memory.createRetainedStream(pattern)
  }

  createRetainedStreamCombi(patterns: string[]): Readable {
    return this.#memory.createRetainedStreamCombi(patterns)
  }

  // --- subscriptions

  async addSubscriptions(client: SessionClient, subscriptions: Subscription[]): Promise<void> {
    const { admits } = this.#options
    const allowed = admits ? subscriptions.filter((one) => admits(client, one.topic)) : subscriptions
    const known = this.#subscriptionsOf(client.id)
    for (const subscription of allowed) {
      const json = JSON.stringify(subscription)
      if (known.get(subscription.topic) === json) continue
      known.set(subscription.topic, json)
      this.database.write(() => this.#statements.putSubscription.run(client.id, subscription.topic, json))
    }
    await this.#memory.addSubscriptions(client, allowed)
    await this.#stored()
  }

  async removeSubscriptions(client: SessionClient, topics: string[]): Promise<void> {
    for (const topic of topics) {
      this.#subscriptions.get(client.id)?.delete(topic)
      this.database.write(() => this.#statements.deleteSubscription.run(client.id, topic))
    }
    await this.#memory.removeSubscriptions(client, topics)
    await this.#stored()
  }

  subscriptionsByClient(client: SessionClient): Promise<Subscription[]> {
    return this.#memory.subscriptionsByClient(client)
  }

  subscriptionsByTopic(topic: string): Promise<Array<{ clientId: string; topic: string; qos: number }>> {
    return this.#memory.subscriptionsByTopic(topic)
  }

  /** A client logs in with a clean session: nothing of an earlier one remains [MQTT-3.1.2-6]. */
  async cleanSubscriptions(client: SessionClient): Promise<void> {
    await this.#memory.cleanSubscriptions(client)
    const isKnown = this.#lastSeen.has(client.id) || this.#subscriptions.has(client.id)
    if (isKnown || this.backlog.size(client.id) > 0) this.#forget(client.id)
  }

  countOffline(): Promise<{ subsCount: number; clientsCount: number }> {
    return this.#memory.countOffline()
  }

  getClientList(topic: string): Readable {
    return this.#memory.getClientList(topic)
  }

  // --- messages to clients

  outgoingEnqueue(subscription: { clientId: string }, packet: SessionPacket): Promise<void> {
    return this.outgoingEnqueueCombi([subscription], packet)
  }

  /**
   * Stores `packet` for every session and resolves when it is on the disk. When the disk refuses it resolves all the
   * same, so that connected subscribers get the message; `database.failing` then keeps the sender from being acknowledged.
   */
  async outgoingEnqueueCombi(subscriptions: ReadonlyArray<{ clientId: string }>, packet: SessionPacket): Promise<void> {
    if (subscriptions.length === 0 && !packet.retain) return
    // Subscriptions of one client that overlap are one message to it.
    this.backlog.enqueue(new Set(subscriptions.map((one) => one.clientId)), packet)
    await this.#stored()
  }

  async outgoingUpdate(client: SessionClient, packet: SessionPacket): Promise<void> {
    this.backlog.sending(client, packet)
  }

  async outgoingClearMessageId(client: SessionClient, packet: SessionPacket): Promise<unknown> {
    return this.backlog.acknowledge(client, packet)
  }

  outgoingStream(client: SessionClient): Readable {
    return this.backlog.stream(client)
  }

  // --- QoS 2 messages from clients

  // Not awaited: the same turn stores the message for its subscribers, and one transaction holds both.
  async incomingStorePacket(client: SessionClient, packet: SessionPacket): Promise<void> {
    this.database.write(() => this.#statements.putIncoming.run(client.id, packet.messageId!))
    return this.#memory.incomingStorePacket(client, packet)
  }

  incomingGetPacket(client: SessionClient, packet: SessionPacket): Promise<unknown> {
    return this.#memory.incomingGetPacket(client, packet)
  }

  async incomingDelPacket(client: SessionClient, packet: SessionPacket): Promise<void> {
    this.database.write(() => this.#statements.deleteIncoming.run(client.id, packet.messageId!))
    return this.#memory.incomingDelPacket(client, packet)
  }

  async cleanIncoming(client: SessionClient): Promise<void> {
    this.database.write(() => this.#statements.cleanIncoming.run(client.id))
    return this.#memory.cleanIncoming(client)
  }

  // --- wills

  async putWill(client: SessionClient, will: SessionPacket): Promise<void> {
    await this.#memory.putWill(client, will)
    const json = JSON.stringify({ ...will, payload: undefined })
    const payload = Buffer.from(will.payload as Buffer)
    this.database.write(() => this.#statements.putWill.run(client.id, this.#broker.id, json, payload))
  }

  getWill(client: SessionClient): Promise<unknown> {
    return this.#memory.getWill(client)
  }

  async delWill(client: SessionClient): Promise<unknown> {
    const will = await this.#memory.delWill(client)
    if (will) this.database.write(() => this.#statements.deleteWill.run(client.id))
    return will
  }

  streamWill(brokers?: Record<string, unknown>): Readable {
    return this.#memory.streamWill(brokers)
  }

  // --- life of a session

  /** Notes that a client with a persistent session was there just now. */
  touch(clientId: string): void {
    const now = this.#options.now()
    this.#lastSeen.set(clientId, now)
    this.database.write(() => this.#statements.putSession.run(clientId, now))
  }

  /** Drops messages past their age and the sessions of clients that have been away too long. */
  async sweep(isConnected: (clientId: string) => boolean): Promise<void> {
    this.backlog.dropExpired()
    const limit = this.#options.now() - this.#options.limits.expiryMs
    for (const [clientId, lastSeen] of this.#lastSeen) {
      if (lastSeen > limit) continue
      if (isConnected(clientId)) {
        this.touch(clientId)
        continue
      }
      const messages = this.backlog.size(clientId)
      this.#options.logger.warn({ clientId, messages }, 'a client has been away too long: its session is dropped')
      this.#expiredSessions++
      await this.#memory.cleanSubscriptions({ id: clientId })
      this.#forget(clientId)
    }
  }

  async destroy(): Promise<void> {
    await this.#memory.destroy()
    this.database.close()
  }

  /** Resolves after the commit, or its failure: the connection must not break because the disk is full. */
  #stored(): Promise<void> {
    return this.database.committed().catch(() => {})
  }

  #subscriptionsOf(clientId: string): Map<string, string> {
    let subscriptions = this.#subscriptions.get(clientId)
    if (!subscriptions) {
      subscriptions = new Map()
      this.#subscriptions.set(clientId, subscriptions)
    }
    return subscriptions
  }

  #forget(clientId: string): void {
    this.backlog.forget(clientId)
    this.#lastSeen.delete(clientId)
    this.#subscriptions.delete(clientId)
    this.database.write(() => {
      this.#statements.forgetSession.run(clientId)
      this.#statements.forgetSubscriptions.run(clientId)
    })
  }
}

interface WillRow {
  client_id: string
  broker_id: string
  packet: string
  payload: Uint8Array
}

function prepareStatements({ db }: SessionDatabase) {
  return {
    sessions: db.prepare('SELECT client_id, last_seen FROM session'),
    putSession: db.prepare('REPLACE INTO session (client_id, last_seen) VALUES (?, ?)'),
    forgetSession: db.prepare('DELETE FROM session WHERE client_id = ?'),
    subscriptions: db.prepare('SELECT client_id, options FROM subscription'),
    putSubscription: db.prepare('REPLACE INTO subscription (client_id, topic, options) VALUES (?, ?, ?)'),
    deleteSubscription: db.prepare('DELETE FROM subscription WHERE client_id = ? AND topic = ?'),
    forgetSubscriptions: db.prepare('DELETE FROM subscription WHERE client_id = ?'),
    retained: db.prepare('SELECT topic, packet, payload FROM retained_message'),
    putRetained: db.prepare('REPLACE INTO retained_message (topic, packet, payload) VALUES (?, ?, ?)'),
    deleteRetained: db.prepare('DELETE FROM retained_message WHERE topic = ?'),
    wills: db.prepare('SELECT client_id, broker_id, packet, payload FROM will'),
    putWill: db.prepare('REPLACE INTO will (client_id, broker_id, packet, payload) VALUES (?, ?, ?, ?)'),
    deleteWill: db.prepare('DELETE FROM will WHERE client_id = ?'),
    incoming: db.prepare('SELECT client_id, message_id FROM incoming_message'),
    putIncoming: db.prepare('REPLACE INTO incoming_message (client_id, message_id) VALUES (?, ?)'),
    deleteIncoming: db.prepare('DELETE FROM incoming_message WHERE client_id = ? AND message_id = ?'),
    cleanIncoming: db.prepare('DELETE FROM incoming_message WHERE client_id = ?'),
  }
}
