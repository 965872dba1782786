/**
 * H.264 and H.265 access units as RTP payloads: one packet per NAL unit where it fits, fragments where it does not
 * (RFC 6184 §5.6 and §5.8, RFC 7798 §4.4.1 and §4.4.3).
 */

export type VideoCodec = 'h264' | 'hevc'

/** Largest RTP payload; with headers it stays under an Ethernet frame, as cameras send it. */
const largestPayloadBytes = 1400

const h264 = { idr: 5, sps: 7, pps: 8, delimiter: 9, filler: 12, fragment: 28 } as const
const hevc = { firstKey: 16, lastKey: 21, vps: 32, sps: 33, pps: 34, delimiter: 35, filler: 38, fragment: 49 } as const

/** Splits an Annex B byte stream (start codes 00 00 01) into NAL units, without copying. */
export function splitAnnexB(data: Buffer): Buffer[] {
  const units: Buffer[] = []
  let start = -1
  for (let at = data.indexOf('000001', 0, 'hex'); at !== -1; at = data.indexOf('000001', at + 3, 'hex')) {
    if (start !== -1) units.push(withoutTrailingZeros(data, start, at))
    start = at + 3
  }
  if (start !== -1) units.push(withoutTrailingZeros(data, start, data.length))
  return units.filter((unit) => unit.length > 0)
}

/** trailing_zero_8bits and the fourth byte of a long start code belong to no NAL unit (ISO/IEC 14496-10 annex B). */
function withoutTrailingZeros(data: Buffer, start: number, end: number): Buffer {
  while (end > start && data[end - 1] === 0) end--
  return data.subarray(start, end)
}

function nalType(codec: VideoCodec, nal: Buffer): number {
  return codec === 'h264' ? nal[0]! & 0x1f : (nal[0]! >> 1) & 0x3f
}

/** True for a picture a decoder can start at: IDR in H.264, IRAP (BLA, IDR, CRA) in H.265. */
export function isKeyNal(codec: VideoCodec, nal: Buffer): boolean {
  const type = nalType(codec, nal)
  return codec === 'h264' ? type === h264.idr : type >= hevc.firstKey && type <= hevc.lastKey
}

/** Which parameter set this is, or undefined for anything else. */
export function parameterSet(codec: VideoCodec, nal: Buffer): 'vps' | 'sps' | 'pps' | undefined {
  const type = nalType(codec, nal)
  const types = codec === 'h264' ? h264 : hevc
  if (codec === 'hevc' && type === hevc.vps) return 'vps'
  if (type === types.sps) return 'sps'
  return type === types.pps ? 'pps' : undefined
}

/** Delimiters and filler say nothing to a receiver of RTP, which knows the unit's end by the marker bit. */
export function isWorthSending(codec: VideoCodec, nal: Buffer): boolean {
  const types = codec === 'h264' ? h264 : hevc
  const type = nalType(codec, nal)
  return type !== types.delimiter && type !== types.filler
}

/** The payloads that carry one NAL unit. */
export function packetise(codec: VideoCodec, nal: Buffer): Buffer[] {
  if (nal.length <= largestPayloadBytes) return [nal]
  const headerBytes = codec === 'h264' ? 1 : 2
  const type = nalType(codec, nal)
  const body = nal.subarray(headerBytes)
  const room = largestPayloadBytes - headerBytes - 1
  const payloads: Buffer[] = []
  for (let at = 0; at < body.length; at += room) {
    const isFirst = at === 0
    const isLast = at + room >= body.length
    const fragmentHeader = (isFirst ? 0x80 : 0) | (isLast ? 0x40 : 0) | type
    const prefix =
      codec === 'h264'
        ? [(nal[0]! & 0xe0) | h264.fragment, fragmentHeader]
        : [(nal[0]! & 0x81) | (hevc.fragment << 1), nal[1]!, fragmentHeader]
    payloads.push(Buffer.concat([Buffer.from(prefix), body.subarray(at, at + room)]))
  }
  return payloads
}
