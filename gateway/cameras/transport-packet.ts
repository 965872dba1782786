import { videoPacketId } from './ffmpeg-arguments.ts'

/** Bytes of one MPEG transport stream packet (ISO/IEC 13818-1 §2.4.3.2). */
export const packetBytes = 188

/** Of one packet (ISO/IEC 13818-1 §2.4.3.2). */
export const packetId = (packet: Buffer): number => ((packet[1]! & 0x1f) << 8) | packet[2]!

/** Where in a packet its payload begins. The adaptation field of a packet that holds nothing else may fill it. */
export const payloadStart = (packet: Buffer): number =>
  (packet[3]! & 0x20) === 0 ? 4 : Math.min(packetBytes, 5 + packet[4]!)

/** PES_packet_length of the picture that begins in this packet (ISO/IEC 13818-1 §2.4.3.6); 0 where it would not fit. */
export const tellsLength = (packet: Buffer): boolean => packet.readUInt16BE(payloadStart(packet) + 4) !== 0

/**
 * A copy of packets with counters of their own, from `counter` on: after packets that were left out, a demuxer would
 * take the gap for damage.
 */
export function renumbered(packets: Buffer, counter: number): Buffer {
  const own = Buffer.from(packets)
  for (let at = 0; at < own.length; at += packetBytes) own[at + 3] = (own[at + 3]! & 0xf0) | (counter++ & 0x0f)
  return own
}

/** A packet in which a picture begins that never goes on: what was before it is at its end. */
export function emptyPicture(): Buffer {
  const header = [0, 0, 1, 0xe0, 0, 0, 0x80, 0, 0]
  const packet = Buffer.alloc(packetBytes, 0xff)
  packet.set([0x47, 0x40 | (videoPacketId >> 8), videoPacketId & 0xff, 0x30, packetBytes - 5 - header.length, 0])
  packet.set(header, packetBytes - header.length)
  return packet
}
