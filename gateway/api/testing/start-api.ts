import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { join } from 'node:path'
import type { FastifyInstance, InjectOptions } from 'fastify'
import { pino } from 'pino'
import { Registry } from 'prom-client'
import type { Test } from 'tap'
import WebSocket from 'ws'
import type { EvidenceStore, Role, Store } from '../../core/ports.ts'
import type { ApiOptions, Passwords } from '../options.ts'
import type { SessionView } from '../schemas/index.ts'
import { createApi } from '../server.ts'
import { createFakeCameras, createServices, type FakeCamera } from './fake-services.ts'

export const bridgeToken = 'bridge-token-of-the-test'
export const password = 'correct horse battery'

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')

/** Quick and worthless outside of tests; counts how often it was asked. */
export function createFakePasswords(): Passwords & { verified: number } {
  return {
    verified: 0,
    hash: async (secret) => sha256(secret),
    async verify(secret, hash) {
      this.verified++
      return sha256(secret) === hash
    },
  }
}

/** A person at a browser: cookie and CSRF token of one login. */
export interface Visitor {
  cookie: string
  csrfToken: string
  inject(options: InjectOptions): ReturnType<FastifyInstance['inject']> & Promise<{ statusCode: number }>
}

export interface Scene<S extends Store = Store> {
  app: FastifyInstance
  store: S
  evidence: EvidenceStore
  /** The test's own folder. */
  dir: string
  clock: { at: number }
  cameras: FakeCamera[]
  passwords: ReturnType<typeof createFakePasswords>
  url: string
  login(role: Role): Promise<Visitor>
  bridge(options: InjectOptions): ReturnType<FastifyInstance['inject']>
  /** A real WebSocket client; collects what it hears. */
  connect(path: string, headers?: Record<string, string>): Promise<Client>
  close(): Promise<void>
}

/** The parts of storage a test brings along; this folder may not import them. */
export interface Storage<S extends Store> {
  openStore(options: { file: string; now: () => number }): S
  createEvidenceStore(options: {
    dir: string
    store: NoInfer<S>
    retentionMs: number
    now: () => number
  }): EvidenceStore
}

export interface Client {
  socket: WebSocket
  messages: Array<Record<string, unknown>>
  /** Resolves when the messages satisfy the condition; rejects after 20 s. */
  until(condition: (messages: Client['messages']) => boolean, what: string): Promise<void>
  closed: Promise<number>
}

const deadlineMs = 20_000

