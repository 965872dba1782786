import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { createEvidenceRing } from './evidence-ring.ts'
import { transportOffsetMs, videoPacketId } from './ffmpeg-arguments.ts'
import { h264, makeCountingClip } from './testing.ts'
import { packetBytes } from './transport-packet.ts'

/** Ten seconds at 10 pictures a second, a key picture each second, as a reader delivers them. */
const stream = await makeStream()
const time = (mediaMs: number, session = 'a') => ({ at: 1_000_000 + mediaMs, mediaMs, session })
const never = new AbortController().signal
const atOnce = AbortSignal.abort()

async function makeStream(): Promise<Buffer> {
  const clip = await makeCountingClip(join(t.testdir(), 'clip.mp4'), { seconds: 10, fps: 10, coding: h264 })
  const output = ['-muxdelay', '0', '-muxpreload', '0', '-output_ts_offset', String(transportOffsetMs / 1000)]
  const made = await promisify(execFile)(
    'ffmpeg',
    [
      '-v',
      'error',
      '-i',
      clip,
      '-c',
      'copy',
      ...output,
      '-mpegts_start_pid',
      String(videoPacketId),
      '-f',
      'mpegts',
      '-',
    ],
    { encoding: 'buffer', maxBuffer: 2 ** 26 },
  )
  return made.stdout
}

function fill(ring: ReturnType<typeof createEvidenceRing>, session = 'a', data = stream) {
  const writer = ring.begin(session, 1_000_000)
  // Pieces that end anywhere, as pipes deliver them.
  for (let at = 0; at < data.length; at += 1000) writer.append(data.subarray(at, at + 1000), undefined)
  return writer
}

t.test('a cut begins with a key picture before the span and ends after it', async (t) => {
  const ring = createEvidenceRing({ maxMs: 20_000, maxBytes: 2 ** 24 })
  fill(ring)
  const cut = await ring.cut({ around: time(5300), beforeMs: 2000, afterMs: 1000 }, never)
  t.equal(cut?.fromMs, 3000)
  t.equal(cut?.toMs, 6300)
  t.equal(cut?.codec, 'h264')
  t.equal(cut?.mediaZeroAt, 1_000_000)
})

t.test('a span that has not passed is waited for, and cut in the same instant', async (t) => {
  const ring = createEvidenceRing({ maxMs: 20_000, maxBytes: 2 ** 24 })
  const half = Math.floor(stream.length / 2 / packetBytes) * packetBytes
  const writer = fill(ring, 'a', stream.subarray(0, half))
  const waiting = ring.cut({ around: time(3000), beforeMs: 1000, afterMs: 4000 }, never)
  writer.append(stream.subarray(half), undefined)
  t.equal((await waiting)?.toMs, 7000)
})

t.test('a session that ends, or patience that does, gives what there is', async (t) => {
  const ring = createEvidenceRing({ maxMs: 20_000, maxBytes: 2 ** 24 })
  const writer = fill(ring)
  const request = { around: time(9000), beforeMs: 1000, afterMs: 5000 }
  t.equal((await ring.cut(request, atOnce))?.toMs, 9900)
  const waiting = ring.cut(request, never)
  writer.end()
  t.equal((await waiting)?.toMs, 9900)
  fill(ring, 'b')
  t.equal((await ring.cut(request, never))?.toMs, 9900, 'also after the next session began')
})

t.test('an event of another stream is found by its time of receipt', async (t) => {
  const ring = createEvidenceRing({ maxMs: 20_000, maxBytes: 2 ** 24 })
  fill(ring, 'main')
  const around = { at: 1_005_000, mediaMs: 77_777, session: 'sub' }
  t.equal(ring.covers(around), true)
  const cut = await ring.cut({ around, beforeMs: 1000, afterMs: 1000 }, never)
  t.equal(cut?.fromMs, 4000)
  t.equal(cut?.toMs, 6000)
  t.equal(ring.covers({ ...around, at: 1_012_000 }), false)
  t.equal(await ring.cut({ around: { ...around, at: 5 }, beforeMs: 1, afterMs: 1 }, never), undefined)
})

t.test('what is older than the ring is forgotten, but not while a clip waits for it', async (t) => {
  const ring = createEvidenceRing({ maxMs: 3000, maxBytes: 2 ** 24 })
  const writer = ring.begin('a', 1_000_000)
  const half = Math.floor(stream.length / 2 / packetBytes) * packetBytes
  writer.append(stream.subarray(0, half), undefined)
  const waiting = ring.cut({ around: time(4000), beforeMs: 1000, afterMs: 5000 }, never)
  writer.append(stream.subarray(half), undefined)
  t.equal((await waiting)?.fromMs, 3000)
  t.equal(await ring.cut({ around: time(1000), beforeMs: 500, afterMs: 500 }, never), undefined)
})

t.test('memory is bounded whatever comes: long groups, no key pictures at all, many sessions', async (t) => {
  const maxBytes = 200_000
  const oneBlock = packetBytes * 348
  const ring = createEvidenceRing({ maxMs: 3_600_000, maxBytes })
  for (let session = 0; session < 10; session++) fill(ring, `${session}`).end()
  t.ok(ring.bytes <= maxBytes + oneBlock, `${ring.bytes}`)
  t.ok(ring.shortened > 0)

  const endless = createEvidenceRing({ maxMs: 3_600_000, maxBytes })
  const writer = fill(endless)
  // Packets that go on with a picture and never begin one.
  const more = Buffer.alloc(packetBytes * 1000)
  for (let at = 0; at < more.length; at += packetBytes)
    more.set([0x47, videoPacketId >> 8, videoPacketId & 0xff, 0x10], at)
  for (let i = 0; i < 20; i++) writer.append(more, undefined)
  t.ok(endless.bytes <= maxBytes + oneBlock, `${endless.bytes}`)
})

t.test('a listener gets the newest group at once, tables first, then what comes', (t) => {
  const ring = createEvidenceRing({ maxMs: 20_000, maxBytes: 2 ** 24 })
  const half = Math.floor(stream.length / 2 / packetBytes) * packetBytes
  const writer = fill(ring, 'a', stream.subarray(0, half))
  let packets = Buffer.alloc(0)
  let ends = 0
  const end = ring.tap({
    onPackets(chunk) {
      packets = Buffer.concat([packets, chunk])
    },
    onSessionEnd() {
      ends++
    },
  })
  t.equal(packets.readUInt16BE(1) & 0x1fff, 0)
  const before = packets.length
  t.ok(before > 0)
  writer.append(stream.subarray(half), undefined)
  t.equal(packets.length - before, stream.length - half)
  writer.end()
  t.equal(ends, 1)
  end()
  fill(ring, 'b').end()
  t.equal(ends, 1)
  t.end()
})

t.test('what is not a transport stream is refused', (t) => {
  const ring = createEvidenceRing({ maxMs: 20_000, maxBytes: 2 ** 24 })
  t.throws(() => ring.begin('a', 0).append(Buffer.alloc(packetBytes), 0), /lost its step/)
  t.end()
})
