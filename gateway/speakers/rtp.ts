/** Static payload types of RFC 3551 table 4, both 8000 Hz, one channel. */
export const rtpPayloadType = { pcmu: 0, pcma: 8 } as const

/** Bytes of the fixed header (RFC 3550 §5.1). */
const headerBytes = 12

/** Numbers the packets of one source: one SSRC for as long as it sends. */
export interface RtpStream {
  readonly ssrc: number
  /** The next packet; its timestamp is that of its first sample. One sample is one byte in G.711. */
  packet(payload: Uint8Array, options: { marker: boolean }): Buffer
  /** Lets the timestamp run on over time in which nothing is sent (RFC 3550 §5.1). */
  skip(samples: number): void
}

/**
 * Starts a stream. SSRC, sequence number and timestamp begin at random, against known-plaintext attacks on encryption
 * added on the way and against a clash of sources (RFC 3550 §5.1, §8).
 * @param options.random uniform in [0, 1)
 */
export function createRtpStream(options: { payloadType: number; random: () => number }): RtpStream {
  const random32 = () => Math.floor(options.random() * 2 ** 32) >>> 0
  const ssrc = random32()
  let sequence = random32() & 0xffff
  let timestamp = random32()
  return {
    ssrc,
    packet(payload, { marker }) {
      const packet = Buffer.allocUnsafe(headerBytes + payload.length)
      packet[0] = 0x80
      packet[1] = (marker ? 0x80 : 0) | options.payloadType
      packet.writeUInt16BE(sequence, 2)
      packet.writeUInt32BE(timestamp, 4)
      packet.writeUInt32BE(ssrc, 8)
      packet.set(payload, headerBytes)
      sequence = (sequence + 1) & 0xffff
      timestamp = (timestamp + payload.length) >>> 0
      return packet
    },
    skip(samples) {
      timestamp = (timestamp + Math.round(samples)) >>> 0
    },
  }
}
