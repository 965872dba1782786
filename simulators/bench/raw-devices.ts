import { connect, type Socket } from 'node:net'
import { generate, type Packet } from 'mqtt-packet'

export interface RawDevice {
  id: string
  secret: string
}

/** Thousands of MQTT devices that cost next to nothing: sockets and ready-made packets, nothing read but the CONNACK. */
export interface RawDevices {
  /** Connects all at once, as after a power cut; resolves when every one was accepted. Refused ones try again. */
  connect(): Promise<void>
  /** Cuts every connection without a goodbye. */
  cut(): void
  /** QoS 0, for whoever is connected. */
  publish(id: string, topic: string, payload: string): void
  readonly connected: number
}

const retryMs = 1_000

export function createRawDevices(options: { port: number; site: string; devices: readonly RawDevice[] }): RawDevices {
  const sockets = new Map<string, Socket>()
  /** One more with every connect and every cut: a socket's late end belongs to the round that opened it. */
  let round = 0

  function open({ id, secret }: RawDevice): Promise<void> {
    const own = round
    return new Promise((resolve) => {
      const attempt = () => {
        if (round !== own) return
        const socket = connect({ port: options.port, host: '127.0.0.1', noDelay: true })
        let isAccepted = false
        socket.on('error', () => {})
        socket.once('connect', () => socket.write(login(options.site, id, secret)))
        socket.on('data', (data) => {
          if (isAccepted) return
          if (round !== own) return socket.destroy()
          if (data[0] !== 0x20 || data[3] !== 0) return socket.destroy()
          isAccepted = true
          sockets.set(id, socket)
          resolve()
        })
        socket.once('close', () => {
          if (sockets.get(id) === socket) sockets.delete(id)
          if (round === own) setTimeout(attempt, retryMs * (0.5 + Math.random()))
        })
      }
      attempt()
    })
  }

  return {
    async connect() {
      round++
      await Promise.all(options.devices.map(open))
    },
    cut() {
      round++
      for (const socket of sockets.values()) socket.destroy()
      sockets.clear()
    },
    publish(id, topic, payload) {
      sockets.get(id)?.write(generate({ cmd: 'publish', topic, payload, qos: 0 } as Packet))
    },
    get connected() {
      return sockets.size
    },
  }
}

/** CONNECT with a last will, and the birth message right behind it. */
function login(site: string, id: string, secret: string): Buffer {
  const topic = `site/${site}/${id}/status`
  const connectPacket = {
    cmd: 'connect',
    clientId: id,
    clean: true,
    keepalive: 600,
    username: id,
    password: Buffer.from(secret),
    will: { topic, payload: Buffer.from('offline'), qos: 1, retain: true },
  }
  const birth = { cmd: 'publish', topic, payload: 'online', qos: 1, retain: true, messageId: 1 }
  return Buffer.concat([generate(connectPacket as Packet), generate(birth as Packet)])
}
