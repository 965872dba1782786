import { createServer, type Socket } from 'node:net'
import process from 'node:process'
import { generate, type Packet, parser } from 'mqtt-packet'

/** The only argument of the process, as JSON. It sends `{port}` when it listens and then takes orders by IPC. */
export interface IngestLoad {
  site: string
  devices: number
}

/** `round`: every device reports once. `flow`: as fast as messages are acknowledged, for so long. */
export type IngestOrder = { order: 'round' } | { order: 'flow'; seconds: number }
/** Messages acknowledged within the time, and the time. */
export interface IngestResult {
  acknowledged: number
  seconds: number
}

/** QoS 1 messages under way: what a broker keeps in flight for a client that is trusted. */
const window = 4_000
const warmUpMs = 2_000

/**
 * Speaks as the broker of one client, so that what is measured is that client alone. Messages are encoded once and only
 * their packet ids are written anew.
 */
const { site, devices } = JSON.parse(process.argv[2] ?? '{}') as IngestLoad
const frames = Array.from({ length: devices }, (_, n) => {
  const values = {
    temperatureCelsius: 18 + (n % 80) / 10,
    humidityPercent: 40 + (n % 30),
    batteryPercent: 100 - (n % 60),
  }
  const topic = `site/${site}/device-${n}/up`
  return generate({ cmd: 'publish', topic, payload: JSON.stringify({ values }), qos: 1, messageId: 1 } as Packet)
})
const idAt = frames.map((frame) => {
  // Fixed header of two or three bytes, then the topic with its length.
  const header = frame[1]! & 0x80 ? 3 : 2
  return header + 2 + frame.readUInt16BE(header)
})

let client: Socket | undefined
let onAcknowledged: () => void = () => {}
let acknowledged = 0
let sent = 0

function serve(socket: Socket): void {
  const parse = parser({ protocolVersion: 4 })
  socket.setNoDelay(true)
  socket.on('error', () => {})
  socket.on('close', () => {
    if (client === socket) client = undefined
  })
  socket.on('data', (data) => parse.parse(data))
  parse.on('packet', (packet: Packet) => {
    if (packet.cmd === 'puback') acknowledged++
    else if (packet.cmd === 'connect')
      socket.write(generate({ cmd: 'connack', returnCode: 0, sessionPresent: false } as Packet))
    else if (packet.cmd === 'pingreq') socket.write(generate({ cmd: 'pingresp' } as Packet))
    else if (packet.cmd === 'publish' && packet.qos === 1)
      socket.write(generate({ cmd: 'puback', messageId: packet.messageId } as Packet))
    else if (packet.cmd === 'subscribe') {
      const granted = packet.subscriptions.map(({ qos }) => qos)
      socket.write(generate({ cmd: 'suback', messageId: packet.messageId, granted } as Packet))
      if (client) return
      client = socket
      process.send?.({ subscribed: true })
    }
  })
  socket.on('data', () => onAcknowledged())
}

function send(count: number): void {
  const parts: Buffer[] = []
  for (let n = 0; n < count; n++) {
    const device = sent % devices
    const frame = Buffer.from(frames[device]!)
    frame.writeUInt16BE((sent % 65_535) + 1, idAt[device]!)
    parts.push(frame)
    sent++
  }
  client?.write(Buffer.concat(parts))
}

async function until(isDone: () => boolean): Promise<void> {
  while (!isDone()) await new Promise((resolve) => setTimeout(resolve, 10))
}

async function carryOut(order: IngestOrder): Promise<IngestResult> {
  const begun = performance.now()
  const before = acknowledged
  if (order.order === 'round') {
    for (let left = devices; left > 0; left -= window) {
      send(Math.min(left, window))
      await until(() => acknowledged >= sent)
    }
    return { acknowledged: acknowledged - before, seconds: (performance.now() - begun) / 1000 }
  }
  onAcknowledged = () => {
    const free = window - (sent - acknowledged)
    if (free > 200) send(free)
  }
  onAcknowledged()
  await new Promise((resolve) => setTimeout(resolve, warmUpMs))
  const from = { at: performance.now(), acknowledged }
  await new Promise((resolve) => setTimeout(resolve, order.seconds * 1000))
  const result = { acknowledged: acknowledged - from.acknowledged, seconds: (performance.now() - from.at) / 1000 }
  onAcknowledged = () => {}
  await until(() => acknowledged >= sent)
  return result
}

const server = createServer(serve).listen(0, '127.0.0.1', () => {
  process.send?.({ port: (server.address() as { port: number }).port })
})
process.on('message', (order) => {
  void carryOut(order as IngestOrder).then((result) => process.send?.(result))
})
process.on('disconnect', () => process.exit(0))
