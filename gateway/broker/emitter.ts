/** A listener of the emitter. `done` exists for the interface; the emitter does not wait for it. */
export type Listener = (this: FairEmitter, message: Message, done: () => void) => void

export interface Message {
  topic: string
}

export interface EmitterOptions {
  separator?: string
  wildcardOne?: string
  wildcardSome?: string
  /** Whether a wildcard matches an empty level (`a//b`); MQTT says yes [MQTT-4.7.1-3]. */
  matchEmptyLevels?: boolean
}

interface Node {
  children: Map<string, Node>
  exact: Listener[]
  below: Listener[]
}

const ignore = () => {}

/**
 * The broker's distributor, in the place of mqemitter.
 *
 * mqemitter counts a message as in flight until every subscriber's socket has taken it, holds all others back beyond a
 * number of those, and releases them by recursion: one subscriber that stops reading delays every alarm, and its
 * departure overflows the stack. Here a message is handed to all its subscribers and is then finished. What a slow
 * subscriber has not taken waits in that subscriber's own socket, under its egress cap, and nowhere else.
 * A message emitted by a listener waits for the end of the current one, so the depth of the stack is constant and
 * every subscriber sees messages in the order they were emitted.
 */
export class FairEmitter {
  closed = false
  /** Messages being handed over: 1 inside a listener, else 0. */
  current = 0
  /** mqemitter's limit of messages in flight; there is none. */
  readonly concurrency = 0
  readonly #separator: string
  readonly #one: string
  readonly #some: string
  readonly #matchEmpty: boolean
  readonly #root = createNode()
  readonly #queue: Array<{ message: Message; done: (error?: Error) => void }> = []

  constructor(options: EmitterOptions = {}) {
    this.#separator = options.separator ?? '/'
    this.#one = options.wildcardOne ?? '+'
    this.#some = options.wildcardSome ?? '#'
    this.#matchEmpty = options.matchEmptyLevels ?? true
  }

  /** Messages waiting for the current one to be handed over. */
  get length(): number {
    return this.#queue.length
  }

  /** Levels of filters kept, for tests of what remains. */
  get filters(): number {
    const count = (node: Node): number => [...node.children.values()].reduce((sum, child) => sum + 1 + count(child), 0)
    return count(this.#root)
  }

  on(topic: string, listener: Listener, done?: () => void): this {
    const levels = topic.split(this.#separator)
    const below = levels.at(-1) === this.#some
    if (below) levels.pop()
    let node = this.#root
    for (const level of levels) {
      let child = node.children.get(level)
      if (!child) {
        child = createNode()
        node.children.set(level, child)
      }
      node = child
    }
    const list = below ? node.below : node.exact
    if (!list.includes(listener)) list.push(listener)
    if (done) setImmediate(done)
    return this
  }

  removeListener(topic: string, listener: Listener, done?: () => void): this {
    const levels = topic.split(this.#separator)
    const below = levels.at(-1) === this.#some
    if (below) levels.pop()
    this.#remove(this.#root, levels, 0, below, listener)
    if (done) setImmediate(done)
    return this
  }

  /** Hands `message` to every listener whose filter matches; `done` is called when all have been called. */
  emit(message: Message, done: (error?: Error) => void = ignore): this {
    if (this.closed) {
      done(new Error('the emitter is closed'))
      return this
    }
    this.#queue.push({ message, done })
    if (this.current === 0) this.#drain()
    return this
  }

  close(done: () => void = ignore): this {
    this.closed = true
    setImmediate(done)
    return this
  }

  #drain(): void {
    try {
      for (let at = 0; at < this.#queue.length; at++) {
        const { message, done } = this.#queue[at]!
        const listeners: Listener[] = []
        this.#match(this.#root, message.topic.split(this.#separator), 0, listeners)
        this.current = 1
        for (const listener of listeners) listener.call(this, message, ignore)
        done()
      }
    } finally {
      this.current = 0
      this.#queue.length = 0
    }
  }

  #match(node: Node, levels: string[], at: number, into: Listener[]): void {
    if (node.below.length > 0) into.push(...node.below)
    if (at === levels.length) {
      into.push(...node.exact)
      return
    }
    const level = levels[at]!
    const child = node.children.get(level)
    if (child && level !== this.#one) this.#match(child, levels, at + 1, into)
    const any = node.children.get(this.#one)
    if (any && (level !== '' || this.#matchEmpty)) this.#match(any, levels, at + 1, into)
  }

  #remove(node: Node, levels: string[], at: number, below: boolean, listener: Listener): void {
    if (at === levels.length) {
      // The lists are replaced rather than changed: a listener may remove itself while it is being called.
      if (below) node.below = node.below.filter((other) => other !== listener)
      else node.exact = node.exact.filter((other) => other !== listener)
      return
    }
    const child = node.children.get(levels[at]!)
    if (!child) return
    this.#remove(child, levels, at + 1, below, listener)
    if (child.children.size + child.exact.length + child.below.length === 0) node.children.delete(levels[at]!)
  }
}

function createNode(): Node {
  return { children: new Map(), exact: [], below: [] }
}
