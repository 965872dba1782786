import { closeSync, ftruncateSync, mkdirSync, openSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'

/** Appends what was heard to one WAV file that can be read at any moment. */
export interface WavRecorder {
  readonly file: string
  /** Everything written, pauses included. */
  readonly durationMs: number
  append(samples: Int16Array): void
  close(): void
}

const rate = 8000
const headerBytes = 44
/** Between two announcements, however long nothing was heard. */
const pauseSamples = rate / 2
/** About 50 minutes of speech; then the file begins anew. */
const maxBytes = 48_000_000

/** Starts an empty file, with its folder. */
export function createWavRecorder(file: string): WavRecorder {
  mkdirSync(dirname(file), { recursive: true })
  const descriptor = openSync(file, 'w')
  let bytes = 0
  let isClosed = false

  const writeHeader = () => {
    const header = Buffer.alloc(headerBytes)
    header.write('RIFF', 0, 'latin1')
    header.writeUInt32LE(headerBytes - 8 + bytes, 4)
    header.write('WAVEfmt ', 8, 'latin1')
    header.set([16, 0, 0, 0, 1, 0, 1, 0], 16)
    header.writeUInt32LE(rate, 24)
    header.writeUInt32LE(rate * 2, 28)
    header.set([2, 0, 16, 0], 32)
    header.write('data', 36, 'latin1')
    header.writeUInt32LE(bytes, 40)
    writeSync(descriptor, header, 0, headerBytes, 0)
  }
  const write = (samples: Int16Array) => {
    const data = Buffer.alloc(samples.length * 2)
    samples.forEach((sample, i) => {
      data.writeInt16LE(sample, i * 2)
    })
    writeSync(descriptor, data, 0, data.length, headerBytes + bytes)
    bytes += data.length
  }

  writeHeader()
  return {
    file,
    get durationMs() {
      return (bytes / 2 / rate) * 1000
    },
    append(samples) {
      if (bytes + samples.length * 2 > maxBytes) {
        ftruncateSync(descriptor, headerBytes)
        bytes = 0
      }
      if (bytes > 0) write(new Int16Array(pauseSamples))
      write(samples)
      writeHeader()
    },
    close() {
      if (!isClosed) closeSync(descriptor)
      isClosed = true
    },
  }
}
