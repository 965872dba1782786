import type { Writable } from 'node:stream'
import { largestPictureBytes, transportOffsetMs, videoPacketId } from './ffmpeg-arguments.ts'
import { emptyPicture, packetBytes, packetId, payloadStart, renumbered, tellsLength } from './transport-packet.ts'
import { createTransportStreamParser } from './transport-stream.ts'
import { createUsualSize } from './usual-size.ts'

/*
 * Chooses which pictures of one session are decoded.
 *
 *   awake ──nothing to see for some seconds, and the stream allows it──▶ resting
 *     ▲                                                                   │ told; a picture clearly larger than usual;
 *     └───────────────────────────────────────────────────────────────────┘ damage; a key picture that does not come
 *
 * Awake, everything is decoded. Resting, a key picture every second or two. Whatever came since the newest key picture
 * is kept, so that waking loses nothing: the decoder gets it late, but whole and in order.
 */

/** What a resting camera's sizes do not tell is seen at the next key picture: so long at most, with some slack. */
const longestBlindMs = 2250

/** A camera woken for nothing wastes little; one that falls asleep between two movements would wake all the time. */
const shortestAwakeMs = 5000

/** Of the time before resting, what surely was still. */
const learnedMs = 4500

const keptDistances = 8
const leastDistances = 3

/** Beyond it waking would have to do without. Far more than two seconds of any lift camera. */
const largestGroupBytes = 8 * 1024 * 1024

/** A decoder behind by so much gets nothing up to a key picture. */
const mostUnreadBytes = 4 * 1024 * 1024
const mostBehindMs = 8000

const mostAwaited = 512
const mostLateLooks = 2
const wrapMs = 2 ** 33 / 90

/** Judged pictures may be so old when a camera goes to rest. */
const longestLagMs = 1000

/**
 * Why a camera woke: a scene or the gate asked, sizes jumped, key pictures failed to come, the decoder kept them back,
 * packets were missing.
 */
export type WakeReason = 'asked' | 'larger' | 'no-key' | 'late' | 'damage'
export type WakeCounts = Record<WakeReason, number>

export interface FeedOptions {
  /** No useful picture for so long counts as a failure. */
  stallMs: number
  now(): number
  onWake(reason: WakeReason): void
  /** Pictures are too large to be decoded without a parser: the decoder is to be started anew. */
  onLarge(): void
  /** A picture was not given to a decoder that reads too slowly. */
  onSkipped(): void
}

export type DecoderFeed = ReturnType<typeof createDecoderFeed>

interface Unit {
  ptsMs: number
  isKey: boolean
  /** Epoch ms, and milliseconds of a clock that nobody sets. */
  receivedAt: number
  cameAt: number
  /** Its packets do not say where it ends. */
  isOpenEnded: boolean
  bytes: number
  /** Sent some time after it came. */
  isLate: boolean
}

