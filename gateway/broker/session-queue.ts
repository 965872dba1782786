/** A message waiting for a client's acknowledgement. Its payload is in the database under `seq`. */
export interface QueuedMessage {
  readonly seq: number
  /** The broker's name of the message: broker id and counter. */
  readonly key: string
  readonly bytes: number
  readonly alarm: boolean
  readonly storedAt: number
  messageId: number | undefined
  /** QoS 2: the client has it, and is owed the release. */
  isReleased: boolean
  /** The connection it was last sent on, if any. */
  sentOn: object | undefined
}

/** Where a reader of a queue stands; one per reader. */
export interface QueueCursor {
  alarm: { seq: number; iterator?: Iterator<QueuedMessage> | undefined }
  other: { seq: number; iterator?: Iterator<QueuedMessage> | undefined }
}

/** The messages waiting for one client, in memory without their payloads: alarms first, then by age. */
export class SessionQueue {
  readonly clientId: string
  /** The connection that is being given the backlog; live messages for it wait in the queue until that is done. */
  drainingTo: object | undefined
  /** Called when a message was handed to a connection. */
  onSent: (() => void) | undefined
  /** A message was dropped since the client was last there; reported once. */
  hasDropped = false
  /** Payload bytes of the messages that are not alarms. */
  otherBytes = 0
  bytes = 0
  readonly #alarms = new Map<number, QueuedMessage>()
  readonly #others = new Map<number, QueuedMessage>()
  readonly #byKey = new Map<string, QueuedMessage>()
  readonly #byMessageId = new Map<number, QueuedMessage>()
  #lastAlarm = 0
  #lastOther = 0

  constructor(clientId: string) {
    this.clientId = clientId
  }

  get size(): number {
    return this.#alarms.size + this.#others.size
  }

  get others(): number {
    return this.#others.size
  }

  has(key: string): boolean {
    return this.#byKey.has(key)
  }

  byKey(key: string): QueuedMessage | undefined {
    return this.#byKey.get(key)
  }

  byMessageId(messageId: number): QueuedMessage | undefined {
    return this.#byMessageId.get(messageId)
  }

  oldestAlarm(): QueuedMessage | undefined {
    return first(this.#alarms)
  }

  oldestOther(): QueuedMessage | undefined {
    return first(this.#others)
  }

  add(message: QueuedMessage): void {
    if (message.alarm) {
      this.#alarms.set(message.seq, message)
      this.#lastAlarm = message.seq
    } else {
      this.#others.set(message.seq, message)
      this.#lastOther = message.seq
      this.otherBytes += message.bytes
    }
    this.bytes += message.bytes
    this.#byKey.set(message.key, message)
    if (message.messageId !== undefined) this.#byMessageId.set(message.messageId, message)
  }

  remove(message: QueuedMessage): void {
    if (!this.#alarms.delete(message.seq) && this.#others.delete(message.seq)) this.otherBytes -= message.bytes
    this.bytes -= message.bytes
    if (this.#byKey.get(message.key) === message) this.#byKey.delete(message.key)
    this.#forgetMessageId(message)
  }

  /** Notes the packet id a message is sent with. */
  name(message: QueuedMessage, messageId: number): void {
    this.#forgetMessageId(message)
    message.messageId = messageId
    this.#byMessageId.set(messageId, message)
  }

  /** A packet id no waiting message has. */
  freeMessageId(): number {
    let id = 65_535
    while (id > 1 && this.#byMessageId.has(id)) id--
    return id
  }

  /** The next message after the cursor: alarms before all others, each in the order they came. */
  next(cursor: QueueCursor): QueuedMessage | undefined {
    return step(this.#alarms, this.#lastAlarm, cursor.alarm) ?? step(this.#others, this.#lastOther, cursor.other)
  }

  *[Symbol.iterator](): Generator<QueuedMessage> {
    yield* this.#alarms.values()
    yield* this.#others.values()
  }

  #forgetMessageId(message: QueuedMessage): void {
    if (message.messageId !== undefined && this.#byMessageId.get(message.messageId) === message) {
      this.#byMessageId.delete(message.messageId)
    }
  }
}

function first(messages: Map<number, QueuedMessage>): QueuedMessage | undefined {
  for (const message of messages.values()) return message
  return undefined
}

// A Map's iterator sees entries added later, unless it has already said that it is done. So it is not asked while
// nothing was added after the cursor, and is made anew when it is done nevertheless (the newest entry was removed).
function step(
  messages: Map<number, QueuedMessage>,
  lastSeq: number,
  cursor: QueueCursor['alarm'],
): QueuedMessage | undefined {
  while (lastSeq > cursor.seq) {
    cursor.iterator ??= messages.values()
    const { value, done } = cursor.iterator.next()
    if (done) {
      cursor.iterator = undefined
      cursor.seq = lastSeq
    } else if (value.seq > cursor.seq) {
      cursor.seq = value.seq
      return value
    }
  }
  return undefined
}
