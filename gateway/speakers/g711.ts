/*
 * ITU-T G.711: 16-bit linear samples to and from one byte a sample. The tables of the recommendation work on 14 bits
 * (µ-law) and 13 bits (A-law); 16-bit samples carry them in their upper bits.
 */

/** The two laws by their names in RTP (RFC 3551). */
export type G711Encoding = 'pcmu' | 'pcma'

/** What a silent line sends, one byte a sample. */
export const silenceByte: Readonly<Record<G711Encoding, number>> = { pcmu: 0xff, pcma: 0xd5 }

const muLawBias = 0x84
const muLawClip = 32635

/** Position of the highest set bit of a sample's magnitude above bit 7: the chord number of both laws. */
function chord(magnitude: number): number {
  return Math.max(0, 31 - Math.clz32(magnitude) - 7)
}

function encodeMuLaw(sample: number): number {
  const sign = sample < 0 ? 0x80 : 0
  const magnitude = Math.min(muLawClip, Math.abs(sample)) + muLawBias
  const exponent = chord(magnitude)
  return ~(sign | (exponent << 4) | ((magnitude >> (exponent + 3)) & 0x0f)) & 0xff
}

function decodeMuLaw(byte: number): number {
  const code = ~byte & 0xff
  const magnitude = ((((code & 0x0f) << 3) + muLawBias) << ((code >> 4) & 7)) - muLawBias
  return code & 0x80 ? -magnitude : magnitude
}

function encodeALaw(sample: number): number {
  // Negative values are one's complement, so that -1 lies in the first negative interval (G.711 table 1b).
  const sign = sample < 0 ? 0 : 0x80
  const magnitude = sample < 0 ? -sample - 1 : sample
  const exponent = chord(magnitude)
  const mantissa = (magnitude >> (exponent === 0 ? 4 : exponent + 3)) & 0x0f
  return (sign | (exponent << 4) | mantissa) ^ 0x55
}

function decodeALaw(byte: number): number {
  const code = byte ^ 0x55
  const exponent = (code >> 4) & 7
  const step = ((code & 0x0f) << 4) + 8
  const magnitude = exponent === 0 ? step : (step + 0x100) << (exponent - 1)
  return code & 0x80 ? magnitude : -magnitude
}

/** Linear samples to G.711. */
export function encodeG711(samples: Int16Array, encoding: G711Encoding): Uint8Array {
  const encode = encoding === 'pcmu' ? encodeMuLaw : encodeALaw
  const bytes = new Uint8Array(samples.length)
  for (let i = 0; i < samples.length; i++) bytes[i] = encode(samples[i]!)
  return bytes
}

/** G.711 to linear samples, at the middle of each quantising interval. */
export function decodeG711(bytes: Uint8Array, encoding: G711Encoding): Int16Array {
  const decode = encoding === 'pcmu' ? decodeMuLaw : decodeALaw
  const samples = new Int16Array(bytes.length)
  for (let i = 0; i < bytes.length; i++) samples[i] = decode(bytes[i]!)
  return samples
}
