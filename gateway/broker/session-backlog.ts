import { Readable } from 'node:stream'
import type { Logger } from 'pino'
import type { SessionLimits } from './limits.ts'
import type { SessionDatabase } from './session-database.ts'
import { type QueuedMessage, SessionQueue } from './session-queue.ts'
import { compileFilters } from './topic-filter.ts'

/** What the sessions need of an aedes client; callers without a connection are given plain copies of the store. */
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

export interface SessionBacklogOptions {
  limits: SessionLimits
  /** Topic filters whose messages are not dropped while there is room in the store. */
  alarmTopics: readonly string[]
  logger: Logger
  now: () => number
}

export interface BacklogCounts {
  /** Dropped because the client's queue, or the store, was full. */
  droppedFull: number
  droppedExpired: number
  /** Alarms dropped because the whole store was full of alarms. Anything but 0 needs a person. */
  droppedAlarms: number
}

// What a message costs beside its payload and topic: its row and its entry in memory.
const overheadBytes = 200
const alarmDropReportMs = 60_000
/** Topics whose rank is remembered; more are asked for anew. */
const maxRemembered = 65_536

/**
 * Messages of QoS ≥ 1 that persistent sessions have not acknowledged: an index in memory, payloads in the database.
 *
 * A message is queued (stored for every session that wants it) → sent (has a packet id and a connection) → released
 * (QoS 2 only: received, the release is owed) → gone. A client that comes back gets what is not gone, alarms first.
 * While it is given its backlog, live messages for it wait at the end of the queue instead of overtaking it
 * ({@link holds}), so every topic arrives in order.
 */
export class SessionBacklog {
  readonly counts: BacklogCounts = { droppedFull: 0, droppedExpired: 0, droppedAlarms: 0 }
  /** Of all queued messages. */
  bytes = 0
  readonly #database: SessionDatabase
  readonly #options: SessionBacklogOptions
  #filter: (topic: string) => boolean
  /** What the filter said of topics that come again and again. */
  readonly #alarms = new Map<string, boolean>()
  readonly #queues = new Map<string, SessionQueue>()
  readonly #statements
  #seq = 0
  #alarmDropReportedAt = 0

  constructor(database: SessionDatabase, options: SessionBacklogOptions) {
    this.#database = database
    this.#options = options
    this.#filter = compileFilters(options.alarmTopics)
    this.#statements = prepareStatements(database)
  }

  /** Messages of these topics are not dropped from now on; what is queued keeps the rank it came with. */
  keepFirst(filters: readonly string[]): void {
    this.#filter = compileFilters(filters)
    this.#alarms.clear()
  }

  #isAlarm(topic: string): boolean {
    let isAlarm = this.#alarms.get(topic)
    if (isAlarm !== undefined) return isAlarm
    isAlarm = this.#filter(topic)
    if (this.#alarms.size >= maxRemembered) this.#alarms.clear()
    this.#alarms.set(topic, isAlarm)
    return isAlarm
  }

