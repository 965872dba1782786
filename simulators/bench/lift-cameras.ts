import { execFileSync } from 'node:child_process'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { createRtspServer } from '../cameras/rtsp-server.ts'
import { clipFile } from '../compound.ts'

/*
 * A process of its own that plays N lift cameras, so that what the cameras cost is not counted against the gateway.
 * `lift-cameras.ts <count> <busy share> <port>`; prints `ready` once every camera can be watched.
 */
const [count, busyShare, port] = process.argv.slice(2).map(Number)
// The part of the empty cab's clip in which the door does not move either: a cab that is not busy shows nothing new.
const stillCab = join(tmpdir(), 'gridgate-bench-still-cab.mp4')
const cut = ['-t', '5', '-c', 'copy', stillCab]
execFileSync('ffmpeg', ['-y', '-v', 'error', '-ss', '12', '-i', clipFile('empty'), ...cut])
const server = await createRtspServer({ port: port! })
const paths = Array.from({ length: count! }, (_, index) => `lift-${index}`)
for (const [index, path] of paths.entries())
  await server.mount(path, { file: stillCab, startAtMs: (index * 997) % 10_000 })
process.on('SIGTERM', () => void server.close().then(() => process.exit(0)))

/** Clips of people and things that move, in turn. */
const busyClips = ['person', 'e-bike', 'bicycle', 'stroller']
const slots = Math.max(1, Math.round(count! * busyShare!))
let next = 0
/** Each busy slot plays one entry after the other, each in another lift. */
async function keepBusy(): Promise<void> {
  for (;;) {
    const turn = next++
    await server.switchTo(paths[turn % paths.length]!, clipFile(busyClips[turn % busyClips.length]!), { loop: false })
    await new Promise((resolve) => setTimeout(resolve, entryMs))
  }
}
/** Length of the shipped entry clips. */
const entryMs = 25_000
for (let slot = 0; slot < slots; slot++) setTimeout(() => void keepBusy(), (slot * entryMs) / slots)
console.log('ready')
