import { Readable } from 'node:stream'
import MemoryPersistence from 'aedes-persistence/asyncPersistence.js'
import type { Logger } from 'pino'
import type { SessionLimits } from './limits.ts'
import { SessionDatabase } from './session-database.ts'
import { type QueuedMessage, SessionQueue } from './session-queue.ts'
import { compileFilters } from './topic-filter.ts'

/** What the persistence needs of an aedes client; callers without a connection are given plain copies of the store. */
export interface SessionClient {
  id: string
  conn?: unknown
}

/** The packets aedes passes to its persistence. */
export interface SessionPacket {
  cmd: 'publish' | 'pubrel'
  topic: string
  payload: Buffer | string
  qos: 0 | 1 | 2
  retain: boolean
  dup?: boolean
  brokerId?: string
  brokerCounter?: number
  messageId?: number | undefined
}

export interface Subscription {
  topic: string
  qos: 0 | 1 | 2
  [option: string]: unknown
}

export interface SessionPersistenceOptions {
  /** SQLite file; `:memory:` for tests. */
  file: string
  limits: SessionLimits
  /** Topic filters whose messages are not dropped while there is room in the store. */
  alarmTopics: readonly string[]
  logger: Logger
  now: () => number
  /** Whether a client may have this subscription kept. aedes stores refused ones that came beside an allowed one. */
  admits?: (client: SessionClient, filter: string) => boolean
}

export interface SessionMetrics {
  sessions: number
  queuedMessages: number
  queuedBytes: number
  /** Dropped because the client's queue, or the store, was full. */
  droppedFull: number
  droppedExpired: number
  /** Alarms dropped because the whole store was full of alarms. Anything but 0 needs a person. */
  droppedAlarms: number
  retained: number
  retainedRefused: number
  expiredSessions: number
  /** 1 while the store cannot be written. */
  failing: 0 | 1
  commits: number
}

type DropReason = 'droppedFull' | 'droppedExpired' | 'droppedAlarms'

// What a message costs beside its payload: its row and its entry in memory.
const overheadBytes = 200

/**
 * aedes' persistence on SQLite: sessions, queued and retained messages, wills and QoS 2 state outlive the process.
 *
 * Matching stays in memory (aedes' own implementation, loaded at the start); queued payloads are only on the disk.
 *
 * ```
 *  publish QoS ≥ 1 ─► outgoingEnqueueCombi ─► row per session ─► commit ─► PUBACK to the sender, live delivery
 *                                                 │
 *   client away: bounded by count, bytes and age  │  client there: outgoingUpdate ─► sent ─► PUBACK ─► row deleted
 *   client back: outgoingStream, alarms first ◄───┘
 * ```
 *
 * While a client is given its backlog, live messages for it wait at the end of the queue instead of overtaking it
 * ({@link holds}), so every topic arrives in order.
 */
export class SessionPersistence {
  readonly database: SessionDatabase
  readonly #memory = new MemoryPersistence()
  readonly #options: SessionPersistenceOptions
  readonly #isAlarm: (topic: string) => boolean
  readonly #queues = new Map<string, SessionQueue>()
  readonly #lastSeen = new Map<string, number>()
  readonly #subscriptions = new Map<string, Map<string, string>>()
  readonly #retained = new Set<string>()
  readonly #statements
  readonly #counts = { droppedFull: 0, droppedExpired: 0, droppedAlarms: 0, retainedRefused: 0, expiredSessions: 0 }
  #bytes = 0
  #seq = 0
  #broker: { id: string } = { id: '' }
  #alarmDropReportedAt = 0

