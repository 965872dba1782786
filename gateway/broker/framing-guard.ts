import type { Duplex } from 'node:stream'
import type { Bucket } from './limits.ts'
import { TokenBucket } from './token-bucket.ts'

/** Why a connection was cut by the guard. */
export type FramingFault = 'not-mqtt' | 'malformed-length' | 'too-large'

export interface FramingGuardOptions {
  /** Largest declared remaining length until {@link FramingGuard.loggedIn}, bytes. */
  loginPacketBytes: number
  now: () => number
  onFault: (fault: FramingFault, declaredBytes: number) => void
  /** The socket was paused because the client publishes faster than it may. */
  onThrottle: () => void
  onRead: (bytes: number, publishes: number) => void
}

export interface FramingGuard {
  /** The login was accepted: lets what follows CONNECT through, larger packets too, at most at the given rate. */
  loggedIn(packetBytes: number, rate?: { publishes: Bucket; bytes: Bucket }): void
}

// Bytes one connection may hand over per turn of the event loop. A publisher's full receive buffer is then some turns
// of work instead of one long one, and an alarm on another connection waits for one slice per busy connection at most.
const sliceBytes = 8 * 1024
// The same for a client that is over its rate, so that its debt, and with it a pause, stays short.
const throttledSliceBytes = 2 * 1024

const connectType = 1
const publishType = 3
const reservedTypes = [0, 15]

/**
 * Stands between a socket and the broker and looks at nothing but packet boundaries.
 *
 * The parser behind it collects a packet until it is complete, whatever length was declared: a stranger's CONNECT of
 * 250 MB would be 250 MB of memory. The guard follows the fixed headers (MQTT 3.1.1 §2.2) through the stream and cuts
 * the connection at the declared length, before the first payload byte is kept. It also shares the event loop fairly
 * and pauses clients that publish too fast; a paused socket stops its sender through TCP, nothing is dropped.
 *
 * What a client sends on the heels of its CONNECT is held until the login is accepted. Left alone, aedes would handle
 * it in the moment between the CONNECT and the check of the password.
 *
 * The broker takes data by `socket.read()` on 'readable', so the guard replaces that method on this one socket:
 * no second stream, no copy. Whenever it holds bytes back it owes the broker another 'readable'.
 */
export function guardFraming(socket: Duplex, options: FramingGuardOptions): FramingGuard {
  const scanner = new FrameScanner(options.loginPacketBytes)
  const read = socket.read.bind(socket)
  let rate: { publishes: TokenBucket; bytes: TokenBucket } | undefined
  let faulty = false
  let waiting = false
  let held = false
  let loggedIn = false
  let throttled = false

  const wakeLater = (ms: number) => {
    waiting = true
    const wake = () => {
      waiting = false
      if (!socket.destroyed) socket.emit('readable')
    }
    if (ms > 0) setTimeout(wake, ms).unref()
    else setImmediate(wake)
  }

  socket.read = (size?: number): Buffer | null => {
    if (size === 0) return read(0)
    if (faulty || waiting) return null
    // Before the hold: with nothing to read this call is how the end of the stream is noticed.
    if (socket.readableLength === 0) return read()
    if (held) return null
    let chunk: Buffer | null = read(Math.min(socket.readableLength, throttled ? throttledSliceBytes : sliceBytes))
    if (!chunk) return null
    const { used, publishes, fault } = scanner.scan(chunk, !loggedIn)
    if (fault) {
      faulty = true
      options.onFault(fault.kind, fault.declaredBytes)
      socket.destroy()
      return null
    }
    if (!loggedIn && scanner.atBoundary) {
      held = true
      if (used < chunk.length) {
        socket.unshift(chunk.subarray(used))
        chunk = chunk.subarray(0, used)
      }
    }
    options.onRead(chunk.length, publishes)
    if (held) return chunk
    const now = options.now()
    const pauseMs = rate ? Math.max(rate.publishes.take(publishes, now), rate.bytes.take(chunk.length, now)) : 0
    if (pauseMs > 0) options.onThrottle()
    throttled = pauseMs > 0
    if (pauseMs > 0 || socket.readableLength > 0) wakeLater(pauseMs)
    return chunk
  }

  return {
    loggedIn(packetBytes, buckets) {
      scanner.maxBytes = packetBytes
      loggedIn = true
      held = false
      wakeLater(0)
      if (!buckets) return
      const now = options.now()
      rate = { publishes: new TokenBucket(buckets.publishes, now), bytes: new TokenBucket(buckets.bytes, now) }
    },
  }
}

interface Fault {
  kind: FramingFault
  declaredBytes: number
}

/** Follows packet boundaries through a byte stream: header byte → length (1 to 4 bytes) → body → header byte … */
export class FrameScanner {
  /** Largest remaining length accepted, bytes. */
  maxBytes: number
  #state: 'header' | 'length' | 'body' = 'header'
  #first = true
  #length = 0
  #shift = 0
  #remaining = 0

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes
  }

  /** True between two packets. */
  get atBoundary(): boolean {
    return this.#state === 'header' && !this.#first
  }

  /** Follows `chunk`, to its end or to that of the first packet in it, and counts the PUBLISH packets that begin there. */
  scan(chunk: Uint8Array, onePacket = false): { used: number; publishes: number; fault?: Fault } {
    let publishes = 0
    let at = 0
    while (at < chunk.length) {
      if (this.#state === 'body') {
        const step = Math.min(this.#remaining, chunk.length - at)
        at += step
        this.#remaining -= step
        if (this.#remaining > 0) break
        this.#state = 'header'
        if (onePacket) break
        continue
      }
      const byte = chunk[at++]!
      if (this.#state === 'header') {
        const type = byte >> 4
        // [MQTT-3.1.0-1]: the first packet is CONNECT, and the flags of CONNECT are zero.
        if (this.#first ? byte !== connectType << 4 : reservedTypes.includes(type)) {
          return { used: at, publishes, fault: { kind: 'not-mqtt', declaredBytes: 0 } }
        }
        if (type === publishType) publishes++
        this.#first = false
        this.#state = 'length'
        this.#length = 0
        this.#shift = 0
        continue
      }
      this.#length += (byte & 0x7f) << this.#shift
      this.#shift += 7
      if (byte & 0x80) {
        if (this.#shift < 28) continue
        // A length has at most four bytes (MQTT 3.1.1 §2.2.3).
        return { used: at, publishes, fault: { kind: 'malformed-length', declaredBytes: this.#length } }
      }
      if (this.#length > this.maxBytes) {
        return { used: at, publishes, fault: { kind: 'too-large', declaredBytes: this.#length } }
      }
      this.#remaining = this.#length
      this.#state = this.#length === 0 ? 'header' : 'body'
      if (onePacket && this.#state === 'header') break
    }
    return { used: at, publishes }
  }
}
