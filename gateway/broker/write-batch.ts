import type { Writable } from 'node:stream'

// What is collected in one buffer, at first and when there is much; a larger payload is passed on as it is.
const firstSlabBytes = 1024
const slabBytes = 16 * 1024
const copyBytes = 4 * 1024

interface Held {
  full: Buffer[]
  slab: Buffer
  used: number
  bytes: number
  owesDrain: boolean
}

/**
 * Makes one write of what a socket is given in one turn of the event loop.
 *
 * aedes writes each packet by itself and in five to seven pieces. Under load the system calls then cost more than all
 * else, and the kernel takes at most 1,024 pieces per call, so that a subscriber gets less per turn than arrives for it.
 */
export class WriteBatch {
  #held = new Map<Writable, Held>()
  readonly #writers = new WeakMap<Writable, (chunk: unknown) => boolean>()
  #scheduled = false

  /** Puts the batch between the broker and `socket`; nothing changes until {@link hold}. */
  attach(socket: Writable): void {
    const write = socket.write.bind(socket) as (chunk: unknown, ...rest: unknown[]) => boolean
    socket.write = (chunk: Buffer | string, ...rest: unknown[]): boolean => {
      const held = this.#held.get(socket)
      if (!held) return write(chunk, ...rest)
      append(held, typeof chunk === 'string' ? Buffer.from(chunk) : chunk)
      const goOn = socket.writableLength + held.bytes < socket.writableHighWaterMark
      if (!goOn) held.owesDrain = true
      return goOn
    }
    this.#writers.set(socket, write)
  }

  /** Collects what is written to `socket` until the end of the coming turn. */
  hold(socket: Writable): void {
    if (this.#held.has(socket) || !this.#writers.has(socket)) return
    this.#held.set(socket, { full: [], slab: Buffer.allocUnsafe(firstSlabBytes), used: 0, bytes: 0, owesDrain: false })
    if (this.#scheduled) return
    this.#scheduled = true
    // aedes delivers by immediates of its own, set after this call: only those of the next turn come after them.
    setImmediate(() => setImmediate(() => this.#release()))
  }

  /** Bytes collected for `socket` and not yet given to it. */
  heldBytes(socket: Writable): number {
    return this.#held.get(socket)?.bytes ?? 0
  }

  #release(): void {
    const all = this.#held
    this.#held = new Map()
    this.#scheduled = false
    for (const [socket, held] of all) {
      if (socket.destroyed || held.bytes === 0) continue
      const write = this.#writers.get(socket)!
      let goOn = true
      socket.cork()
      for (const piece of held.full) goOn = write(piece)
      if (held.used > 0) goOn = write(held.slab.subarray(0, held.used))
      socket.uncork()
      // Whoever was told to wait waits for this event; the socket sends it itself only if it was too full.
      if (goOn && held.owesDrain) socket.emit('drain')
    }
  }
}

function append(held: Held, chunk: Buffer): void {
  held.bytes += chunk.length
  if (chunk.length <= held.slab.length - held.used) {
    held.used += chunk.copy(held.slab, held.used)
    return
  }
  if (held.used > 0) held.full.push(held.slab.subarray(0, held.used))
  held.slab = Buffer.allocUnsafe(slabBytes)
  held.used = 0
  if (chunk.length > copyBytes) held.full.push(chunk)
  else held.used = chunk.copy(held.slab)
}
