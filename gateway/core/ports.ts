import type { Actor, Alarm, AlarmTransition, Evidence, Phrase, Refusal, Severity } from './alarm.ts'
import type { Case, CaseTransition } from './case.ts'
import type { Box, Detection } from './detection.ts'
import type { Answer, AnswerType } from './escalation.ts'
import type { JournalEntry, JournalTopic } from './journal.ts'
import type { Measurement } from './measurement.ts'
import type { ChainTask, Language } from './person.ts'
import type { FrameTime, Sighting } from './scene.ts'

/*
 * Every interface between the domain and the outside, on one page.
 *
 *   cameras ─frames─▶ detector ─detections─▶ scenes ─findings─▶ alarms ─▶ store (alarm + journal, one transaction)
 *   mqtt ─measurements─▶ telemetry, scenes                        │            │
 *                                                                 ▼            ▼ journal from a cursor
 *                                                        speakers, evidence    console, cloud-bridge, audit
 */

// ── Cameras ──────────────────────────────────────────────────────────────────────────────────────────────────────

/**
 * One picture, planar YUV 4:2:0 (`width·height` luma bytes, then two quarter planes), BT.601 limited range unless
 * the stream says otherwise. `data` lives in a reused slot: whoever keeps it past the callback calls `retain()` and
 * later `release()`, once each.
 */
export interface Frame {
  camera: string
  time: FrameTime
  width: number
  height: number
  /** Backed by a SharedArrayBuffer so that a worker reads it without a copy. */
  data: Uint8Array<SharedArrayBuffer>
  retain(): void
  release(): void
}

/** Why a camera is down, for translation. */
export const cameraProblems = [
  'login',
  'rights',
  'path',
  'receivers',
  'transport',
  'port',
  'network',
  'name',
  'silent',
  'broken',
  'file',
  'no-video',
  'size',
  'codec',
  'ended',
  'ffmpeg',
  'stalled',
  'played',
] as const
export type CameraProblem = (typeof cameraProblems)[number]

export interface CameraStatus {
  id: string
  /** `starting` until the first frame or the first failure. */
  state: 'starting' | 'up' | 'down'
  /** Since when in this state, epoch ms. */
  since: number
  /** Why it is down, in words an operator can act on; never with credentials. */
  reason?: string
  /** The same for translation; absent where only the words are known. */
  problem?: CameraProblem
  framesPerSecond: number
  droppedFrames: number
  reconnects: number
  /** Of a facade camera: its pictures come, but what looks for falling objects is down or too slow at the moment. */
  isUnwatched?: true
  /** Nothing is to be seen, and until something is few of its pictures are decoded. */
  isResting?: true
  width?: number
  height?: number
  codec?: string
}

export interface ClipRequest {
  /** The frame the clip must contain. */
  around: FrameTime
  beforeMs: number
  afterMs: number
  /** Where to write the MP4; the caller owns the file. */
  file: string
  signal?: AbortSignal
}

export interface ClipInfo {
  fromAt: number
  toAt: number
  bytes: number
}

export interface Camera {
  readonly id: string
  status(): CameraStatus
  /**
   * The newest analysed picture as JPEG (quality 80), optionally with boxes drawn; undefined before the first frame.
   * `isMasked`: in squares so coarse that no window can be looked into.
   */
  snapshot(options?: {
    boxes?: readonly Detection[]
    maxWidth?: number
    isMasked?: boolean
  }): Promise<Uint8Array | undefined>
  /** Waits until the stream has passed the end of the span (or 2·afterMs have gone by), then writes the clip. */
  clip(request: ClipRequest): Promise<ClipInfo>
  /** Adds a live viewer; returns the function that removes it. The picture starts with the first and stops after the last. */
  watch(viewer: LiveViewer, how?: { isMasked?: boolean }): () => void
}

/** A viewer of MPEG-TS (MPEG-1 video) chunks, as JSMpeg takes them. */
export interface LiveViewer {
  send(chunk: Uint8Array): void
  /** Bytes waiting to be sent; above 1 MB chunks are dropped for this viewer. */
  readonly bufferedBytes: number
  close(reason: string): void
}

// ── Inference ────────────────────────────────────────────────────────────────────────────────────────────────────

export interface Inference {
  detections: Detection[]
  /** Name and version of the model that looked; another may take over at any time. */
  model: string
  /** Spent inside the worker: pre-processing, session.run, head. */
  preprocessMs: number
  runMs: number
  /** Waited for a free worker. */
  queuedMs: number
}

