import type { FrameTime } from '../core/scene.ts'
import { packetBytes } from './transport-packet.ts'
import { createTransportStreamParser, type PictureStart } from './transport-stream.ts'

/*
 * The last seconds of one stream as it came from the camera, so that an alarm's clip can begin before the alarm.
 *
 *   session A: [K p p p p K p p p]      session B: [K p p p K p …      ← append
 *               ▲ evicted a group (K…) at a time, oldest first, by time and by bytes
 *
 * A session is one connection to the camera and has a media clock of its own. A cut lies within one session.
 */

/** Whole packets only, so that none lies across two blocks. */
const blockBytes = packetBytes * 348

/** Slack of a picture's time against the time asked for: clocks are kept in 1/90 ms and rounded. */
const toleranceMs = 1

export interface RingBounds {
  maxMs: number
  maxBytes: number
}

/** A span on the clock of one session. */
export interface CutRequest {
  around: FrameTime
  beforeMs: number
  afterMs: number
}

/** What a clip is made of. */
export interface Cut {
  /** Transport stream, tables first, in order. */
  parts: readonly Buffer[]
  codec: string | undefined
  /** Of the first and last picture, on the session's clock. */
  fromMs: number
  toMs: number
  /** The gateway's time at media time 0, as the request's frame or the session's fastest picture tells it. */
  mediaZeroAt: number
}

/** Takes the stream of one session. */
export interface RingSession {
  /** @param receivedAt epoch ms; undefined when the session's clock is the only one (a file played fast) */
  append(chunk: Buffer, receivedAt: number | undefined): void
  end(): void
}

export interface EvidenceRing {
  begin(session: string, startedAt: number): RingSession
  /** Hears of every picture as it begins. */
  onPicture: ((picture: PictureStart) => void) | undefined
  /** The gateway's time of a picture of a session that is held, free of what decoding and a busy machine added. */
  receivedAt(time: FrameTime): number | undefined
  /** Whether the picture in question is held. */
  covers(around: FrameTime): boolean
  /**
   * Keeps what the request needs until the stream has passed its end, its session has ended, or the signal says
   * enough; then cuts. Undefined when nothing of it is held. The bound in bytes holds all the same.
   */
  cut(request: CutRequest, enough: AbortSignal): Promise<Cut | undefined>
  /** Packets from the newest key picture on, then as they arrive. Returns the function that ends it. */
  tap(listener: RingListener): () => void
  readonly bytes: number
  /** Groups given up because a bound in bytes was reached before the one in time. */
  readonly shortened: number
}

export interface RingListener {
  onPackets(packets: Buffer): void
  /** What comes next, if anything, is another session with a clock of its own. */
  onSessionEnd(): void
}

interface Unit {
  offset: number
  ptsMs: number
  at: number
  isKey: boolean
}

interface Section {
  session: string
  startedAt: number
  parser: ReturnType<typeof createTransportStreamParser>
  /** Full blocks from `firstBlock` on; offsets count from the session's first byte. */
  blocks: Buffer[]
  firstBlock: number
  endOffset: number
  /** How much of the end was parsed. */
  parsedOffset: number
  units: Unit[]
  isEnded: boolean
}

interface Waiting {
  request: CutRequest
  section: Section
  resolve: (cut: Cut | undefined) => void
}

/**
 * The gateway's time at media time 0, by the picture of the last seconds that waited least on its way. Only of the last
 * seconds: the clock of a camera that is off by 50 ppm has gone astray by seconds after a day.
 */
function mediaZeroAt({ units }: Section): number {
  let least = Number.POSITIVE_INFINITY
  for (const { at, ptsMs } of units) least = Math.min(least, at - ptsMs)
  return least
}

