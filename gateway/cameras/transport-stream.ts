import { transportOffsetMs, videoPacketId } from './ffmpeg-arguments.ts'
import { packetId, payloadStart } from './transport-packet.ts'

const wrapTicks = 2 ** 33
const ticksPerMs = 90

/** The start of one picture's packets. */
export interface PictureStart {
  /** Presentation time on the stream's clock, milliseconds. */
  ptsMs: number
  isKey: boolean
}

/** MPEG-2 stream types (ISO/IEC 13818-1 table 2-34) of what a camera sends. */
const codecs: Readonly<Record<number, string>> = { 2: 'mpeg2video', 16: 'mpeg4', 27: 'h264', 36: 'hevc' }

/**
 * Reads as much of ffmpeg's own transport stream as the evidence ring needs: where pictures begin, their times, the
 * codec, and the two tables a cut must begin with.
 */
export function createTransportStreamParser() {
  let association: Buffer | undefined
  let map: Buffer | undefined
  let mapPacketId = -1
  let codec: string | undefined
  let lastTicks: number | undefined

  /** A 33-bit clock starts over after 26.5 hours; ours does not. */
  const unwrap = (ticks: number): number => {
    if (lastTicks !== undefined) ticks += Math.round((lastTicks - ticks) / wrapTicks) * wrapTicks
    lastTicks = ticks
    return ticks
  }

  return {
    get codec() {
      return codec
    },
    /** Program association and map table as packets, once both were seen. */
    get tables(): Buffer | undefined {
      return association && map ? Buffer.concat([association, map]) : undefined
    },
    /**
     * @param packet 188 bytes
     * @returns the picture that begins in this packet, if one does
     * @throws Error when the packet does not begin with the sync byte
     */
    read(packet: Buffer): PictureStart | undefined {
      if (packet[0] !== 0x47) throw new Error('the transport stream of ffmpeg lost its step')
      const isStart = (packet[1]! & 0x40) !== 0
      if (!isStart) return undefined
      const id = packetId(packet)
      const payload = payloadStart(packet)
      if (id === 0) {
        association ??= Buffer.from(packet)
        // pointer_field, section header of 8 bytes, then program_number and the map's packet id.
        mapPacketId = packet.readUInt16BE(payload + 1 + 10) & 0x1fff
      } else if (id === mapPacketId) {
        map ??= Buffer.from(packet)
        const section = payload + 1
        const informationBytes = packet.readUInt16BE(section + 10) & 0xfff
        codec ??= codecs[packet[section + 12 + informationBytes]!]
      } else if (id === videoPacketId && packet[payload + 7]! & 0x80) {
        const hasAdaptation = payload > 4
        const isKey = hasAdaptation && packet[4]! > 0 && (packet[5]! & 0x40) !== 0
        return { ptsMs: unwrap(readTimestamp(packet, payload + 9)) / ticksPerMs - transportOffsetMs, isKey }
      }
      return undefined
    },
  }
}

/** 33 bits in five bytes (ISO/IEC 13818-1 §2.4.3.7). */
function readTimestamp(packet: Buffer, at: number): number {
  const high = (packet[at]! >> 1) & 0x07
  const middle = packet.readUInt16BE(at + 1) >> 1
  const low = packet.readUInt16BE(at + 3) >> 1
  return high * 2 ** 30 + middle * 2 ** 15 + low
}