  constructor(options: SessionPersistenceOptions) {
    this.#options = options
    this.#isAlarm = compileFilters(options.alarmTopics)
    this.database = new SessionDatabase(options.file, options.logger)
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
    for (const row of sql.subscriptions.all() as Array<Record<string, string>>) {
      const subscription = JSON.parse(row.options!) as Subscription
      await this.#memory.addSubscriptions({ id: row.client_id! }, [subscription])
      this.#subscriptionsOf(row.client_id!).set(subscription.topic, row.options!)
    }
    for (const row of sql.sessions.all() as Array<{ client_id: string; last_seen: number }>) {
      this.#lastSeen.set(row.client_id, row.last_seen)
    }
    for (const row of sql.retained.all() as Array<{ topic: string; packet: string; payload: Uint8Array }>) {
      await this.#memory.storeRetained({ ...JSON.parse(row.packet), payload: Buffer.from(row.payload) })
      this.#retained.add(row.topic)
    }
    for (const row of sql.wills.all() as Array<Record<string, string> & { payload: Uint8Array }>) {
      const will = { ...JSON.parse(row.packet!), payload: Buffer.from(row.payload) }
      await this.#memory.putWill({ id: row.client_id! }, will)
      // putWill signs with this broker's id; the will belongs to one that is gone, which is how aedes finds it.
      will.brokerId = row.broker_id
    }
    for (const row of sql.incoming.all() as Array<{ client_id: string; message_id: number }>) {
      const packet = { cmd: 'publish', topic: '', qos: 2, messageId: row.message_id }
      await this.#memory.incomingStorePacket({ id: row.client_id }, packet)
    }
    for (const row of sql.queued.iterate() as IterableIterator<QueuedRow>) {
      this.#seq = row.seq
      this.#index(row.client_id, {
        seq: row.seq,
        key: `${row.broker_id}:${row.broker_counter}`,
        bytes: row.bytes + overheadBytes,
        alarm: this.#isAlarm(row.topic),
        storedAt: row.stored_at,
        messageId: row.message_id ?? undefined,
        sentOn: undefined,
      })
    }
    for (const queue of this.#queues.values()) this.#bound(queue)
  }

  metrics(): SessionMetrics {
    let queuedMessages = 0
    for (const queue of this.#queues.values()) queuedMessages += queue.size
    return {
      sessions: this.#lastSeen.size,
      queuedMessages,
      queuedBytes: this.#bytes,
      ...this.#counts,
      retained: this.#retained.size,
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
        this.#counts.retainedRefused++
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
      this.database.write(() =>
        this.#statements.putSubscription.run(client.id, subscription.topic, subscription.qos, json),
      )
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
    if (this.#lastSeen.has(client.id) || this.#subscriptions.has(client.id) || this.#queues.has(client.id)) {
      this.#forget(client.id)
    }
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
    const key = keyOf(packet)
    const alarm = this.#isAlarm(packet.topic)
    const payload = Buffer.from(packet.payload as Buffer)
    const bytes = payload.length + packet.topic.length + overheadBytes
    const storedAt = this.#options.now()
    for (const { clientId } of subscriptions) {
      // Two subscriptions of one client that overlap are one message to it.
      if (subscriptions.length > 1 && this.#queues.get(clientId)?.has(key)) continue
      const seq = ++this.#seq
      const { brokerId = '', brokerCounter = 0, topic, qos } = packet
      this.database.write(() =>
        this.#statements.putQueued.run(seq, clientId, brokerId, brokerCounter, topic, qos, 0, payload, storedAt),
      )
      this.#bound(this.#index(clientId, { seq, key, bytes, alarm, storedAt, messageId: undefined, sentOn: undefined }))
    }
    await this.#stored()
  }

  /** A message is about to be sent with the packet id `packet.messageId`, or its release is. */
  async outgoingUpdate(client: SessionClient, packet: SessionPacket): Promise<void> {
    const queue = this.#queues.get(client.id)
    const message = queue?.byKey(keyOf(packet)) ?? queue?.byMessageId(packet.messageId!)
    if (!queue || !message) {
      // A retained QoS 2 message is sent without being queued; its release must not be an error for that.
      if (client.conn !== undefined && packet.cmd === 'pubrel') return
      throw new Error('no such packet')
    }
    if (packet.cmd === 'pubrel') {
      this.database.write(() => this.#statements.release.run(packet.messageId!, message.seq))
      return
    }
    const holder = queue.byMessageId(packet.messageId!)
    // aedes counts ids up from a random start and does not look whether an older message still has one.
    if (client.conn !== undefined && holder && holder !== message) packet.messageId = queue.freeMessageId()
    queue.name(message, packet.messageId!)
    message.sentOn = client
    // A QoS 1 message may go out under another id after a restart; for QoS 2 the id is the receiver's memory of it.
    if (packet.qos === 2 || client.conn === undefined) {
      this.database.write(() => this.#statements.nameQueued.run(packet.messageId!, message.seq))
    }
    queue.onSent?.()
  }

  /** The client acknowledged `packet.messageId`. */
  async outgoingClearMessageId(client: SessionClient, packet: SessionPacket): Promise<unknown> {
    const queue = this.#queues.get(client.id)
    const message = packet.messageId === undefined ? undefined : queue?.byMessageId(packet.messageId)
    if (!queue || !message) return undefined
    // aedes hands the stored packet to its 'ack' event only, which nobody listens to.
    const stored = client.conn === undefined ? this.#read(message) : { cmd: 'publish', messageId: packet.messageId }
    this.#remove(queue, message)
    return stored
  }

  outgoingStream(client: SessionClient): Readable {
    return Readable.from(client.conn === undefined ? this.#snapshot(client) : this.#backlog(client))
  }

  /** From now on live messages for `client` wait behind its backlog; ends when {@link outgoingStream} has given it all. */
  hold(client: SessionClient): void {
    this.#queueOf(client.id).drainingTo = client
    this.touch(client.id)
  }

  /** True when a live message must not be sent now, because the backlog stream will. */
  holds(client: SessionClient, packet: SessionPacket): boolean {
    const queue = this.#queues.get(client.id)
    if (queue?.drainingTo !== client) return false
    const message = queue.byKey(keyOf(packet))
    return message !== undefined && message.sentOn !== client
  }

  *#snapshot(client: SessionClient): Generator<unknown> {
    for (const message of [...(this.#queues.get(client.id) ?? [])]) yield this.#read(message)
  }

  async *#backlog(client: SessionClient): AsyncGenerator<unknown> {
    const queue = this.#queueOf(client.id)
    queue.drainingTo = client
    const cursor = { alarm: { seq: 0 }, other: { seq: 0 } }
    let last: QueuedMessage | undefined
    try {
      for (;;) {
        const message = queue.next(cursor)
        if (message) {
          if (this.#expired(message)) this.#drop(queue, message, 'droppedExpired')
          else if (message.sentOn !== client) {
            last = message
            yield { ...this.#read(message), ...(message.messageId !== undefined && { dup: true }) }
          }
          continue
        }
        // What was yielded waits in the reader's buffer. Live messages may flow once it has been handed to the socket.
        if (!last || last.sentOn === client || !queue.has(last.key)) return
        await new Promise<void>((resolve) => {
          queue.onSent = resolve
        })
      }
    } finally {
      queue.onSent = undefined
      if (queue.drainingTo === client) queue.drainingTo = undefined
    }
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
    if (this.#lastSeen.has(client.id)) this.database.write(() => this.#statements.cleanIncoming.run(client.id))
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
    for (const queue of this.#queues.values()) {
      for (let oldest = queue.oldestOther(); oldest && this.#expired(oldest); oldest = queue.oldestOther()) {
        this.#drop(queue, oldest, 'droppedExpired')
      }
    }
    const limit = this.#options.now() - this.#options.limits.expiryMs
    for (const [clientId, lastSeen] of this.#lastSeen) {
      if (isConnected(clientId)) {
        this.touch(clientId)
        continue
      }
      if (lastSeen > limit) continue
      const messages = this.#queues.get(clientId)?.size ?? 0
      this.#options.logger.warn({ clientId, messages }, 'a client has been away too long: its session is dropped')
      this.#counts.expiredSessions++
      await this.#memory.cleanSubscriptions({ id: clientId })
      this.#forget(clientId)
    }
  }

  async destroy(): Promise<void> {
    await this.#memory.destroy()
    this.database.close()
  }

  // --- inner

  /** Resolves after the commit, or its failure: the connection must not break because the disk is full. */
  #stored(): Promise<void> {
    return this.database.committed().catch(() => {})
  }

  #subscriptionsOf(clientId: string): Map<string, string> {
    return getOrAdd(this.#subscriptions, clientId, () => new Map())
  }

  #queueOf(clientId: string): SessionQueue {
    return getOrAdd(this.#queues, clientId, () => new SessionQueue(clientId))
  }

  #index(clientId: string, message: QueuedMessage): SessionQueue {
    const queue = this.#queueOf(clientId)
    queue.add(message)
    this.#bytes += message.bytes
    return queue
  }

  #expired(message: QueuedMessage): boolean {
    return !message.alarm && this.#options.now() - message.storedAt > this.#options.limits.ageMs
  }

  #remove(queue: SessionQueue, message: QueuedMessage): void {
    queue.remove(message)
    queue.onSent?.()
    this.#bytes -= message.bytes
    this.database.write(() => this.#statements.deleteQueued.run(message.seq))
  }

  #drop(queue: SessionQueue, message: QueuedMessage, reason: DropReason): void {
    this.#remove(queue, message)
    this.#counts[reason]++
  }

  #bound(queue: SessionQueue): void {
    const { messages, bytes, storeBytes } = this.#options.limits
    while (queue.others > messages || queue.otherBytes > bytes) this.#drop(queue, queue.oldestOther()!, 'droppedFull')
    while (this.#bytes > storeBytes) this.#makeRoom()
  }

  #makeRoom(): void {
    const largest = (size: (queue: SessionQueue) => number) =>
      [...this.#queues.values()].reduce((a, b) => (size(b) > size(a) ? b : a))
    const byOthers = largest((queue) => queue.otherBytes)
    const other = byOthers.oldestOther()
    if (other) {
      this.#drop(byOthers, other, 'droppedFull')
      return
    }
    const byAll = largest((queue) => queue.bytes)
    this.#drop(byAll, byAll.oldestAlarm()!, 'droppedAlarms')
    const now = this.#options.now()
    if (now - this.#alarmDropReportedAt < 60_000) return
    this.#alarmDropReportedAt = now
    this.#options.logger.fatal(
      { clientId: byAll.clientId, droppedAlarms: this.#counts.droppedAlarms, waiting: byAll.size },
      'the session store is full of alarms nobody collects: the oldest are being DROPPED; start the client or remove its credential',
    )
  }

  #forget(clientId: string): void {
    const queue = this.#queues.get(clientId)
    if (queue) this.#bytes -= queue.bytes
    this.#queues.delete(clientId)
    this.#lastSeen.delete(clientId)
    this.#subscriptions.delete(clientId)
    this.database.write(() => {
      for (const statement of this.#statements.forget) statement.run(clientId)
    })
  }

  #read(message: QueuedMessage): Record<string, unknown> {
    let row = this.#statements.oneQueued.get(message.seq) as StoredRow | undefined
    if (!row) {
      // Not committed yet.
      this.database.flush()
      row = this.#statements.oneQueued.get(message.seq) as StoredRow | undefined
    }
    if (!row) throw new Error(`message ${message.seq} is not in the session store`)
    if (row.command === 'pubrel') return { cmd: 'pubrel', messageId: message.messageId }
    return {
      cmd: 'publish',
      brokerId: row.broker_id,
      brokerCounter: row.broker_counter,
      topic: row.topic,
      payload: Buffer.from(row.payload.buffer, row.payload.byteOffset, row.payload.byteLength),
      qos: row.qos,
      retain: row.retain === 1,
      dup: false,
      messageId: message.messageId,
    }
  }
}

interface QueuedRow {
  seq: number
  client_id: string
  broker_id: string
  broker_counter: number
  message_id: number | null
  topic: string
  bytes: number
  stored_at: number
}

interface StoredRow {
  command: 'publish' | 'pubrel'
  broker_id: string
  broker_counter: number
  topic: string
  qos: number
  retain: number
  payload: Uint8Array
}

function keyOf(packet: SessionPacket): string {
  return `${packet.brokerId ?? ''}:${packet.brokerCounter ?? 0}`
}

function getOrAdd<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  let value = map.get(key)
  if (value === undefined) {
    value = make()
    map.set(key, value)
  }
  return value
}

function prepareStatements({ db }: SessionDatabase) {
  return {
    subscriptions: db.prepare('SELECT client_id, options FROM subscription'),
    sessions: db.prepare('SELECT client_id, last_seen FROM session'),
    retained: db.prepare('SELECT topic, packet, payload FROM retained_message'),
    wills: db.prepare('SELECT client_id, broker_id, packet, payload FROM will'),
    incoming: db.prepare('SELECT client_id, message_id FROM incoming_message'),
    queued: db.prepare(
      `SELECT seq, client_id, broker_id, broker_counter, message_id, topic, length(payload) + length(topic) AS bytes, stored_at
         FROM queued_message ORDER BY seq`,
    ),
    oneQueued: db.prepare(
      'SELECT command, broker_id, broker_counter, topic, qos, retain, payload FROM queued_message WHERE seq = ?',
    ),
    putQueued: db.prepare(
      `INSERT INTO queued_message (seq, client_id, broker_id, broker_counter, command, topic, qos, retain, payload, stored_at)
       VALUES (?, ?, ?, ?, 'publish', ?, ?, ?, ?, ?)`,
    ),
    nameQueued: db.prepare('UPDATE queued_message SET message_id = ? WHERE seq = ?'),
    release: db.prepare("UPDATE queued_message SET command = 'pubrel', message_id = ?, payload = x'' WHERE seq = ?"),
    deleteQueued: db.prepare('DELETE FROM queued_message WHERE seq = ?'),
    putRetained: db.prepare('REPLACE INTO retained_message (topic, packet, payload) VALUES (?, ?, ?)'),
    deleteRetained: db.prepare('DELETE FROM retained_message WHERE topic = ?'),
    putSubscription: db.prepare('REPLACE INTO subscription (client_id, topic, qos, options) VALUES (?, ?, ?, ?)'),
    deleteSubscription: db.prepare('DELETE FROM subscription WHERE client_id = ? AND topic = ?'),
    putSession: db.prepare('REPLACE INTO session (client_id, last_seen) VALUES (?, ?)'),
    putIncoming: db.prepare('REPLACE INTO incoming_message (client_id, message_id) VALUES (?, ?)'),
    deleteIncoming: db.prepare('DELETE FROM incoming_message WHERE client_id = ? AND message_id = ?'),
    cleanIncoming: db.prepare('DELETE FROM incoming_message WHERE client_id = ?'),
    putWill: db.prepare('REPLACE INTO will (client_id, broker_id, packet, payload) VALUES (?, ?, ?, ?)'),
    deleteWill: db.prepare('DELETE FROM will WHERE client_id = ?'),
    forget: ['session', 'subscription', 'queued_message', 'incoming_message'].map((table) =>
      db.prepare(`DELETE FROM ${table} WHERE client_id = ?`),
    ),
  }
}
