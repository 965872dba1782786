import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { generate, type Packet } from 'mqtt-packet'

/** Where the load generator connects; the only argument of the process, as JSON. It then takes orders by IPC. */
export interface LoadTarget {
  port: number
  /** Password of every client; the user name is the client id, or `load` for publishers and subscribers. */
  password: string
}

/** One order; the answer is sent when it is done. */
export type LoadOrder =
  /** Messages from one or 50 publishers to one subscriber, counted for `seconds` after a warm-up. */
  | { scenario: 'qos0' | 'qos1' | 'qos1Kept' | 'fanIn'; seconds: number }
  /** So many clients, connected and subscribed until the next order. */
  | { scenario: 'connect'; clients: number }

/** Messages that reached the subscriber per second, or the number of connected clients. */
export interface LoadResult {
  figure: number
}

// The compiler of the broker's language, and what the clients of the order before left to clean up, are not measured.
const warmUpMs = 1_000
const payload = Buffer.alloc(100, 'x')
const topic = 'site/bench/load/up'
// QoS 1 messages a publisher has under way.
const window = 100
// QoS 0 messages under way, and how many are written at once.
const freeWindow = 4_000
const batch = 40

/**
 * Raw sockets instead of an MQTT library: the generator must cost less than the brokers it measures. All messages have
 * one topic and one length, so counting bytes is counting messages.
 */
async function carryOut(order: LoadOrder): Promise<LoadResult> {
  for (const socket of open.splice(0)) socket.destroy()
  for (const timer of timers.splice(0)) clearInterval(timer)
  if (order.scenario === 'connect') return connectMany(order.clients)
  const qos = order.scenario === 'qos1' || order.scenario === 'qos1Kept' ? 1 : 0
  const subscriber = await logIn(`subscriber-${order.scenario}`, order.scenario !== 'qos1Kept')
  const counter = countMessages(subscriber, qos)
  subscriber.write(generate({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic, qos }] } as Packet))
  await counter.subscribed

  const publishers: Socket[] = []
  for (let n = 0; n < (order.scenario === 'fanIn' ? 50 : 1); n++) publishers.push(await logIn(`publisher-${n}`, true))
  if (qos === 1) for (const socket of publishers) publishAcknowledged(socket)
  else publishAsDelivered(publishers, subscriber, counter.messages)
  await after(warmUpMs)
  const messages = counter.messages()
  const started = performance.now()
  await after(order.seconds * 1000)
  return { figure: ((counter.messages() - messages) * 1000) / (performance.now() - started) }
}

async function logIn(clientId: string, clean: boolean, username = 'load'): Promise<Socket> {
  const socket = connect({ port: target.port, host: '127.0.0.1', noDelay: true })
  open.push(socket)
  const login = { cmd: 'connect', clientId, clean, keepalive: 300, username, password: Buffer.from(target.password) }
  socket.write(generate(login as Packet))
  const [connack] = (await once(socket, 'data')) as [Buffer]
  if (connack[0] !== 0x20 || connack[3] !== 0) throw new Error(`${clientId} was refused: ${connack.toString('hex')}`)
  return socket
}

/**
 * QoS 0 has no acknowledgement: whoever publishes as fast as it can measures what a broker throws away. So what is under
 * way is bounded by what has arrived, in turns over the publishers.
 */
function publishAsDelivered(publishers: Socket[], subscriber: Socket, delivered: () => number): void {
  const one = generate({ cmd: 'publish', topic, payload, qos: 0 } as Packet)
  const many = Buffer.concat(Array.from({ length: batch }, () => one))
  let sent = 0
  let turn = 0
  const pump = () => {
    while (sent - delivered() < freeWindow) {
      publishers[turn++ % publishers.length]!.write(many)
      sent += batch
    }
  }
  // What a broker did drop must not close the window for ever.
  let seen = 0
  const timer = setInterval(() => {
    if (delivered() === seen) sent = seen
    seen = delivered()
    pump()
  }, 200)
  timers.push(timer)
  subscriber.on('data', pump)
  pump()
}

function publishAcknowledged(socket: Socket): void {
  const frame = generate({ cmd: 'publish', topic, payload, qos: 1, messageId: 1 } as Packet)
  const idAt = frame.length - payload.length - 2
  let id = 0
  const send = (count: number) => {
    const batch = Buffer.allocUnsafe(frame.length * count)
    for (let n = 0; n < count; n++) {
      frame.copy(batch, n * frame.length)
      id = (id % 65_535) + 1
      batch.writeUInt16BE(id, n * frame.length + idAt)
    }
    socket.write(batch)
  }
  let rest = 0
  socket.on('data', (data) => {
    const acknowledged = Math.floor((rest + data.length) / 4)
    rest = (rest + data.length) % 4
    if (acknowledged > 0) send(acknowledged)
  })
  send(window)
}

function countMessages(socket: Socket, qos: 0 | 1) {
  const frame = generate({ cmd: 'publish', topic, payload, qos, messageId: 1 } as Packet)
  const idAt = frame.length - payload.length - 2
  let onSubscribed = () => {}
  const subscribed = new Promise<void>((resolve) => {
    onSubscribed = resolve
  })
  // SUBACK is five bytes and the first thing to come; for QoS 0 only bytes are counted after it.
  let skip = 5
  let bytes = 0
  let rest: Buffer = Buffer.alloc(0)
  socket.on('data', (data: Buffer) => {
    if (skip > 0) {
      const skipped = Math.min(skip, data.length)
      skip -= skipped
      data = data.subarray(skipped)
      if (skip === 0) onSubscribed()
    }
    bytes += data.length
    if (qos === 0) return
    const all = rest.length > 0 ? Buffer.concat([rest, data]) : data
    const count = Math.floor(all.length / frame.length)
    rest = all.subarray(count * frame.length)
    const acknowledgements = Buffer.allocUnsafe(4 * count)
    for (let n = 0; n < count; n++) {
      acknowledgements.writeUInt16BE(0x4002, 4 * n)
      all.copy(acknowledgements, 4 * n + 2, n * frame.length + idAt, n * frame.length + idAt + 2)
    }
    if (count > 0) socket.write(acknowledgements)
  })
  return { subscribed, messages: () => bytes / frame.length }
}

async function connectMany(clients: number): Promise<LoadResult> {
  let connected = 0
  const queue = Array.from({ length: clients }, (_, n) => `device-${n}`)
  const worker = async () => {
    for (let id = queue.pop(); id !== undefined; id = queue.pop()) {
      const socket = await logIn(id, true, id)
      const subscriptions = [{ topic: `site/bench/${id}/down`, qos: 1 }]
      socket.write(generate({ cmd: 'subscribe', messageId: 1, subscriptions } as Packet))
      await once(socket, 'data')
      connected++
    }
  }
  await Promise.all(Array.from({ length: 20 }, worker))
  return { figure: connected }
}

function after(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

const target = JSON.parse(process.argv[2] ?? '{}') as LoadTarget
const open: Socket[] = []
const timers: NodeJS.Timeout[] = []
process.on('message', (order) => {
  void carryOut(order as LoadOrder).then((result) => process.send?.(result))
})
process.on('disconnect', () => process.exit(0))