/** Waits for a condition that another part of the program will make true. */
export async function eventually(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const end = Date.now() + deadlineMs
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`waited in vain for ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

/** Starts APIs on a real store in the test's folder, with a user of each role; stopped with the test. */
export function apiStarter<S extends Store>({ openStore, createEvidenceStore }: Storage<S>) {
  return async (
    t: Test,
    more: Partial<ApiOptions> | ((dir: string) => Partial<ApiOptions>) = {},
  ): Promise<Scene<S>> => {
    const dir = t.testdir()
    const clock = { at: Date.UTC(2026, 10, 22) }
    const now = () => clock.at
    const store = openStore({ file: join(dir, 'gateway.db'), now })
    const evidence = createEvidenceStore({ dir: join(dir, 'evidence'), store, retentionMs: 90 * 24 * 3600_000, now })
    t.teardown(() => store.close())
    const scene = await startApi(t, store, evidence, clock, typeof more === 'function' ? more(dir) : more)
    return { ...scene, store, evidence, dir }
  }
}

async function startApi(
  t: Test,
  store: Store,
  evidence: EvidenceStore,
  clock: { at: number },
  more: Partial<ApiOptions>,
): Promise<Omit<Scene, 'dir' | 'evidence' | 'store'>> {
  const now = () => clock.at
  const passwords = createFakePasswords()
  const cameras = createFakeCameras(['camera-1', 'camera-2'])
  const name = { zh: '一号', en: 'one' }
  for (const role of ['admin', 'operator', 'caregiver'] as const)
    if (!store.userWithHash(role))
      store.putUser({
        id: `id-${role}`,
        name: role,
        role,
        isDisabled: false,
        createdAt: clock.at,
        passwordHash: await passwords.hash(password),
      })
  const api = await createApi({
    host: '127.0.0.1',
    port: 0,
    store,
    ...createServices(store, now),
    cameras,
    people: {
      elders: [],
      persons: [],
      responses: { answer: () => ({ refused: 'nobody was asked about this alarm' }), next: () => undefined, seen() {} },
      links: { read: () => ({ refused: 'this link is not from here' }) },
      describePlace: () => name,
      describeKind: () => name,
      channels: () => [],
      timeZone: 'Asia/Shanghai',
    },
    doors: { list: () => [], release: (lift) => ({ refused: `lift ${lift} has no door hold` }) },
    telemetry: {
      write: async () => {},
      query: async ({ from, to }) => [
        { at: from, value: 20.5 },
        { at: to, value: true },
      ],
      latest: async () => [],
      close: async () => {},
    },
    devices: {
      inspected: () => [
        {
          topic: 'zigbee2mqtt/kitchen',
          reason: 'expected a JSON object',
          phrase: { key: 'object-expected' },
          count: 3,
          firstAt: now() - 1000,
          lastAt: now(),
          bytes: 3,
          beginning: new Uint8Array([0x32, 0x31, 0x2e]),
        },
      ],
      discovered: () => [
        {
          codec: 'zigbee2mqtt',
          address: 'hall',
          aliases: ['0x00158d0001d82999'],
          offers: ['isOpen'],
          firstSeenAt: now() - 1000,
          lastSeenAt: now(),
        },
      ],
      list: () => [
        {
          id: 'device-1',
          kind: 'smoke',
          name,
          place: { site: 'garden' },
          isUp: true,
          lastSeenAt: clock.at,
          values: {
            temperatureCelsius: { value: 21, at: clock.at },
            heartRateBpm: { value: 71, at: clock.at },
          },
          groups: [],
          codec: 'gridgate-json',
          heartbeatMs: 3600_000,
          definedBy: 'site-file',
        },
      ],
    },
    site: {
      id: 'garden',
      name,
      languages: ['zh-CN', 'en'],
      buildings: [{ id: 'b3', name }],
      lifts: [{ id: 'l1', name, building: 'b3' }],
      cameras: [{ id: 'camera-1', name, lift: 'l1' }],
      speakers: [{ id: 'speaker-1', name, lift: 'l1' }],
      disposal: [{ key: 'ebike_in_elevator', name }],
    },
    passwords,
    bridgeTokenHash: sha256(bridgeToken),
    health: () => ({ state: 'ok', parts: [{ name: 'store', state: 'ok' }] }),
    metrics: new Registry(),
    now,
    logger: pino({ level: 'silent' }),
    evidence,
    ...more,
  })
  const sockets: WebSocket[] = []
  t.teardown(async () => {
    for (const socket of sockets) socket.terminate()
    await api.close()
  })
  const { url } = await api.listen()
  const { app } = api

  return {
    app,
    clock,
    cameras: cameras.list(),
    passwords,
    url,
    async login(role) {
      const answer = await app.inject({
        method: 'POST',
        url: '/api/v1/session',
        payload: { name: role, password },
      })
      if (answer.statusCode !== 200) throw new Error(`login failed: ${answer.body}`)
      const cookie = `gridgate_session=${answer.cookies[0]?.value}`
      const { csrfToken } = answer.json<SessionView>()
      return {
        cookie,
        csrfToken,
        inject: (options) =>
          app.inject({ ...options, headers: { cookie, 'x-csrf-token': csrfToken, ...options.headers } }) as never,
      }
    },
    bridge: (options) =>
      app.inject({ ...options, headers: { authorization: `Bearer ${bridgeToken}`, ...options.headers } }) as never,
    async connect(path, headers = {}) {
      const socket = new WebSocket(url.replace('http', 'ws') + path, { headers })
      sockets.push(socket)
      const messages: Client['messages'] = []
      socket.on('message', (data, isBinary) => {
        messages.push(isBinary ? { binary: data } : JSON.parse(data.toString()))
      })
      const closed = new Promise<number>((resolve) => socket.once('close', resolve))
      closed.catch(() => {})
      await once(socket, 'open')
      return {
        socket,
        messages,
        closed,
        until: (condition, what) => eventually(() => condition(messages), what),
      }
    },
    close: () => api.close(),
  }
}
