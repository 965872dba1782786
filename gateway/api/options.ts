import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import type {
  FastifyBaseLogger,
  FastifyInstance,
  RawReplyDefaultExpression,
  RawRequestDefaultExpression,
  RawServerDefault,
} from 'fastify'
import type { Logger } from 'pino'
import type { Registry } from 'prom-client'
import type { Elder } from '../core/elder.ts'
import type { FacadeService } from '../core/facade.ts'
import type { LearningService } from '../core/learning.ts'
import type { ModelService } from '../core/model.ts'
import type { Place } from '../core/place.ts'
import type {
  AlarmService,
  AnswerLinks,
  Camera,
  CameraStatus,
  CaseService,
  ChannelState,
  DoorService,
  EvidenceStore,
  ReceiptInbox,
  ResponseService,
  Store,
  Telemetry,
} from '../core/ports.ts'
import type { DeviceRegistrar } from '../core/registration.ts'
import type { SelfTestService } from '../core/self-test.ts'
import type { DeviceRow, DiscoveredRow, HealthReport, InspectedRow, SiteView } from './schemas/index.ts'

/** Everything the API works with; it opens nothing but its own listener. */
export interface ApiOptions {
  host: string
  /** 0 takes a free one. */
  port: number
  /** PEM. Without it the API speaks plain HTTP: for loopback, or behind a proxy that ends TLS. */
  tls?: { key: string | Buffer; cert: string | Buffer }
  store: Store
  alarms: AlarmService
  cases: CaseService
  doors: DoorService
  /** Absent where no camera watches a facade. */
  facades?: FacadeService
  models?: ModelService
  /** Absent where the site does not learn. */
  learning?: LearningService
  people: PeopleParts
  /** Absent: none can be begun here. */
  selfTest?: SelfTestService
  cameras: { list(): Camera[]; onStatus(listener: (status: CameraStatus) => void): () => void }
  telemetry: Telemetry
  devices: {
    list(): DeviceRow[]
    inspected(): InspectedRow[]
    discovered(): DiscoveredRow[]
    /** Codecs there are, for who registers a device. */
    codecs?: readonly string[]
    /** Absent: devices cannot be registered. */
    registrar?: DeviceRegistrar
  }
  /** Platforms that push messages of devices; absent: none may. */
  devicePush?: {
    /** SHA-256, hex, of the bearer token of each integration. */
    tokenHashes: ReadonlyMap<string, string>
    /** Resolves when it is stored, with whether it was understood. */
    take(integration: string, payload: Uint8Array): Promise<boolean>
  }
  evidence: EvidenceStore
  site: SiteView
  passwords: Passwords
  /** SHA-256, hex, of the bridge's bearer token; absent: no bridge may come in. */
  bridgeTokenHash?: string
  /** SHA-256, hex, of a bearer token that is good for `GET /metrics` only. */
  metricsTokenHash?: string
  /** Folder of the built console; absent or not there: `/` says how to build it. */
  consoleDir?: string
  health(): HealthReport
  metrics: Registry
  now(): number
  logger: Logger
  /** As fastify takes it: whom to believe about X-Forwarded-*. */
  trustProxy?: boolean | string | string[]
  /** Further origins (`https://console.example`) whose pages may act for a user; the API's own is always one. */
  origins?: readonly string[]
  limits?: Partial<ApiLimits>
}

/** People of the site file, and what the gateway knows about reaching them. */
export interface PeopleParts {
  elders: readonly Elder[]
  persons: ReadonlyArray<{ id: string; name: string; duty: string }>
  responses: ResponseService
  links: AnswerLinks
  describePlace(place: Place): { zh: string; en: string }
  describeKind(kind: string): { zh: string; en: string }
  channels(): ChannelState[]
  /** Where providers of messages say what became of them; absent: none may. */
  receipts?: ReceiptInbox
  timeZone: string
  /** The site's web-push notifier; absent where it has none. */
  push?: {
    publicKey: string
    /** Whether a person of the site file is told on this channel. */
    isTold(person: string): boolean
  }
}

export interface Passwords {
  hash(secret: string): Promise<string>
  verify(secret: string, hash: string): Promise<boolean>
}

export interface ApiLimits {
  /** A session unused for so long ends. An open console uses it. */
  sessionIdleMs: number
  /** A session ends so long after its login, whatever happens. */
  sessionLifetimeMs: number
  /** Between two pings of a WebSocket; its session is checked as often. */
  pingMs: number
  /** A WebSocket whose peer has answered nothing for so long is cut. */
  silentMs: number
  /** A live viewer with more than this unsent is closed with 1013. */
  maxUnsentBytes: number
  /** WebSockets at a time; one more is answered 429. */
  maxSockets: number
  /** Waiting journal requests at a time; one more is answered 429. */
  maxWaiting: number
}

export const defaultLimits: ApiLimits = {
  sessionIdleMs: 12 * 3600_000,
  sessionLifetimeMs: 7 * 24 * 3600_000,
  pingMs: 5000,
  silentMs: 30_000,
  maxUnsentBytes: 1_000_000,
  maxSockets: 256,
  maxWaiting: 64,
}

export type ApiApp = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>
