import t from 'tap'
import { createRtpStream } from './rtp.ts'

t.test('packets carry the header of RFC 3550', async (t) => {
  const numbers = [0.5, 0.999_99, 1 - 2 ** -32]
  const stream = createRtpStream({ payloadType: 8, random: () => numbers.shift()! })
  t.equal(stream.ssrc, 0x8000_0000)
  const first = stream.packet(new Uint8Array(160).fill(7), { marker: true })
  t.equal(first.length, 172)
  t.equal(first[0], 0x80, 'version 2, no padding, no extension, no sources')
  t.equal(first[1], 0x88, 'marker and payload type 8')
  t.equal(first.readUInt32BE(4), 0xffff_ffff)
  t.equal(first.readUInt32BE(8), 0x8000_0000)
  t.ok(first.subarray(12).every((byte) => byte === 7))

  const second = stream.packet(new Uint8Array(160), { marker: false })
  t.equal(second[1], 0x08)
  t.equal(second.readUInt16BE(2), (first.readUInt16BE(2) + 1) & 0xffff)
  t.equal(second.readUInt32BE(4), 159, 'the timestamp counts samples and wraps')

  stream.skip(800)
  t.equal(stream.packet(new Uint8Array(160), { marker: true }).readUInt32BE(4), 159 + 160 + 800)
})

t.test('the sequence number wraps after 65535', async (t) => {
  const stream = createRtpStream({ payloadType: 0, random: () => 1 - 2 ** -32 })
  t.equal(stream.packet(new Uint8Array(1), { marker: false }).readUInt16BE(2), 65_535)
  t.equal(stream.packet(new Uint8Array(1), { marker: false }).readUInt16BE(2), 0)
})
