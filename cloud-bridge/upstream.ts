import type { Actor, Severity } from '../gateway/core/alarm.ts'
import type { CaseLevel, CaseState, CaseTransition } from '../gateway/core/case.ts'
import { DeliveryError } from '../gateway/core/errors.ts'
import type { Place } from '../gateway/core/place.ts'

/*
 * The port to a city's platform. A dialect is one file in upstreams/, one line in upstreams/index.ts and one test that
 * runs testing/upstream-contract.ts. A dialect speaks; it never waits, repeats or remembers: the outbox does.
 */

/** A step of a case as the site reports it. Instants are epoch ms; a dialect writes them its own way. */
export interface SiteTransition {
  /** The journal's sequence number: the transition's identity. */
  id: string
  to: CaseState
  role: CaseTransition['role']
  at: number
  actor: Actor
  unit?: string
  note?: string
  reason?: string
  respondBy?: number
  resolveBy?: number
  /** Ids of evidence that follows by itself. */
  attachments?: readonly string[]
}

/** What a platform is told when a case goes up. */
export interface CaseReport {
  case: {
    id: string
    number: string
    type: string
    title: string
    severity: Severity
    level: CaseLevel
    openedAt: number
    respondBy?: number
    resolveBy?: number
    place: Place
    alarmIds: readonly string[]
  }
  /** Five-digit class code of the disposal list, where the city has one. */
  code?: string
  /** The responsible unit of the disposal list. */
  unit?: string
  transition: SiteTransition
}

export interface TransitionReport {
  caseId: string
  transition: SiteTransition
}

export interface EvidenceReport {
  caseId: string
  evidenceId: string
  type: 'snapshot' | 'clip' | 'photo'
  contentType: string
  /** Lower-case hex over `bytes`, recomputed by the bridge. */
  sha256: string
  bytes: Uint8Array<ArrayBuffer>
  camera?: string
  fromAt?: number
  toAt?: number
}

/** What goes with every change. */
export interface Delivery {
  /** `site:case:transition`; the same for every repeat. */
  idempotencyKey: string
  /** Names the site's sequence; a new one begins only when the outbox was lost. */
  stream: string
  /** 1, 2, 3 … without gaps within the stream: the receiver sees what is missing. */
  seq: number
  signal: AbortSignal
}

/** What the platform did with a case. */
export interface UpstreamEvent {
  /** Unique for ever at this platform. */
  id: string
  caseId: string
  /** The platform's number of the case. */
  ref: string
  /** 1, 2, 3 … within the case. */
  caseSeq: number
  to: CaseState
  /** issuer: the platform; unit: a unit that is not of the site. */
  role: 'issuer' | 'unit'
  /** Later than 1970. Absent where the platform gave no instant that exists: then the receipt counts. */
  at?: number
  actorName: string
  organisation: string
  unit?: string
  note?: string
  reason?: string
  respondBy?: number
  resolveBy?: number
}

/** An event that is not what the dialect's reference says: the gateway is not told, a person may look at it. */
export interface UnreadableEvent {
  /** The platform's id where it gave one, else made of what it sent: the same for the same event. */
  id: string
  /** Empty where it names none. */
  caseId: string
  /** Within the case; 0 where it gives none. */
  caseSeq: number
  problem: string
  body: unknown
}

export interface UpstreamEventPage {
  events: UpstreamEvent[]
  unreadable?: UnreadableEvent[]
  /** Where the next poll goes on. */
  cursor: string
  hasMore: boolean
}

export interface PollRequest {
  cursor: string | undefined
  stream: string
  /** The highest sequence number given out, so that the platform knows what is on its way. */
  head: number
  signal: AbortSignal
}

export interface WebhookRequest {
  method: string
  /** Path with query, as the platform sent it. */
  path: string
  header(name: string): string | undefined
  body: Uint8Array
}

/**
 * Every method but verifyWebhook rejects with an UpstreamError. Every change may be called again with the same
 * idempotency key after any failure, at any time, also when the first call was answered and the answer got lost.
 */
export interface Upstream {
  readonly name: string
  readonly kind: string
  /** Reports a case; resolves with the platform's own number for it. */
  openCase(report: CaseReport, delivery: Delivery): Promise<{ ref: string }>
  transition(ref: string, report: TransitionReport, delivery: Delivery): Promise<void>
  evidence(ref: string, report: EvidenceReport, delivery: Delivery): Promise<void>
  /** Events after the cursor, oldest first. Asking again with the same cursor gives the same events again. */
  poll(request: PollRequest): Promise<UpstreamEventPage>
  /** The events of a webhook that is signed, fresh and not replayed; otherwise why it is turned away. */
  verifyWebhook(request: WebhookRequest): UpstreamEvent[] | WebhookRefusal
}

export interface WebhookRefusal {
  refused: string
  status: 401 | 422
}

/** What a dialect is made from; read from one entry of the configuration's `upstreams`. */
export interface UpstreamOptions {
  name: string
  site: string
  url: string
  keyId: string
  secret: string
  requestTimeoutMs: number
  /** Six digits of the administrative region, in front of the class code. */
  regionCode?: string
  /** 15-digit cell for places that name none. */
  gridCell?: string
  departmentCode?: string
  departmentName?: string
}

/** What a dialect may use of the world. */
export interface UpstreamContext {
  fetch: typeof fetch
  now(): number
}

/**
 * A delivery to the platform failed. `retryable: false` means the platform refused what the row says (its schema) and
 * will tomorrow: the row is parked. Everything else is tried again for ever.
 */
export class UpstreamError extends DeliveryError {
  /** The platform as a whole is away, slow, overloaded or turns us away: other rows would fare no better now. */
  readonly isPlatformWide: boolean
  constructor(
    message: string,
    options: { retryable: boolean; isPlatformWide: boolean; retryAfterMs?: number; hint?: string; cause?: unknown },
  ) {
    super(message, options)
    this.name = 'UpstreamError'
    this.isPlatformWide = options.isPlatformWide
  }
}