export interface Detector {
  /** Model name and version, for the alarm's record. */
  readonly model: string
  /**
   * Latest frame wins: while a frame of a camera waits, a newer one of the same camera takes its place and the older
   * call resolves to undefined. Higher priority is served first. Retains and releases the frame itself.
   */
  detect(frame: Frame, options: LookOptions): Promise<Inference | undefined>
}

export interface LookOptions {
  /** Higher is served first. */
  priority: number
  /** Labels whose detections get an embedding, where the model has one. */
  embed?: readonly string[]
  /** Where something moves; a model that sees one part of the picture at a time looks there. */
  focus?: Box
}

// ── Speakers ─────────────────────────────────────────────────────────────────────────────────────────────────────

/** Audio ready to send: 8 kHz mono G.711, one byte a sample, and the same as a WAV file for players. */
export interface AudioClip {
  id: string
  encoding: 'pcmu' | 'pcma'
  sampleRate: 8000
  data: Uint8Array
  wavFile: string
  durationMs: number
}

/** What a driver knows about one announcement. Never more than it knows. */
export interface PlayReport {
  /** The device (or the network stack, for multicast) took it. */
  isAccepted: boolean
  bytesSent: number
  startedAt: number
  endedAt: number
  /** The device's own words, or what is not known: "multicast: receipt is not confirmed". */
  deviceReply: string
  /** The same for translation, first what matters most; absent where only the device's words are known. */
  phrases?: readonly Phrase[]
}

export interface Speaker {
  readonly id: string
  /** Plays once; rejects with a DeliveryError. Aborting stops the sound as soon as the device allows. */
  play(clip: { id: string; language: string }, signal: AbortSignal): Promise<PlayReport>
}

export interface Announcement {
  speaker: string
  clip: string
  /** `zh-CN`, `en`; falls back from the region to the language. */
  language: string
  /** Higher interrupts lower; equal waits. */
  priority: number
  /** Dropped unplayed after this instant: an old warning is worse than none. */
  expiresAt: number
  /** Names what it belongs to (an alarm id or place key), so that it can be stopped. */
  reference: string
}

export interface Announcer {
  announce(announcement: Announcement): Promise<PlayReport>
  /** Ends what is playing and what waits for this reference. */
  stop(reference: string): void
}

// ── People ───────────────────────────────────────────────────────────────────────────────────────────────────────

/** What one person is told about one alarm. */
export interface PersonMessage {
  alarm: string
  severity: Severity
  /** Names the place and the person concerned, so that of a storm none is left out. */
  place: string
  person?: string
  /** One line without line breaks: what and where. */
  title: string
  /** Plain text, a few lines; without the link. */
  text: string
  /** Opens the page with the answer button. Signed, good for one alarm and one person. */
  link?: string
  /** First language of the text; of a voice that reads it. */
  language: Language
  /** For channels whose wording is fixed beforehand and takes variables only (SMS, voice calls). */
  fields: { what: string; where: string; who: string; when: string }
}

/** What a channel knows about one message. Never more than it knows: accepted is not read. */
export interface NotifyReport {
  /** Epoch ms the channel took it. */
  acceptedAt: number
  /** The channel's own words. */
  reply: string
  /** The same for translation; absent where only the words are known. */
  phrases?: readonly Phrase[]
  /** The channel's number for it, where it gives one. */
  reference?: string
}

/** A way to reach people. Drivers send; they neither queue nor retry. */
export interface Notifier {
  readonly id: string
  /** The driver's kind: what chains call a channel. */
  readonly channel: string
  /** How many messages the channel takes within how long; empty where it has no limit of its own. */
  readonly limits: ReadonlyArray<{ count: number; perMs: number }>
  /** UTF-8 bytes of title, text and link that fit into one message. */
  readonly maxBytes: number
  /**
   * Whether several messages can go as one that says every place and person, where bytes alone do not tell; absent: they
   * can.
   */
  fitsInOne?(messages: readonly [PersonMessage, ...PersonMessage[]]): boolean
  /**
   * Sends one message to one address, or several messages of a storm as one.
   * @throws {DeliveryError}
   */
  send(
    messages: readonly [PersonMessage, ...PersonMessage[]],
    to: Recipient,
    signal: AbortSignal,
  ): Promise<NotifyReport>
  /** Absent where the channel pushes no receipts. */
  readonly receipts?: ReceiptReader
  /**
   * What became of a message the channel took, where it can be asked: whether the telephone has it. Undefined while that
   * is not known yet.
   * @throws {DeliveryError}
   */
  delivery?(
    taken: { reference: string; acceptedAt: number },
    to: Recipient,
    signal: AbortSignal,
  ): Promise<Delivery | undefined>
  close?(): void
}