export function createDecoderFeed(options: FeedOptions) {
  const parser = createTransportStreamParser()
  const usual = createUsualSize()
  const longestDistanceMs = Math.min(longestBlindMs, options.stallMs / 2)
  let isResting = false
  let awakeSinceMs: number | undefined
  let newestMs = Number.NEGATIVE_INFINITY
  let limit: number | undefined
  let keyMs: number | undefined
  const distances: number[] = []
  let isReordered = false
  let isLarge = false
  /** What came since the newest key picture; `isWhole`: all of it. */
  let group: { packets: Buffer[]; bytes: number; units: Unit[]; isWhole: boolean } | undefined
  let unit: Unit | undefined
  /** While resting: the present key picture is one that is decoded. */
  let isLooked = false
  let lookedMs = Number.NEGATIVE_INFINITY

  let decoder: Writable | undefined
  let isIntroduced = false
  let isSkipping = false
  let counter = 0
  /** Of the group, what the decoder has. */
  let sentPackets = 0
  let sentUnits = 0
  /** Pictures that the decoder got and that may still come out of it. */
  let awaited: Unit[] = []
  /** The fewest pictures ever given to the decoder beyond the one that came out: more than none is a delay of its own. */
  let leastHeld = Number.POSITIVE_INFINITY
  let isDelayed = false
  let lateLooks = 0
  let lagMs = Number.POSITIVE_INFINITY

  const isWanted = () => !isResting || isLooked
  const distance = () => Math.max(...distances)

  const send = (packets: Buffer) => {
    if (decoder && !decoder.destroyed) decoder.write(renumbered(packets, counter))
    counter += packets.length / packetBytes
  }

  const flush = (isLate = false) => {
    if (!decoder || !group || isSkipping) return
    if (!isIntroduced) {
      const { tables } = parser
      if (!tables) return
      decoder.write(tables)
      isIntroduced = true
    }
    for (; sentPackets < group.packets.length; sentPackets++) send(group.packets[sentPackets]!)
    for (; sentUnits < group.units.length; sentUnits++) {
      const each = group.units[sentUnits]!
      each.isLate = isLate
      awaited.push(each)
      if (awaited.length > mostAwaited) awaited.shift()
    }
  }

  const wake = (reason: WakeReason) => {
    if (!isResting) return
    isResting = isLooked = false
    awakeSinceMs = newestMs
    options.onWake(reason)
    flush(true)
  }

  const beginGroup = (ptsMs: number) => {
    if (keyMs !== undefined) distances.push(ptsMs - keyMs)
    if (distances.length > keptDistances) distances.shift()
    keyMs = ptsMs
    group = { packets: [], bytes: 0, units: [], isWhole: true }
    sentPackets = sentUnits = 0
    isSkipping = decoder !== undefined && decoder.writableLength > mostUnreadBytes
    limit = usual.limit()
    // The next one would come too late.
    isLooked = isResting && ptsMs + distance() - lookedMs > longestDistanceMs
    if (isLooked) noteLook()
    if (isWanted()) lookedMs = ptsMs
  }

  /** Some decoders give a picture only when the next has come, which is too late where few are decoded. */
  const noteLook = () => {
    lateLooks = awaited.length > 0 ? lateLooks + 1 : 0
    if (lateLooks < mostLateLooks || leastHeld === 0) return
    isDelayed = true
    wake('late')
  }

  const endUnit = () => {
    if (!unit) return
    if (!unit.isKey) usual.add(unit.ptsMs, unit.bytes)
    // Its end is not told, and the next picture, which would tell it, is not sent.
    if (isResting && isLooked && unit.isOpenEnded && !isSkipping) send(emptyPicture())
    isLooked = false
  }

  const beginUnit = (next: Unit) => {
    const { ptsMs, isKey } = next
    endUnit()
    if (ptsMs < newestMs) isReordered = true
    newestMs = Math.max(newestMs, ptsMs)
    awakeSinceMs ??= ptsMs
    if (isKey) beginGroup(ptsMs)
    else if (keyMs !== undefined && ptsMs - keyMs > longestDistanceMs) wake('no-key')
    unit = next
    if (keyMs === undefined) return
    group?.units.push(unit)
    if (!decoder || !isWanted()) return
    const behindMs = unit.cameAt - (awaited[0]?.cameAt ?? unit.cameAt)
    if (decoder.writableLength > mostUnreadBytes || behindMs > mostBehindMs) {
      isSkipping = true
      awaited = []
    }
    if (isSkipping) options.onSkipped()
  }

  const take = (packets: Buffer) => {
    if (!group || packets.length === 0) return
    group.packets.push(packets)
    group.bytes += packets.length
    const isFull = group.bytes > largestGroupBytes
    if (isFull) wake('no-key')
    if (isWanted()) flush()
    if (!isFull) return
    // The decoder goes on, but another one could not begin here.
    group = { packets: [], bytes: 0, units: [], isWhole: false }
    sentPackets = sentUnits = 0
  }

  const allowsRest = () =>
    distances.length >= leastDistances &&
    distance() <= longestDistanceMs &&
    !isReordered &&
    !isLarge &&
    !isDelayed &&
    // What was judged is what is there: not a scene of a while ago.
    lagMs <= longestLagMs &&
    !isSkipping

  return {
    get isResting() {
      return isResting
    },
    /** When the newest picture came, milliseconds of `performance.now()`. */
    get newestAt() {
      return unit?.cameAt ?? Number.NEGATIVE_INFINITY
    },
    /** Some pictures are beyond what a decoder without a parser can take. */
    get isLarge() {
      return isLarge
    },
    /** @param packets whole packets of the session, in order */
    onPackets(packets: Buffer): void {
      let from = 0
      for (let at = 0; at < packets.length; at += packetBytes) {
        const packet = packets.subarray(at, at + packetBytes)
        const picture = parser.read(packet)
        if (packetId(packet) !== videoPacketId) {
          take(packets.subarray(from, at))
          from = at + packetBytes
          continue
        }
        if (picture) {
          take(packets.subarray(from, at))
          from = at
          const isOpenEnded = !tellsLength(packet)
          const came = { receivedAt: options.now(), cameAt: performance.now() }
          beginUnit({ ...picture, ...came, isOpenEnded, bytes: 0, isLate: false })
        }
        if (!unit) continue
        unit.bytes += packetBytes - payloadStart(packet)
        if (!isLarge && unit.bytes > largestPictureBytes) {
          isLarge = true
          wake('larger')
          options.onLarge()
        } else if (isResting && !unit.isKey && limit !== undefined && unit.bytes > limit) wake('larger')
      }
      take(packets.subarray(from))
    },
    /** A decoder starts: it gets everything from the newest key picture on. */
    attach(to: Writable): void {
      decoder = to
      isIntroduced = isResting = isLooked = false
      isSkipping = group?.isWhole === false
      counter = sentPackets = sentUnits = 0
      awakeSinceMs = group ? newestMs : undefined
      awaited = []
      leastHeld = Number.POSITIVE_INFINITY
      flush(true)
    },
    detach(): void {
      decoder = undefined
    },
    wake,
    /** What there is to see, as often as it is known. Rests some seconds after nothing was, and wakes at once. */
    rest(isNothingToSee: boolean): void {
      if (!isNothingToSee) wake('asked')
      if (
        !isNothingToSee ||
        isResting ||
        !decoder ||
        awakeSinceMs === undefined ||
        newestMs - awakeSinceMs < shortestAwakeMs
      )
        return
      if (!allowsRest()) return
      usual.forgetBefore(newestMs - learnedMs)
      limit = usual.limit()
      isResting = limit !== undefined
      lateLooks = 0
    },
    /**
     * A picture came out of the decoder with this time of its own clock.
     * @returns its time on the session's clock, and when it was received if it waited for the camera to wake
     */
    decoded(decoderMs: number): { mediaMs: number; receivedAt?: number } {
      const raw = decoderMs - transportOffsetMs
      // The decoder's clock may start over when that of the packets does.
      const near = awaited[0]?.ptsMs ?? raw
      const mediaMs = raw + Math.round((near - raw) / wrapMs) * wrapMs
      const index = awaited.findIndex(({ ptsMs }) => Math.abs(ptsMs - mediaMs) < 1)
      const found = awaited[index]
      if (!found) return { mediaMs }
      awaited.splice(0, index + 1)
      leastHeld = Math.min(leastHeld, awaited.length)
      lagMs = performance.now() - found.cameAt
      return { mediaMs: found.ptsMs, ...(found.isLate ? { receivedAt: found.receivedAt } : {}) }
    },
  }
}
