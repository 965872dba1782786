import { type AddressInfo, createServer } from 'node:net'
import type { CompoundPorts } from './compound.ts'

/** Ports of 127.0.0.1 that nobody listens on at the moment. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'))
  await Promise.all(servers.map((server) => new Promise((resolve) => server.once('listening', resolve))))
  const ports = servers.map((server) => (server.address() as AddressInfo).port)
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}

/** Free ports for a whole compound. RTP takes even ones. */
export async function compoundPorts(): Promise<CompoundPorts> {
  const [http, mqtt, bridge, platform, rtsp, rtp] = await freePorts(6)
  return { http: http!, mqtt: mqtt!, bridge: bridge!, platform: platform!, rtsp: rtsp!, rtp: rtp! & ~1 }
}