/** What the network at the far end says of a message that was accepted. Delivered is not read either. */
export interface Delivery {
  state: 'delivered' | 'failed'
  /** Epoch ms it arrived, where the channel says so. */
  at?: number
  /** The channel's own words. */
  reply: string
  /** The same for translation; absent where only the words are known. */
  phrases?: readonly Phrase[]
}

/** What a provider pushes about one message it took. */
export interface PushedReceipt {
  /** The channel's number for the message, as in its `NotifyReport`. */
  reference: string
  /** Absent where it says no more than that a key was pressed. */
  delivery?: Delivery
  /** Who was called has pressed the key that says "I take care of it". */
  isAnswer?: boolean
}

/** How a provider hands in receipts. */
export interface ReceiptReader {
  /** The end of the address it pushes to; nobody else knows it. */
  secret: string
  /** What a body of the provider's documented shape says; what is none says nothing. */
  read(body: unknown): PushedReceipt[]
}

export interface Recipient {
  /** Person id. */
  person: string
  /** Their address on this channel; absent where the notifier itself is the address (a group's bot). */
  address?: string
}

/** One message to one person on one channel. */
export interface Errand {
  notifier: string
  to: Recipient
  message: PersonMessage
  /** Epoch ms; not tried again after it: the chain has told others by then. */
  expiresAt: number
  /** Called at most once after `accepted`, where the channel comes to say whether it arrived. */
  onDelivery?(delivery: Delivery & { at: number }): void
}

export type ErrandOutcome =
  | { state: 'accepted'; triedAt: number; report: NotifyReport }
  /**
   * `withdrawn`: somebody answered before it was sent. `stopped`: the gateway ends; what waited is sent at its next
   * start.
   */
  | { state: 'failed' | 'withdrawn' | 'stopped'; triedAt?: number; reply: string; phrases: readonly Phrase[] }

/** Carries messages to people: queues, groups, retries. */
export interface Courier {
  /** The first attempt on an idle channel starts before it returns. Never rejects. */
  send(errand: Errand): Promise<ErrandOutcome>
  /** Takes back what waits for an alarm that somebody has answered. */
  withdraw(alarm: string): void
}

/** A channel to people, and whether it works. */
export interface ChannelState {
  notifier: string
  channel: string
  /** `unknown` until the first attempt. */
  state: 'unknown' | 'up' | 'down'
  /** Epoch ms. */
  since: number
  /** Why it was lost, and what can be done about it. */
  reason?: string
  hint?: string
  /** Reason and hint for translation; absent where only the words are known. */
  phrases?: readonly Phrase[]
  /** Messages that wait. */
  waiting: number
}

/** A browser that a person has allowed to be woken. */
export interface PushSubscription {
  /** URL of the push service for this browser. */
  endpoint: string
  /** Keys of RFC 8291, base64url. */
  keys: { p256dh: string; auth: string }
}

// ── Doors ────────────────────────────────────────────────────────────────────────────────────────────────────────

/** A voltage-free contact on a lift's door-open input. Fail-safe: without a renewed hold it releases by itself. */
export interface DoorContact {
  readonly lift: string
  /** Holds for at most `forMs` from now; called again to renew. */
  hold(forMs: number): Promise<void>
  release(): Promise<void>
}

/** What a lift's door hold is doing. */
export interface DoorHoldStatus {
  lift: string
  /** `waiting`: wanted, but something speaks against it; `blocked`: let go, not held again for this entry. */
  state: 'idle' | 'waiting' | 'holding' | 'blocked'
  /** Why it is not held although it is wanted. */
  reason?: string
  /** While it holds: how long it may go on at the most. */
  leftMs?: number
}

// ── Store ────────────────────────────────────────────────────────────────────────────────────────────────────────

export interface User {
  id: string
  name: string
  role: Role
  isDisabled: boolean
  createdAt: number
  /** The person of the site file whose account this is. */
  person?: string
}

export const roles = ['admin', 'operator', 'caregiver', 'bridge'] as const
export type Role = (typeof roles)[number]

export interface Session {
  /** SHA-256 of the token in the cookie; the token itself is never stored. */
  tokenHash: string
  userId: string
  createdAt: number
  lastUsedAt: number
  expiresAt: number
}