  /** Builds the index of what an earlier process left. */
  load(): void {
    for (const row of this.#statements.index.iterate() as IterableIterator<IndexRow>) {
      this.#seq = row.seq
      this.#index(row.client_id, {
        seq: row.seq,
        key: `${row.broker_id}:${row.broker_counter}`,
        bytes: row.bytes + overheadBytes,
        alarm: this.#isAlarm(row.topic),
        storedAt: row.stored_at,
        messageId: row.message_id ?? undefined,
        isReleased: row.command === 'pubrel',
        sentOn: undefined,
      })
    }
    for (const queue of this.#queues.values()) this.#bound(queue)
  }

  /** Messages waiting for all clients, or for one. */
  size(clientId?: string): number {
    if (clientId !== undefined) return this.#queues.get(clientId)?.size ?? 0
    let size = 0
    for (const queue of this.#queues.values()) size += queue.size
    return size
  }

  /** Queues `packet` for the sessions; it is safe after the database's next commit. */
  enqueue(clientIds: Iterable<string>, packet: SessionPacket): void {
    const { topic, qos, brokerId = '', brokerCounter = 0 } = packet
    const key = keyOf(packet)
    const alarm = this.#isAlarm(topic)
    // A copy: the payload is a slice of the socket's buffer.
    const payload = typeof packet.payload === 'string' ? packet.payload : Buffer.from(packet.payload)
    const bytes = payload.length + topic.length + overheadBytes
    const storedAt = this.#options.now()
    for (const clientId of clientIds) {
      const seq = ++this.#seq
      this.#database.write(() =>
        this.#statements.insert.run(seq, clientId, brokerId, brokerCounter, topic, qos, payload, storedAt),
      )
      const state = { messageId: undefined, isReleased: false, sentOn: undefined }
      this.#bound(this.#index(clientId, { seq, key, bytes, alarm, storedAt, ...state }))
    }
  }

  /**
   * A message is about to be sent with the packet id `packet.messageId`, or its release is. May change the id.
   * @throws Error when there is no such message
   */
  sending(client: SessionClient, packet: SessionPacket): void {
    const queue = this.#queues.get(client.id)
    const message = queue?.byKey(keyOf(packet)) ?? queue?.byMessageId(packet.messageId!)
    const isLive = client.conn !== undefined
    if (!queue || !message) {
      // A retained QoS 2 message is sent without being queued; its release must not be an error for that.
      if (isLive && packet.cmd === 'pubrel') return
      throw new Error('no such packet')
    }
    if (packet.cmd === 'pubrel') {
      message.isReleased = true
      this.#database.write(() => this.#statements.release.run(packet.messageId!, message.seq))
    } else {
      const holder = queue.byMessageId(packet.messageId!)
      // aedes counts ids up from a random start and does not look whether an older message still has one.
      if (isLive && holder && holder !== message) packet.messageId = queue.freeMessageId()
      queue.name(message, packet.messageId!)
      // After a restart a QoS 1 message may go out under another id; for QoS 2 the id is the receiver's memory of it.
      if (packet.qos === 2) {
        this.#database.write(() => this.#statements.name.run(packet.messageId!, message.seq))
      }
    }
    message.sentOn = client
    queue.onSent?.()
  }

  /** The client acknowledged `packet.messageId`. Returns the message, without its content for a connected client. */
  acknowledge(client: SessionClient, packet: { messageId?: number | undefined }): unknown {
    const queue = this.#queues.get(client.id)
    const message = packet.messageId === undefined ? undefined : queue?.byMessageId(packet.messageId)
    if (!queue || !message) return undefined
    // aedes hands it to its 'ack' event only, which nobody listens to; not worth a read from the disk.
    const stored = client.conn === undefined ? this.#read(message) : { cmd: 'publish', messageId: packet.messageId }
    this.#remove(queue, message)
    return stored
  }

  /** What waits for a client, for sending; ends when nothing is left and live messages may flow. */
  stream(client: SessionClient): Readable {
    return Readable.from(client.conn === undefined ? this.#snapshot(client) : this.#drain(client))
  }

  /** From now on live messages for `client` wait behind its backlog; ends with {@link stream}. */
  hold(client: SessionClient): void {
    const queue = this.#queueOf(client.id)
    queue.drainingTo = client
    queue.hasDropped = false
  }

  /** True when a live message must not be sent now, because {@link stream} will. */
  holds(client: SessionClient, packet: SessionPacket): boolean {
    const queue = this.#queues.get(client.id)
    if (queue?.drainingTo !== client) return false
    const message = queue.byKey(keyOf(packet))
    return message !== undefined && message.sentOn !== client
  }

  dropExpired(): void {
    for (const queue of this.#queues.values()) {
      for (let oldest = queue.oldestOther(); oldest && this.#isExpired(oldest); oldest = queue.oldestOther()) {
        this.#drop(queue, oldest, 'droppedExpired')
      }
    }
  }

  /** Drops everything that waits for a client, uncounted: its session is over. */
  forget(clientId: string): void {
    const queue = this.#queues.get(clientId)
    if (!queue) return
    this.bytes -= queue.bytes
    this.#queues.delete(clientId)
    this.#database.write(() => this.#statements.forget.run(clientId))
  }

  *#snapshot(client: SessionClient): Generator<unknown> {
    for (const message of [...(this.#queues.get(client.id) ?? [])]) yield this.#read(message)
  }

  async *#drain(client: SessionClient): AsyncGenerator<unknown> {
    const queue = this.#queueOf(client.id)
    queue.drainingTo = client
    const cursor = { alarm: { seq: 0 }, other: { seq: 0 } }
    let last: QueuedMessage | undefined
    try {
      for (;;) {
        const message = queue.next(cursor)
        if (message) {
          if (this.#isExpired(message)) this.#drop(queue, message, 'droppedExpired')
          else if (message.sentOn !== client) {
            last = message
            // [MQTT-3.3.1-1]: what was sent before is marked as a repetition.
            yield { ...this.#read(message), ...(message.messageId !== undefined && { dup: true }) }
          }
          continue
        }
        // What was yielded last may still wait in the reader's buffer, where a live message would overtake it.
        if (!last || last.sentOn === client || !queue.has(last.key)) return
        await new Promise<void>((resolve) => {
          queue.onSent = resolve
        })
      }
    } finally {
      // Another connection of the same client may have taken over in the meantime.
      if (queue.drainingTo === client) {
        queue.drainingTo = undefined
        queue.onSent = undefined
      }
    }
  }

  #queueOf(clientId: string): SessionQueue {
    let queue = this.#queues.get(clientId)
    if (!queue) {
      queue = new SessionQueue(clientId)
      this.#queues.set(clientId, queue)
    }
    return queue
  }

  #index(clientId: string, message: QueuedMessage): SessionQueue {
    const queue = this.#queueOf(clientId)
    queue.add(message)
    this.bytes += message.bytes
    return queue
  }

  #isExpired(message: QueuedMessage): boolean {
    return !message.alarm && this.#options.now() - message.storedAt > this.#options.limits.ageMs
  }

  #remove(queue: SessionQueue, message: QueuedMessage): void {
    queue.remove(message)
    queue.onSent?.()
    this.bytes -= message.bytes
    this.#database.write(() => this.#statements.delete.run(message.seq))
  }

  #drop(queue: SessionQueue, message: QueuedMessage, reason: keyof BacklogCounts): void {
    this.#remove(queue, message)
    this.counts[reason]++
  }

  #bound(queue: SessionQueue): void {
    const { messages, bytes, storeBytes } = this.#options.limits
    while (queue.others > messages || queue.otherBytes > bytes) {
      if (!queue.hasDropped) {
        const { clientId, others } = queue
        this.#options.logger.warn(
          { clientId, waiting: others },
          'a client is away and its queue is full: dropping oldest',
        )
        queue.hasDropped = true
      }
      this.#drop(queue, queue.oldestOther()!, 'droppedFull')
    }
    while (this.bytes > storeBytes) this.#makeRoom()
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
    if (now - this.#alarmDropReportedAt < alarmDropReportMs) return
    this.#alarmDropReportedAt = now
    this.#options.logger.fatal(
      { clientId: byAll.clientId, droppedAlarms: this.counts.droppedAlarms, waiting: byAll.size },
      'the session store is full of alarms nobody collects: the oldest are being DROPPED; start this client or end its session',
    )
  }

  #read(message: QueuedMessage): Record<string, unknown> {
    if (message.isReleased) return { cmd: 'pubrel', messageId: message.messageId }
    let row = this.#statements.read.get(message.seq) as StoredRow | undefined
    if (!row) {
      // Not committed yet.
      this.#database.flush()
      row = this.#statements.read.get(message.seq) as StoredRow | undefined
    }
    if (!row) throw new Error(`message ${message.seq} is not in the session store`)
    const { payload } = row
    return {
      cmd: 'publish',
      brokerId: row.broker_id,
      brokerCounter: row.broker_counter,
      topic: row.topic,
      payload:
        typeof payload === 'string' ? payload : Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength),
      qos: row.qos,
      retain: false,
      dup: false,
      messageId: message.messageId,
    }
  }
}

