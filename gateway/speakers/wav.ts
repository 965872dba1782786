import { decodeG711 } from './g711.ts'

/** Sound as read from a file: one channel, samples −1…1. */
export interface Sound {
  sampleRate: number
  samples: Float32Array
}

const format = { pcm: 1, float: 3, aLaw: 6, muLaw: 7, extensible: 0xfffe } as const

const everyByte = Uint8Array.from({ length: 256 }, (_, byte) => byte)
const aLawLevels = decodeG711(everyByte, 'pcma')
const muLawLevels = decodeG711(everyByte, 'pcmu')

/** Sample readers by format tag and bits a sample. */
const readers: Record<string, (view: DataView, offset: number) => number> = {
  [`${format.pcm}/8`]: (view, offset) => (view.getUint8(offset) - 128) / 128,
  [`${format.pcm}/16`]: (view, offset) => view.getInt16(offset, true) / 32_768,
  [`${format.pcm}/24`]: (view, offset) => ((view.getInt8(offset + 2) << 16) | view.getUint16(offset, true)) / 8_388_608,
  [`${format.pcm}/32`]: (view, offset) => view.getInt32(offset, true) / 2_147_483_648,
  [`${format.float}/32`]: (view, offset) => view.getFloat32(offset, true),
  [`${format.float}/64`]: (view, offset) => view.getFloat64(offset, true),
  [`${format.aLaw}/8`]: (view, offset) => aLawLevels[view.getUint8(offset)]! / 32_768,
  [`${format.muLaw}/8`]: (view, offset) => muLawLevels[view.getUint8(offset)]! / 32_768,
}

/**
 * Reads a RIFF/WAVE file: PCM 8, 16, 24 or 32 bit, float, µ-law or A-law, any sample rate, channels mixed to one.
 * @throws Error that says what is wrong with the file, in words for the person who recorded it
 */
export function readWav(bytes: Uint8Array): Sound {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const tag = (offset: number) => String.fromCharCode(...bytes.subarray(offset, offset + 4))
  if (bytes.length < 12 || tag(0) !== 'RIFF' || tag(8) !== 'WAVE') throw new Error('is not a WAV file (no RIFF header)')

  let fmt:
    | { reader: (view: DataView, offset: number) => number; channels: number; rate: number; block: number }
    | undefined
  for (let offset = 12; offset + 8 <= bytes.length; ) {
    const size = view.getUint32(offset + 4, true)
    const body = offset + 8
    if (tag(offset) === 'fmt ') {
      if (size < 16 || body + size > bytes.length) throw new Error('is damaged (its format chunk is cut short)')
      const bits = view.getUint16(body + 14, true)
      const plainTag = view.getUint16(body, true)
      const isExtensible = plainTag === format.extensible && size >= 26
      const formatTag = isExtensible ? view.getUint16(body + 24, true) : plainTag
      const reader = readers[`${formatTag}/${bits}`]
      if (!reader) throw new Error(`has audio format ${formatTag} with ${bits} bits, which is not PCM, µ-law or A-law`)
      const channels = view.getUint16(body + 2, true)
      const block = (bits / 8) * channels
      if (channels < 1 || view.getUint16(body + 12, true) !== block)
        throw new Error('is damaged (channels do not add up)')
      fmt = { reader, channels, rate: view.getUint32(body + 4, true), block }
    } else if (tag(offset) === 'data') {
      if (!fmt) throw new Error('is damaged (samples before the format)')
      // A recorder that was cut off leaves a data size of 0, 0xFFFFFFFF or more than there is.
      const isOpenEnded = size === 0 || size > bytes.length - body
      const length = Math.floor((isOpenEnded ? bytes.length - body : size) / fmt.block)
      const samples = new Float32Array(length)
      const { reader, channels, block } = fmt
      for (let i = 0; i < length; i++) {
        let sum = 0
        for (let channel = 0; channel < channels; channel++)
          sum += reader(view, body + i * block + (channel * block) / channels)
        samples[i] = sum / channels
      }
      return { sampleRate: fmt.rate, samples }
    }
    // Chunks are padded to an even size.
    offset = body + size + (size & 1)
  }
  throw new Error('is damaged (it holds no samples)')
}

/** A WAV file of 16-bit mono samples. */
export function writeWav(samples: Int16Array, sampleRate: number): Uint8Array {
  const file = Buffer.alloc(44 + samples.length * 2)
  file.write('RIFF', 0, 'latin1')
  file.writeUInt32LE(file.length - 8, 4)
  file.write('WAVEfmt ', 8, 'latin1')
  file.writeUInt32LE(16, 16)
  file.writeUInt16LE(format.pcm, 20)
  file.writeUInt16LE(1, 22)
  file.writeUInt32LE(sampleRate, 24)
  file.writeUInt32LE(sampleRate * 2, 28)
  file.writeUInt16LE(2, 32)
  file.writeUInt16LE(16, 34)
  file.write('data', 36, 'latin1')
  file.writeUInt32LE(samples.length * 2, 40)
  samples.forEach((sample, i) => {
    file.writeInt16LE(sample, 44 + i * 2)
  })
  return file
}