export interface EventRow {
  topic: Extract<JournalTopic, 'event' | 'audit'>
  at: number
  subject: string
  transition: string
  actor: Actor
  data: Record<string, unknown>
}

/** Writes inside one transaction. Each alarm or case write appends its journal row in the same commit. */
export interface StoreTransaction {
  putAlarm(alarm: Alarm, transition: AlarmTransition, actor: Actor, at: number): JournalEntry
  putCase(current: Case, transition: CaseTransition | { type: string; at: number }, actor: Actor): JournalEntry
  append(row: EventRow): JournalEntry
  /** 1, 2, 3 … within the site and year, for the case number people read. */
  nextCaseNumber(year: number): number
}

export interface Page<T> {
  items: T[]
  /** Give it back as `before` for the next page; absent on the last. */
  nextBefore?: string
}

export interface AlarmFilter {
  isActive?: boolean
  isAcknowledged?: boolean
  isShelved?: boolean
  kind?: string
  /** Id of an elder. */
  person?: string
  since?: number
  until?: number
  before?: string
  limit?: number
}

export interface CaseFilter {
  state?: Case['state']
  isOpen?: boolean
  type?: string
  before?: string
  limit?: number
}

export interface Store {
  /** Synchronous; commits with one fsync before it returns. Listeners of the journal hear of it after the commit. */
  transact<T>(work: (transaction: StoreTransaction) => T): T

  alarm(id: string): Alarm | undefined
  /** The active alarm of this kind, place and source, if any. */
  activeAlarm(kind: string, placeKey: string, source: string): Alarm | undefined
  alarms(filter: AlarmFilter): Page<Alarm>
  /** Shelved alarms whose time has come: until `at` or earlier. */
  alarmsShelvedUntil(at: number): Alarm[]
  /** Alarms whose next step of telling people is due at `at`, the longest due first; at most 500. */
  alarmsToEscalate(at: number): Alarm[]
  /** Alarms with a message that may not have reached its channel. */
  alarmsWithWaitingNotices(): Alarm[]
  case(id: string): Case | undefined
  /** The case already moved by this idempotency key, if any. */
  caseByIdempotencyKey(key: string): Case | undefined
  cases(filter: CaseFilter): Page<Case>
  /** Cases of this type at this place opened since `since`. */
  countCases(type: string, placeKey: string, since: number): number

  journal(query: { after: number; limit: number; topics?: readonly JournalTopic[] }): JournalEntry[]
  /** Every row about one alarm, case, camera, device or user, oldest first. */
  journalOf(subject: string): JournalEntry[]
  readonly lastSeq: number
  onAppend(listener: (entry: JournalEntry) => void): () => void

  evidence(id: string): Evidence | undefined

  users(): User[]
  /** With the stored password hash, for the login only. */
  userWithHash(name: string): (User & { passwordHash: string }) | undefined
  putUser(user: User & { passwordHash: string }): void
  session(tokenHash: string): (Session & { user: User }) | undefined
  putSession(session: Session): void
  deleteSession(tokenHash: string): void
  /** Ends every session of a user (new password, account disabled). Returns how many there were. */
  deleteSessionsOf(userId: string): number

  /** Browsers of every open account of this person. */
  pushSubscriptions(person: string): PushSubscription[]
  /** Adds it, or moves it to another account. False where it was this account's already. */
  putPushSubscription(account: string, subscription: PushSubscription, at: number): boolean
  /** Whether it was there. */
  deletePushSubscription(endpoint: string): boolean

  close(): void
}

/** Evidence files: written, fsynced, renamed, hashed; only then does a row name them. */
export interface EvidenceStore {
  /** A path for a new file; nothing else may be written there. */
  reserve(alarmId: string, type: Evidence['type'], extension: string): { id: string; temporaryFile: string }
  /** fsync → rename → SHA-256. Returns the row to be stored in the alarm's transaction. */
  commit(
    id: string,
    facts: Pick<Evidence, 'type' | 'camera' | 'fromAt' | 'toAt' | 'contentType' | 'isRestricted'>,
  ): Promise<Evidence>
  /** Absolute path of a committed file, or undefined when it is gone. */
  path(evidence: Evidence): string | undefined
  /** Deletes files no row names (left by a crash) and files past retention. */
  sweep(now: number): Promise<{ orphans: number; expired: number }>
}

// ── Telemetry ────────────────────────────────────────────────────────────────────────────────────────────────────

