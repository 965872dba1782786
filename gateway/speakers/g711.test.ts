import { execFileSync } from 'node:child_process'
import t from 'tap'
import { decodeG711, encodeG711, type G711Encoding, silenceByte } from './g711.ts'

const everySample = Int16Array.from({ length: 65_536 }, (_, i) => i - 32_768)
const everyByte = Uint8Array.from({ length: 256 }, (_, i) => i)
const laws: Array<[G711Encoding, string]> = [
  ['pcmu', 'mulaw'],
  ['pcma', 'alaw'],
]

function convert(format: string, codec: string, input: Uint8Array): Buffer {
  const source = format === 's16le' ? ['-f', 's16le'] : ['-f', format]
  const args = ['-v', 'error', ...source, '-ar', '8000', '-ac', '1', '-i', 'pipe:0', '-f', codec, 'pipe:1']
  return execFileSync('ffmpeg', args, { input, maxBuffer: 1 << 20 })
}

t.test('the code words of the recommendation', async (t) => {
  t.same([...encodeG711(Int16Array.of(0, -1, 32767, -32768), 'pcma')], [0xd5, 0x55, 0xaa, 0x2a])
  t.same([...encodeG711(Int16Array.of(0, 32767, -32768), 'pcmu')], [0xff, 0x80, 0x00])
  for (const [law] of laws) t.equal(encodeG711(Int16Array.of(0), law)[0], silenceByte[law])
})

t.test('decoding agrees with another implementation for every byte', async (t) => {
  for (const [law, name] of laws) {
    const theirs = convert(name, 's16le', everyByte)
    t.same([...decodeG711(everyByte, law)], [...new Int16Array(theirs.buffer, theirs.byteOffset, 256)], name)
  }
})

t.test('a sample never moves by more than half the quantising step of its chord', async (t) => {
  for (const [law] of laws) {
    const codes = encodeG711(everySample, law)
    const decoded = decodeG711(codes, law)
    let misplaced = 0
    for (const [i, sample] of everySample.entries()) {
      const exponent = ((law === 'pcmu' ? ~codes[i]! : codes[i]! ^ 0x55) >> 4) & 7
      const halfStep = law === 'pcmu' ? 4 << exponent : 8 << Math.max(0, exponent - 1)
      const isClipped = law === 'pcmu' && Math.abs(sample) > 32635
      if (!isClipped && Math.abs(decoded[i]! - sample) > halfStep) misplaced++
    }
    t.equal(misplaced, 0, law)
  }
})

t.test('a code word survives being decoded and encoded again', async (t) => {
  for (const [law] of laws) {
    const again = encodeG711(decodeG711(everyByte, law), law)
    const changed = [...everyByte].filter((byte) => again[byte] !== byte)
    t.same(changed, law === 'pcmu' ? [0x7f] : [], 'only the negative zero of µ-law becomes the positive one')
  }
})
