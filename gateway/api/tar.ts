import { createReadStream } from 'node:fs'

/** One file of an archive: its bytes, or where they are and how many. */
export type TarEntry = { name: string; at: number } & ({ data: Uint8Array } | { path: string; bytes: number })

const block = 512
const mostBytes = 0o77777777777

/**
 * A tar archive (POSIX.1-1988 ustar), as every system opens it, in pieces: files are read while they are sent.
 * @param entries names in ASCII, at most 100 bytes; `at` epoch ms
 * @throws Error for a name or size that ustar cannot hold, or a file that has another size than was said
 */
export async function* tar(entries: Iterable<TarEntry>): AsyncGenerator<Uint8Array> {
  for (const entry of entries) {
    const bytes = 'data' in entry ? entry.data.length : entry.bytes
    yield header(entry.name, bytes, entry.at)
    if ('data' in entry) yield entry.data
    else {
      let sent = 0
      for await (const chunk of createReadStream(entry.path) as AsyncIterable<Buffer>) {
        sent += chunk.length
        yield chunk
      }
      if (sent !== bytes) throw new Error(`${entry.name} has ${sent} bytes where ${bytes} were announced`)
    }
    const rest = bytes % block
    if (rest > 0) yield Buffer.alloc(block - rest)
  }
  // Two empty blocks end an archive.
  yield Buffer.alloc(2 * block)
}

function header(name: string, bytes: number, at: number): Buffer {
  if (!/^[\x20-\x7e]{1,100}$/.test(name) || bytes > mostBytes) throw new Error(`${name} does not fit into a tar`)
  const head = Buffer.alloc(block)
  const octal = (value: number, length: number) => `${value.toString(8).padStart(length - 1, '0')}\0`
  const put = (text: string, offset: number) => void head.write(text, offset, 'ascii')
  put(name, 0)
  put(octal(0o644, 8), 100)
  put(octal(0, 8), 108)
  put(octal(0, 8), 116)
  put(octal(bytes, 12), 124)
  put(octal(Math.floor(at / 1000), 12), 136)
  // The checksum is reckoned with its own field full of spaces.
  put('        ', 148)
  put('0', 156)
  put('ustar\x0000', 257)
  const sum = head.reduce((total, byte) => total + byte, 0)
  put(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return head
}
