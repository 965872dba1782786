import { createHash, randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { isRefusal } from '../../gateway/core/alarm.ts'
import { applyCase, type Case, type CaseTransition, escalateCase } from '../../gateway/core/case.ts'

/*
 * A gateway as far as the bridge sees one: journal, evidence, link and transitions over real HTTP, cases by the rules of
 * gateway/core, everything in memory. It can be away, refuse the token and lose answers.
 */

export interface PeerEntry {
  seq: number
  at: string
  topic: 'alarm' | 'case'
  subject: string
  transition: string
  actor: { type: 'system' | 'user' | 'bridge'; id: string; organisation?: string }
  data: Record<string, unknown>
  previousHash: string
  hash: string
}

export interface GatewayPeer {
  readonly url: string
  readonly token: string
  /** How it answers: `away` cuts connections, a number is that status, `lossy` applies and then cuts. */
  mode: 'well' | 'away' | 'lossy' | number
  report(more?: Partial<Case>): Case
  step(id: string, transition: Partial<CaseTransition> & Pick<CaseTransition, 'to' | 'role'>): Case
  lift(id: string): Case
  addEvidence(alarmId: string, type: 'snapshot' | 'clip', bytes: Uint8Array): string
  case(id: string): Case
  cases(): Case[]
  journal(): readonly PeerEntry[]
  /** Calls that changed something, and repeats of an idempotency key that did not. */
  readonly calls: { links: number; applied: number; repeated: number; refused: number }
  close(): Promise<void>
}

const toWire = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(toWire)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, field]) => [
      key,
      typeof field === 'number' && /(^at|At|By)$/.test(key) ? new Date(field).toISOString() : toWire(field),
    ]),
  )
}

