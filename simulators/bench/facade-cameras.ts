import process from 'node:process'
import { createRtspServer } from '../cameras/rtsp-server.ts'

/*
 * A process of its own that plays one facade clip as N cameras, each from another point of it.
 * `facade-cameras.ts <count> <clip> <port>`; prints `ready` once every camera can be watched.
 */
const [count, clip, port] = process.argv.slice(2)
const server = await createRtspServer({ port: Number(port) })
for (let index = 0; index < Number(count); index++)
  await server.mount(`facade-${index}`, { file: clip!, startAtMs: (index * 2303) % 12_000 })
process.on('SIGTERM', () => void server.close().then(() => process.exit(0)))
console.log('ready')
