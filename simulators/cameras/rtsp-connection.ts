import type { Socket } from 'node:net'

/** One RTSP request (RFC 2326 §6). */
export interface RtspRequest {
  method: string
  url: string
  /** Names in lower case. */
  headers: ReadonlyMap<string, string>
}

export interface RtspResponse {
  status: number
  reason: string
  headers?: ReadonlyArray<readonly [name: string, value: string]>
  body?: string
}

const largestRequestBytes = 16 * 1024

/**
 * Reads requests from a connection that also carries interleaved binary packets (RFC 2326 §10.12), which are skipped.
 * A request that is too long or not RTSP ends the connection.
 */
export function readRequests(socket: Socket, onRequest: (request: RtspRequest) => void): void {
  let pending: Buffer = Buffer.alloc(0)
  socket.on('data', (chunk: Buffer) => {
    pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk])
    for (;;) {
      if (pending[0] === 0x24) {
        if (pending.length < 4 || pending.length < 4 + pending.readUInt16BE(2)) return
        pending = pending.subarray(4 + pending.readUInt16BE(2))
        continue
      }
      const end = pending.indexOf('\r\n\r\n')
      if (end === -1) {
        if (pending.length > largestRequestBytes) socket.destroy()
        return
      }
      const request = parse(pending.toString('latin1', 0, end))
      if (!request) return void socket.destroy()
      const bodyBytes = Number(request.headers.get('content-length') ?? 0)
      if (!(bodyBytes <= largestRequestBytes)) return void socket.destroy()
      if (pending.length < end + 4 + bodyBytes) return
      pending = pending.subarray(end + 4 + bodyBytes)
      onRequest(request)
      if (socket.destroyed) return
    }
  })
}

function parse(head: string): RtspRequest | undefined {
  const [first, ...lines] = head.split('\r\n')
  const match = first?.match(/^([A-Z_]+) (\S+) RTSP\/1\.0$/)
  if (!match) return undefined
  const headers = new Map<string, string>()
  for (const line of lines) {
    const colon = line.indexOf(':')
    if (colon > 0) headers.set(line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim())
  }
  return { method: match[1]!, url: match[2]!, headers }
}

/** Answers a request; every answer repeats its CSeq (RFC 2326 §12.17). */
export function respond(socket: Socket, request: RtspRequest, response: RtspResponse): void {
  const headers = [['CSeq', request.headers.get('cseq') ?? '0'] as const, ...(response.headers ?? [])]
  if (response.body !== undefined) headers.push(['Content-Length', String(Buffer.byteLength(response.body))])
  const head = headers.map(([name, value]) => `${name}: ${value}\r\n`).join('')
  socket.write(`RTSP/1.0 ${response.status} ${response.reason}\r\n${head}\r\n${response.body ?? ''}`)
}