export interface TelemetryPoint {
  /** The value's instant, or the start of the minute or hour, epoch ms. */
  at: number
  /** The value, or the mean of the minute or hour. */
  value: number | boolean | string
  /** Only of a minute or an hour. */
  count?: number
  minimum?: number
  maximum?: number
}

export interface TelemetryQuery {
  device: string
  metric: string
  /** From here up to before `to`, epoch ms. */
  from: number
  to: number
  /** The newest so many are answered, oldest first. */
  limit: number
  /** `raw` unless said otherwise. Texts have no minutes and hours; booleans count as 0 and 1. */
  resolution?: 'raw' | 'minute' | 'hour'
}

export interface Telemetry {
  /** Resolves when the batch is stored (SQLite) or accepted by the bounded buffer (InfluxDB). */
  write(measurements: readonly Measurement[]): Promise<void>
  query(request: TelemetryQuery): Promise<TelemetryPoint[]>
  latest(device: string): Promise<Measurement[]>
  close(): Promise<void>
}

/** What scenes have learnt, kept over a restart. */
export interface SceneMemory {
  /** By the names of the scenes, as it was saved last. */
  load(): Map<string, unknown>
  /** Replaces everything: what is not in it any more is forgotten. JSON values. */
  save(learnt: ReadonlyMap<string, unknown>): void
  close(): void
}

// ── Services the API offers ──────────────────────────────────────────────────────────────────────────────────────

export interface AlarmService {
  acknowledge(id: string, by: Actor): Alarm | Refusal
  verdict(id: string, verdict: { value: 'confirmed' | 'false-alarm'; reason?: string }, by: Actor): Alarm | Refusal
  shelve(id: string, shelving: { until: number; reason: string }, by: Actor): Alarm | Refusal
  unshelve(id: string, by: Actor): Alarm | Refusal
  /** Speaks the alarm's warning again, or silences it. */
  repeatVoice(id: string, by: Actor): Promise<PlayReport | Refusal>
  stopVoice(id: string, by: Actor): Refusal | undefined
  /** Opens a case by hand where the disposal list did not. */
  openCase(id: string, by: Actor): Case | Refusal
}

/** A step of a chain that has not come due. */
export interface NextStep {
  at: number
  /** From 0. */
  round: number
  /** Person ids, by who is on duty then. */
  people: string[]
  /** Drivers of the channels used; every channel of a person where absent. */
  channels?: readonly string[]
  task?: ChainTask
}

/** Answers of people to alarms, from the console, a page or a link. */
export interface ResponseService {
  /** Refused where nobody was asked, where it is resolved, and a second time by the same person. */
  answer(alarm: string, type: AnswerType, by: Actor, via: Answer['via'], note?: string): Alarm | Refusal
  /** Who is told next, and when, unless somebody answers; undefined where nobody is. */
  next(alarm: Alarm): NextStep | undefined
  /** A browser opened the page behind a person's link. Ends nothing. */
  seen(alarm: string, person: string): void
}

/** Where providers hand in what became of messages. */
export interface ReceiptInbox {
  /** SHA-256, hex, of the secret of each channel that pushes. */
  readonly secretHashes: ReadonlyMap<string, string>
  /** Takes a body as the provider of this channel writes it. Rubbish and unknown numbers are counted, nothing else. */
  take(notifier: string, body: unknown): void
}

/** Signed links to the answer page. */
export interface AnswerLinks {
  /** What a token stands for, or why it is good for nothing (any more). */
  read(token: string): { alarm: string; person: string } | Refusal
}

export interface CaseService {
  transition(id: string, transition: Omit<CaseTransition, 'at' | 'actor'> & { at?: number }, by: Actor): Case | Refusal
  /** Hands a property case to the upstream now. */
  reportUpstream(id: string, by: Actor): Case | Refusal
  /** The platform took the case over under its own number. */
  linkUpstream(id: string, link: { upstream: string; upstreamRef: string }, by: Actor): Case | Refusal
}

export interface DoorService {
  /** Lifts with a door hold; empty where none is commissioned. */
  list(): DoorHoldStatus[]
  /** Lets the door close now; not held again for the same entry. */
  release(lift: string, by: Actor): DoorHoldStatus | Refusal
}

/** What an alarm needs to know to be recorded and shown. */
export interface EvidenceRecorder {
  /**
   * Starts snapshot and clip of an alarm in the background; outcomes are appended to the alarm.
   * @param picture the very frame of the sighting as JPEG, boxes drawn
   */
  record(alarm: Alarm, sighting: Sighting, picture: () => Promise<Uint8Array | undefined>): void
}

export type { Severity }