interface IndexRow {
  seq: number
  client_id: string
  broker_id: string
  broker_counter: number
  message_id: number | null
  command: 'publish' | 'pubrel'
  topic: string
  bytes: number
  stored_at: number
}

interface StoredRow {
  broker_id: string
  broker_counter: number
  topic: string
  qos: number
  payload: Uint8Array | string
}

function keyOf(packet: SessionPacket): string {
  return `${packet.brokerId ?? ''}:${packet.brokerCounter ?? 0}`
}

function prepareStatements({ db }: SessionDatabase) {
  return {
    index: db.prepare(
      `SELECT seq, client_id, broker_id, broker_counter, message_id, command, topic,
              length(payload) + length(topic) AS bytes, stored_at
         FROM queued_message ORDER BY seq`,
    ),
    read: db.prepare('SELECT broker_id, broker_counter, topic, qos, payload FROM queued_message WHERE seq = ?'),
    insert: db.prepare(
      `INSERT INTO queued_message (seq, client_id, broker_id, broker_counter, command, topic, qos, payload, stored_at)
       VALUES (?, ?, ?, ?, 'publish', ?, ?, ?, ?)`,
    ),
    name: db.prepare('UPDATE queued_message SET message_id = ? WHERE seq = ?'),
    release: db.prepare("UPDATE queued_message SET command = 'pubrel', message_id = ?, payload = x'' WHERE seq = ?"),
    delete: db.prepare('DELETE FROM queued_message WHERE seq = ?'),
    forget: db.prepare('DELETE FROM queued_message WHERE client_id = ?'),
  }
}