export async function createGatewayPeer(site: string): Promise<GatewayPeer> {
  const token = randomUUID()
  const cases = new Map<string, Case>()
  const files = new Map<string, { bytes: Uint8Array; contentType: string }>()
  const entries: PeerEntry[] = []
  const seenKeys = new Set<string>()
  const waiting = new Set<() => void>()

  function append(entry: Pick<PeerEntry, 'topic' | 'subject' | 'transition' | 'actor' | 'data'>): void {
    const previousHash = entries.at(-1)?.hash ?? ''
    const data = toWire(entry.data) as Record<string, unknown>
    const row = { ...entry, data, seq: entries.length + 1, at: new Date().toISOString(), previousHash }
    entries.push({ ...row, hash: createHash('sha256').update(JSON.stringify(row)).digest('hex') })
    for (const wake of waiting) wake()
  }

  function put(
    current: Case,
    transition: CaseTransition | { type: string; at: number },
    actor: PeerEntry['actor'],
  ): Case {
    cases.set(current.id, current)
    const name = 'to' in transition ? transition.to : transition.type
    append({ topic: 'case', subject: current.id, transition: name, actor, data: { case: current, transition } })
    return current
  }

  const user = { type: 'user', id: 'duty-1', organisation: '物业服务中心' } as const
  const need = (id: string): Case => {
    const found = cases.get(id)
    if (!found) throw new Error(`no case ${id}`)
    return found
  }

  const peer: GatewayPeer = {
    url: '',
    token,
    mode: 'well',
    calls: { links: 0, applied: 0, repeated: 0, refused: 0 },
    report(more = {}) {
      const id = randomUUID()
      const at = Date.now()
      const actor = { type: 'system', id: 'gateway' } as const
      const transition: CaseTransition = { to: 'reported', at, actor, role: 'reporter' }
      const fresh: Case = {
        id,
        number: `2026-${String(cases.size + 1).padStart(6, '0')}`,
        type: 'ebike_in_elevator',
        code: 'x10999',
        title: '电动自行车进电梯',
        severity: 'high',
        place: { site, building: 'b1', lift: 'l1', gridCell: '310104001001001' },
        alarmIds: [`alarm-${id}`],
        state: 'reported',
        level: 'X',
        openedAt: at,
        respondBy: at + 1800_000,
        returnedCount: 0,
        reworkCount: 0,
        ...more,
        history: [transition],
      }
      return put(fresh, transition, actor)
    },
    step(id, { to, role, ...more }) {
      const transition: CaseTransition = { at: Date.now(), actor: user, ...more, to, role }
      const next = applyCase(need(id), transition)
      if (isRefusal(next)) throw new Error(next.refused)
      return put(next, transition, user)
    },
    lift(id) {
      const to = { level: 'X', upstream: 'street', at: Date.now(), actor: user, note: '物业未能处置' } as const
      const raised = escalateCase(need(id), to)
      if (isRefusal(raised)) throw new Error(raised.refused)
      return put(raised, raised.history.at(-1)!, user)
    },
    addEvidence(alarmId, type, bytes) {
      const id = randomUUID()
      const contentType = type === 'snapshot' ? 'image/jpeg' : 'video/mp4'
      files.set(id, { bytes, contentType })
      const sha256 = createHash('sha256').update(bytes).digest('hex')
      const at = Date.now()
      const evidence = {
        id,
        type,
        camera: 'c1',
        fromAt: at,
        toAt: at,
        contentType,
        file: id,
        bytes: bytes.byteLength,
        sha256,
        createdAt: at,
      }
      const actor = { type: 'system', id: 'gateway' } as const
      const transition = { type: 'evidence-added', at, evidence }
      append({
        topic: 'alarm',
        subject: alarmId,
        transition: 'evidence-added',
        actor,
        data: { alarm: { id: alarmId }, transition },
      })
      return id
    },
    case: need,
    cases: () => [...cases.values()],
    journal: () => entries,
    close: async () => {},
  }

  async function readJournal(query: URLSearchParams): Promise<object> {
    const after = Number(query.get('after'))
    const topics = query.get('topics')?.split(',') ?? ['alarm', 'case']
    const newer = () =>
      entries.filter((entry) => entry.seq > after && topics.includes(entry.topic)).slice(0, Number(query.get('limit')))
    const until = Date.now() + Number(query.get('waitMs') ?? 0)
    while (newer().length === 0 && Date.now() < until && peer.mode === 'well') {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(wake, Math.min(100, until - Date.now()))
        function wake() {
          clearTimeout(timer)
          waiting.delete(wake)
          resolve()
        }
        waiting.add(wake)
      })
    }
    return { entries: newer(), lastSeq: entries.length }
  }

  function link(id: string, body: { upstream: string; upstreamRef: string }): [number, object] {
    const current = cases.get(id)
    if (!current) return [404, { error: { code: 'not-found', message: `no case ${id}` } }]
    peer.calls.links += 1
    if (current.upstreamRef === body.upstreamRef) return [200, current]
    if (current.upstreamRef) return [409, { error: { code: 'refused', message: `already ${current.upstreamRef}` } }]
    const { upstream, upstreamRef } = body
    const actor = { type: 'bridge', id: 'bridge' } as const
    return [200, put({ ...current, upstream, upstreamRef }, { type: 'linked', at: Date.now() }, actor)]
  }

  function transition(id: string, body: Record<string, string>): [number, object] {
    const current = cases.get(id)
    if (!current) return [404, { error: { code: 'not-found', message: `no case ${id}` } }]
    const { actorName = '', organisation = '', at, respondBy, resolveBy, idempotencyKey = '', ...rest } = body
    if (seenKeys.has(idempotencyKey)) {
      peer.calls.repeated += 1
      return [200, current]
    }
    const actor = { type: 'bridge', id: actorName, organisation } as const
    const instants = Object.fromEntries(
      Object.entries({ at, respondBy, resolveBy }).flatMap(([key, value]) => (value ? [[key, Date.parse(value)]] : [])),
    )
    const step = { at: Date.now(), ...rest, ...instants, actor, idempotencyKey } as unknown as CaseTransition
    const next = applyCase(current, step)
    if (isRefusal(next)) {
      peer.calls.refused += 1
      return [409, { error: { code: 'refused', message: next.refused } }]
    }
    seenKeys.add(idempotencyKey)
    peer.calls.applied += 1
    return [200, put(next, step, actor)]
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { mode } = peer
    if (mode === 'away') return void request.socket.destroy()
    const url = new URL(request.url ?? '/', 'http://peer')
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const send = (status: number, value: object) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(toWire(value)))
    if (typeof mode === 'number') return void send(mode, { error: { code: 'refused-by-test', message: 'as told' } })
    if (request.headers.authorization !== `Bearer ${token}`)
      return void send(401, { error: { code: 'unauthenticated', message: 'wrong token' } })
    const [, id = '', action] = /^\/api\/v1\/(?:cases|evidence)\/([^/]+)(?:\/(\w+))?$/.exec(url.pathname) ?? []
    if (url.pathname === '/api/v1/journal') return void send(200, await readJournal(url.searchParams))
    if (url.pathname.startsWith('/api/v1/evidence/')) {
      const file = files.get(decodeURIComponent(id))
      if (!file) return void send(404, { error: { code: 'not-found', message: 'past retention' } })
      return void response.writeHead(200, { 'content-type': file.contentType }).end(file.bytes)
    }
    const body = JSON.parse(Buffer.concat(chunks).toString('utf8') || '{}')
    if (request.method !== 'POST') return void send(404, { error: { code: 'not-found', message: url.pathname } })
    const [status, value] = action === 'upstream' ? link(id, body) : transition(id, body)
    if (mode === 'lossy') return void request.socket.destroy()
    send(status, value)
  }

  const server = createServer((request, response) => {
    answer(request, response).catch(() => request.socket.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  return Object.assign(peer, {
    url: `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`,
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  })
}
