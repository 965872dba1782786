import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { PersonMessage, PushSubscription } from '../core/ports.ts'
import type { NotifierContext } from './notifier.ts'

/** What a vendor's server was sent. */
export interface Received {
  method: string
  path: string
  query: URLSearchParams
  headers: IncomingHttpHeaders
  body: Buffer
  /** The body as JSON; an empty object where it is none. */
  json: Record<string, unknown>
}

export interface VendorAnswer {
  status?: number
  body?: unknown
}

/** A vendor at the other end: a real HTTP server on this machine that answers as told. */
export async function startVendor(
  t: { teardown(undo: () => unknown): void },
  answer: (received: Received) => VendorAnswer,
): Promise<{ url: string; received: Received[] }> {
  const received: Received[] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk) => chunks.push(chunk))
    request.on('end', () => {
      const body = Buffer.concat(chunks)
      const url = new URL(request.url ?? '/', 'http://vendor')
      let json: Record<string, unknown> = {}
      try {
        json = JSON.parse(body.toString())
      } catch {}
      const one = {
        method: request.method ?? '',
        path: url.pathname,
        query: url.searchParams,
        headers: request.headers,
        body,
        json,
      }
      received.push(one)
      const { status = 200, body: answered = {} } = answer(one)
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(answered))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, received }
}

/** What drivers are given, with secrets by the name of their variable. */
export function createContext(
  more: Partial<NotifierContext> & { secrets?: Record<string, string> } = {},
): NotifierContext {
  const { secrets = {}, ...rest } = more
  return {
    id: 'channel',
    now: () => Date.now(),
    secret: (reference) => secrets['env' in reference ? reference.env : reference.file] ?? 'a secret',
    subscriptions: { of: (): PushSubscription[] => [], remove() {} },
    ...rest,
  }
}

/** A message as the escalation makes one. */
export function aMessage(more: Partial<PersonMessage> = {}): PersonMessage {
  return {
    alarm: 'alarm-1',
    severity: 'critical',
    place: 'garden/b1/u1/3//301',
    person: 'elder-301',
    title: '【特急】老人紧急呼叫 · 1 号楼 301',
    text: '10:02 1 号楼 301：老人紧急呼叫。',
    link: 'https://care.example.org/answer/abc',
    language: 'zh-CN',
    fields: { what: '老人紧急呼叫', where: '1 号楼 301', who: '301 室长者', when: '10:02' },
    ...more,
  }
}
