import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { aLawLevels, muLawLevels } from './g711-levels.ts'
import type { Heard, HeardFirst } from './heard.ts'

export interface RtpEarOptions {
  /** A group to join, or the address to listen on. */
  address: string
  /** 0 takes a free one. */
  port: number
  /** IPv4 address of the network card the group is joined on. */
  interface?: string
  onFirst(first: HeardFirst): void
  onHeard(heard: Heard, samples: Int16Array): void
}

/** A paging receiver: RTP with G.711 on one port. */
export interface RtpEar {
  open(): Promise<number>
  close(): Promise<void>
}

/** Paging has no signalling: this long without a packet ends an announcement. */
const silenceEndsMs = 400
/** A timestamp further away than this is another announcement, not a gap of this one. */
const maxGapSamples = 8000
const maxSamples = 8000 * 300
const levels: Record<number, Int16Array> = { 0: muLawLevels, 8: aLawLevels }

interface Session {
  ssrc: number
  payloadType: number
  source: string
  baseTimestamp: number
  baseSequence: number
  highestSequence: number
  seen: Set<number>
  samples: Int16Array
  length: number
  startedAt: number
  begun: number
  packets: number
  duplicates: number
  reordered: number
  transit: number | undefined
  jitterSamples: number
  maxGapMs: number
  lastArrival: number
}

/** Listens as a network speaker does: packets are placed by timestamp, what is missing stays silent. */
export function createRtpEar(options: RtpEarOptions): RtpEar {
  let socket: Socket | undefined
  let session: Session | undefined
  let timer: NodeJS.Timeout | undefined

  const finish = () => {
    clearTimeout(timer)
    if (!session) return
    const ended = session
    session = undefined
    const expected = ended.highestSequence - ended.baseSequence + 1
    options.onHeard(
      {
        by: 'rtp',
        startedAt: ended.startedAt,
        durationMs: ended.length / 8,
        packets: ended.packets,
        lost: Math.max(0, expected - ended.packets),
        duplicates: ended.duplicates,
        reordered: ended.reordered,
        jitterMs: ended.jitterSamples / 8,
        maxGapMs: ended.maxGapMs,
        source: ended.source,
        codec: ended.payloadType === 0 ? 'pcmu' : 'pcma',
      },
      ended.samples.subarray(0, ended.length),
    )
  }

  const receive = (packet: Buffer, from: RemoteInfo) => {
    const arrival = performance.now()
    const payload = rtpPayload(packet)
    const payloadType = packet[1]! & 0x7f
    const table = levels[payloadType]
    if (!payload || !table) return
    const sequence = packet.readUInt16BE(2)
    const timestamp = packet.readUInt32BE(4)
    const ssrc = packet.readUInt32BE(8)

    if (session && (session.ssrc !== ssrc || session.payloadType !== payloadType)) finish()
    if (session && Math.abs(signed32(timestamp - session.baseTimestamp) - session.length) > maxGapSamples) finish()
    if (!session) {
      session = {
        ...{ ssrc, payloadType, source: `${from.address}:${from.port}`, baseTimestamp: timestamp },
        ...{ baseSequence: sequence, highestSequence: sequence - 1, seen: new Set<number>() },
        ...{ samples: new Int16Array(8000 * 8), length: 0, startedAt: Date.now(), begun: arrival },
        ...{ packets: 0, duplicates: 0, reordered: 0, transit: undefined, jitterSamples: 0 },
        ...{ maxGapMs: 0, lastArrival: arrival },
      }
      options.onFirst({ by: 'rtp', at: session.startedAt, monotonicMs: arrival, marker: packet[1]! >> 7 === 1 })
    }

    const number = session.highestSequence + signed16(sequence - session.highestSequence)
    if (session.seen.has(number)) {
      session.duplicates++
      return
    }
    session.seen.add(number)
    session.packets++
    if (number < session.highestSequence) session.reordered++
    session.highestSequence = Math.max(session.highestSequence, number)
    session.maxGapMs = Math.max(session.maxGapMs, arrival - session.lastArrival)
    session.lastArrival = arrival
    // Interarrival jitter, RFC 3550 §6.4.1, in timestamp units.
    const transit = (arrival - session.begun) * 8 - signed32(timestamp - session.baseTimestamp)
    if (session.transit !== undefined)
      session.jitterSamples += (Math.abs(transit - session.transit) - session.jitterSamples) / 16
    session.transit = transit

    place(session, signed32(timestamp - session.baseTimestamp), payload, table)
    clearTimeout(timer)
    timer = setTimeout(finish, silenceEndsMs)
  }

  return {
    async open() {
      const opened = createSocket({ type: 'udp4', reuseAddr: true })
      const isGroup = Number(options.address.split('.')[0]) >> 4 === 14
      // Bound to the group's own address, so that other groups on the same port are not heard (Linux).
      opened.bind(options.port, options.address)
      await once(opened, 'listening')
      if (isGroup) opened.addMembership(options.address, options.interface)
      opened.on('message', receive)
      socket = opened
      return opened.address().port
    },
    async close() {
      finish()
      const closing = socket
      socket = undefined
      if (closing) await new Promise<void>((resolve) => closing.close(() => resolve()))
    },
  }
}

function place(session: Session, position: number, payload: Uint8Array, table: Int16Array): void {
  if (position < 0 || position + payload.length > maxSamples) return
  while (position + payload.length > session.samples.length) {
    const larger = new Int16Array(session.samples.length * 2)
    larger.set(session.samples)
    session.samples = larger
  }
  for (let i = 0; i < payload.length; i++) session.samples[position + i] = table[payload[i]!]!
  session.length = Math.max(session.length, position + payload.length)
}

/** The payload of an RTP packet (RFC 3550 §5.1), or undefined where it is none. */
function rtpPayload(packet: Buffer): Buffer | undefined {
  if (packet.length < 12 || packet[0]! >> 6 !== 2) return undefined
  let start = 12 + (packet[0]! & 15) * 4
  if (packet[0]! & 16) {
    if (packet.length < start + 4) return undefined
    start += 4 + packet.readUInt16BE(start + 2) * 4
  }
  const padding = packet[0]! & 32 ? packet.at(-1)! : 0
  return packet.length - padding > start ? packet.subarray(start, packet.length - padding) : undefined
}

const signed16 = (difference: number) => (difference << 16) >> 16
const signed32 = (difference: number) => difference | 0
