import { randomBytes } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type DigestAlgorithm, digestChallenge, isAuthorised, type Users } from '../cameras/digest.ts'
import { muLawLevels } from './g711-levels.ts'
import type { Heard, HeardFirst } from './heard.ts'

export interface AxisDeviceOptions {
  port: number
  users: Users
  /** Offered in this order. */
  algorithms: readonly DigestAlgorithm[]
  onFirst(first: HeardFirst): void
  onHeard(heard: Heard, samples: Int16Array): void
}

/** What goes wrong next; each applies until changed. */
export interface AxisFaults {
  /** Answer every sound with this status. */
  status?: number
  /** Close the connection at the end, or after so many bytes, without an answer. */
  closeAfterBytes?: number | 'the end'
  /** Take connections and say nothing. */
  isFrozen?: boolean
}

/** An Axis network speaker as far as `transmit.cgi` goes. */
export interface AxisDevice {
  faults: AxisFaults
  /** Nonces given out so far are refused as stale. */
  expireNonces(): void
  open(): Promise<number>
  close(): Promise<void>
}

const maxBody = 8000 * 300

/** Listens on loopback and takes G.711 µ-law by POST with digest authentication. */
export function createAxisDevice(options: AxisDeviceOptions): AxisDevice {
  let nonce = randomBytes(16).toString('hex')
  const expired = new Set<string>()

  const challenge = (response: ServerResponse, isStale: boolean) => {
    const values = options.algorithms.map(
      (algorithm) =>
        `${digestChallenge('AXIS_ACCC8E012345', nonce, algorithm)}, qop="auth"${isStale ? ', stale=true' : ''}`,
    )
    response.writeHead(401, { 'www-authenticate': values, connection: 'close' }).end()
  }

  const hear = (request: IncomingMessage, response: ServerResponse) => {
    const startedAt = Date.now()
    const body: Buffer[] = []
    let [bytes, chunks, maxGapMs, last] = [0, 0, 0, performance.now()]
    const finish = () => {
      if (chunks === 0) return
      const samples = Int16Array.from(Buffer.concat(body), (byte) => muLawLevels[byte]!)
      const source = `${request.socket.remoteAddress}:${request.socket.remotePort}`
      const heard = { by: 'vapix', startedAt, durationMs: bytes / 8, packets: chunks, lost: 0, codec: 'pcmu' } as const
      options.onHeard({ ...heard, duplicates: 0, reordered: 0, jitterMs: 0, maxGapMs, source }, samples)
      chunks = 0
    }
    request.on('data', (chunk: Buffer) => {
      const now = performance.now()
      if (chunks === 0) options.onFirst({ by: 'vapix', at: Date.now(), monotonicMs: now })
      else maxGapMs = Math.max(maxGapMs, now - last)
      last = now
      chunks++
      bytes += chunk.length
      if (bytes <= maxBody) body.push(chunk)
      if (typeof device.faults.closeAfterBytes === 'number' && bytes >= device.faults.closeAfterBytes) request.destroy()
    })
    request.on('end', () => {
      finish()
      if (device.faults.closeAfterBytes === 'the end') request.socket.destroy()
      else response.writeHead(device.faults.status ?? 204, { connection: 'close' }).end()
    })
    request.on('close', finish)
  }

  const server = createServer((request, response) => {
    if (device.faults.isFrozen) return
    if (request.url !== '/axis-cgi/audio/transmit.cgi') return void response.writeHead(404).end()
    const header = request.headers.authorization ?? ''
    if (!isAuthorised(header, { method: request.method ?? '', nonce, users: options.users }))
      return challenge(
        response,
        [...expired].some((old) => header.includes(old)),
      )
    if (request.headers['content-type'] !== 'audio/basic') return void response.writeHead(415).end()
    hear(request, response)
  })

  const device: AxisDevice = {
    faults: {},
    expireNonces() {
      expired.add(nonce)
      nonce = randomBytes(16).toString('hex')
    },
    async open() {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject)
        server.listen(options.port, '127.0.0.1', resolve)
      })
      return (server.address() as AddressInfo).port
    },
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      server.closeAllConnections()
      await closed
    },
  }
  return device
}