export function createEvidenceRing(bounds: RingBounds): EvidenceRing {
  const sections: Section[] = []
  const waiting = new Set<Waiting>()
  const taps = new Set<RingListener>()
  let shortened = 0

  const bytes = () => sections.reduce((sum, section) => sum + section.blocks.length * blockBytes, 0)

  const sectionOf = (around: FrameTime): Section | undefined => {
    const own = sections.find(({ session }) => session === around.session)
    if (own) return own.units.length > 0 && own.units[0]!.ptsMs <= around.mediaMs + toleranceMs ? own : undefined
    return sections.findLast(({ units }) => units.length > 0 && units[0]!.at <= around.at)
  }

  const mediaTimeOf = (section: Section, around: FrameTime): number =>
    section.session === around.session ? around.mediaMs : around.at - mediaZeroAt(section)

  const isPassed = ({ request, section }: Waiting): boolean => {
    const last = section.units.at(-1)
    const end = mediaTimeOf(section, request.around) + request.afterMs
    return section.isEnded || (last !== undefined && last.ptsMs > end + toleranceMs)
  }

  const settle = (entry: Waiting) => {
    waiting.delete(entry)
    entry.resolve(cutNow(entry.section, entry.request))
  }

  const cutNow = (section: Section, { around, beforeMs, afterMs }: CutRequest): Cut | undefined => {
    const { units } = section
    const tables = section.parser.tables
    if (units.length === 0 || !tables) return undefined
    const media = mediaTimeOf(section, around)
    const wanted = units.findLastIndex(({ isKey, ptsMs }) => isKey && ptsMs <= media - beforeMs + toleranceMs)
    const first = wanted === -1 ? 0 : wanted
    const after = units.findIndex(({ ptsMs }, index) => index > first && ptsMs > media + afterMs + toleranceMs)
    const last = after === -1 ? units.length : after
    const kept = units.slice(first, last)
    // One pass: with B-frames neither end is the extreme.
    const times = kept.map(({ ptsMs }) => ptsMs)
    const endOffset = units[last]?.offset ?? section.parsedOffset
    return {
      parts: [tables, ...slices(section, units[first]!.offset, endOffset)],
      codec: section.parser.codec,
      fromMs: Math.min(...times),
      toMs: Math.max(...times),
      mediaZeroAt: section.session === around.session ? around.at - around.mediaMs : mediaZeroAt(section),
    }
  }

  const slices = (section: Section, from: number, to: number): Buffer[] => {
    const parts: Buffer[] = []
    for (let at = from; at < to; ) {
      const block = Math.floor(at / blockBytes)
      const end = Math.min(to, (block + 1) * blockBytes)
      parts.push(section.blocks[block - section.firstBlock]!.subarray(at % blockBytes, (at % blockBytes) + end - at))
      at = end
    }
    return parts
  }

  /** Drops units before `count` and the blocks nothing points to any more. */
  const drop = (section: Section, count: number) => {
    section.units.splice(0, count)
    const keepFrom = section.units[0]?.offset ?? section.endOffset
    const block = Math.floor(keepFrom / blockBytes)
    if (block > section.firstBlock) {
      section.blocks.splice(0, block - section.firstBlock)
      section.firstBlock = block
    }
  }

  const isNeeded = (section: Section, until: number): boolean => {
    for (const entry of waiting) {
      if (entry.section !== section) continue
      if (mediaTimeOf(section, entry.request.around) - entry.request.beforeMs < until) return true
    }
    return false
  }

  const evict = (newestAt: number) => {
    for (;;) {
      const section = sections[0]
      if (!section) return
      const next = section.units.findIndex(({ isKey }, index) => index > 0 && isKey)
      const isLastGroup = next === -1
      const isOver = bytes() > bounds.maxBytes
      if (isLastGroup && section.isEnded) {
        const lastAt = section.units.at(-1)?.at ?? Number.NEGATIVE_INFINITY
        const isOld = newestAt - lastAt > bounds.maxMs
        if (!isOver && (!isOld || isNeeded(section, Number.POSITIVE_INFINITY))) return
        sections.shift()
      } else if (isLastGroup) {
        if (!isOver) return
        // Longer without a key picture than the ring may hold: nothing here could be decoded later.
        shortened++
        drop(section, section.units.length)
        return
      } else {
        const isOld = newestAt - section.units[next]!.at > bounds.maxMs
        if (!isOver && (!isOld || isNeeded(section, section.units[next]!.ptsMs))) return
        if (isOver) shortened++
        drop(section, next)
      }
    }
  }

  const parse = (section: Section, receivedAt: number | undefined) => {
    while (section.endOffset - section.parsedOffset >= packetBytes) {
      const offset = section.parsedOffset
      const block = section.blocks[Math.floor(offset / blockBytes) - section.firstBlock]!
      const start = offset % blockBytes
      const picture = section.parser.read(block.subarray(start, start + packetBytes))
      section.parsedOffset += packetBytes
      if (!picture) continue
      ring.onPicture?.(picture)
      // Nothing before a key picture can be decoded.
      if (section.units.length === 0 && !picture.isKey) continue
      const at = receivedAt ?? section.startedAt + picture.ptsMs
      section.units.push({ offset, at, ...picture })
      if (picture.isKey) evict(at)
    }
    if (bytes() > bounds.maxBytes) evict(section.units.at(-1)?.at ?? Number.NEGATIVE_INFINITY)
  }

  const ring: EvidenceRing = {
    onPicture: undefined,
    get bytes() {
      return bytes()
    },
    get shortened() {
      return shortened
    },
    begin(session, startedAt) {
      const section: Section = {
        ...{ session, startedAt, parser: createTransportStreamParser(), blocks: [], firstBlock: 0 },
        ...{ endOffset: 0, parsedOffset: 0, units: [], isEnded: false },
      }
      sections.push(section)
      return {
        append(chunk, receivedAt) {
          for (let at = 0; at < chunk.length; ) {
            const inBlock = section.endOffset % blockBytes
            const index = Math.floor(section.endOffset / blockBytes) - section.firstBlock
            if (!section.blocks[index]) section.blocks.push(Buffer.allocUnsafeSlow(blockBytes))
            const length = Math.min(blockBytes - inBlock, chunk.length - at)
            chunk.copy(section.blocks[index]!, inBlock, at, at + length)
            section.endOffset += length
            at += length
            const parsedBefore = section.parsedOffset
            parse(section, receivedAt)
            for (const part of taps.size > 0 ? slices(section, parsedBefore, section.parsedOffset) : []) {
              for (const listener of taps) listener.onPackets(part)
            }
          }
          for (const entry of waiting) if (entry.section === section && isPassed(entry)) settle(entry)
        },
        end() {
          section.isEnded = true
          for (const entry of waiting) if (entry.section === section) settle(entry)
          for (const listener of taps) listener.onSessionEnd()
        },
      }
    },
    receivedAt(time) {
      const section = sections.find(({ session }) => session === time.session)
      return section && section.units.length > 0 ? mediaZeroAt(section) + time.mediaMs : undefined
    },
    covers: (around) => {
      const section = sectionOf(around)
      const last = section?.units.at(-1)
      // A picture reaches the ring a moment after the detector may have seen it.
      return last !== undefined && last.ptsMs >= mediaTimeOf(section!, around) - 1000
    },
    cut(request, enough) {
      const section = sectionOf(request.around)
      if (!section) return Promise.resolve(undefined)
      return new Promise((resolve) => {
        const entry: Waiting = { request, section, resolve }
        if (isPassed(entry) || enough.aborted) return settle(entry)
        waiting.add(entry)
        enough.addEventListener('abort', () => waiting.has(entry) && settle(entry), { once: true })
      })
    },
    tap(listener) {
      const section = sections.at(-1)
      const key = section?.units.findLast(({ isKey }) => isKey)
      if (section && key && !section.isEnded && section.parser.tables) {
        listener.onPackets(section.parser.tables)
        for (const part of slices(section, key.offset, section.parsedOffset)) listener.onPackets(part)
      }
      taps.add(listener)
      return () => void taps.delete(listener)
    },
  }
  return ring
}
