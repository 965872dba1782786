import { readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import mqttPacket from 'mqtt-packet'
import { demoSite } from '../compound.ts'

/** Always one subscriber that does not read: the broker throws a stalled one out, and it comes back. */
export async function keepStalled(port: number, dataDir: string): Promise<{ end(): void }> {
  let isOver = false
  let current = await stallSubscriber(port, dataDir)
  const renew = () => {
    if (isOver) return
    setTimeout(async () => {
      current = await stallSubscriber(port, dataDir)
      current.once('close', renew)
    }, 500)
  }
  current.once('close', renew)
  return {
    end() {
      isOver = true
      current.destroy()
    },
  }
}

/** Subscribes to everything and never reads again. */
async function stallSubscriber(port: number, dataDir: string): Promise<Socket> {
  const secret = readFileSync(join(dataDir, 'broker/gateway-secret'), 'utf8').trim()
  const socket = connect(port, '127.0.0.1')
  await new Promise((resolve) => socket.once('connect', resolve))
  socket.on('error', () => {})
  socket.write(
    mqttPacket.generate({
      cmd: 'connect',
      protocolId: 'MQTT',
      protocolVersion: 4,
      clientId: 'stalled-screen',
      clean: true,
      keepalive: 120,
      username: 'gateway',
      password: Buffer.from(secret),
    }),
  )
  await new Promise((resolve) => socket.once('data', resolve))
  socket.write(
    mqttPacket.generate({
      cmd: 'subscribe',
      messageId: 1,
      subscriptions: [{ topic: `site/${demoSite}/#`, qos: 0 }],
    } as mqttPacket.ISubscribePacket),
  )
  await new Promise((resolve) => socket.once('data', resolve))
  socket.pause()
  return socket
}
