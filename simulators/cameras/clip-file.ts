import { spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'
import { isKeyNal, isWorthSending, packetise, parameterSet, splitAnnexB, type VideoCodec } from './rtp-payload.ts'

/** RTP clock of every video format here (RFC 6184 §8.2.1, RFC 7798 §7.1). */
export const ticksPerMs = 90

/** Bytes before the payload: `$`, channel and length (RFC 2326 §10.12), then the RTP header (RFC 3550 §5.1). */
export const interleavedHeaderBytes = 4
const rtpHeaderBytes = 12

const payloadType = 96

/** One picture, ready to be sent: interleaved RTP packets whose sequence number, timestamp and SSRC are still zero. */
export interface AccessUnit {
  /** Presentation and decoding time in RTP ticks from the clip's first decoding time. */
  pts: number
  dts: number
  isKey: boolean
  packets: Buffer
  /** Where in `packets` each packet begins. */
  starts: readonly number[]
}

/** A video file taken apart once; any number of mounts share it. */
export interface ClipFile {
  file: string
  codec: VideoCodec
  units: readonly AccessUnit[]
  /** From the first picture to where a repetition begins, in RTP ticks. */
  durationTicks: number
  /** The `a=rtpmap` and `a=fmtp` lines of its SDP. */
  sdpFormat: string
}

/**
 * Reads a video file. H.264 and H.265 are taken as they are, anything else is encoded to H.264 once.
 * @param ffmpegPath ffmpeg; ffprobe is expected beside it or on the PATH
 * @throws Error when the file has no video or ffmpeg cannot read it
 */
export async function readClipFile(file: string, ffmpegPath = 'ffmpeg'): Promise<ClipFile> {
  const found = await videoCodecOf(file, ffmpegPath.replace(/ffmpeg$/, 'ffprobe'))
  const codec: VideoCodec = found === 'hevc' ? 'hevc' : 'h264'
  const coding =
    found === codec
      ? ['-c:v', 'copy', '-bsf:v', `${codec}_mp4toannexb`]
      : ['-c:v', 'libx264', '-preset', 'superfast', '-bf', '0', '-g', '30', '-pix_fmt', 'yuv420p', '-fps_mode', 'vfr']
  // The same packets twice: as an Annex B stream on one pipe, as a table of times and sizes on another.
  const child = spawn(
    ffmpegPath,
    [
      ...['-nostdin', '-loglevel', 'error', '-i', file, '-map', '0:v:0', ...coding],
      ...['-f', 'tee', `[f=${codec}]pipe:1|[f=framecrc]pipe:3`],
    ],
    { stdio: ['ignore', 'pipe', 'pipe', 'pipe'] },
  )
  const chunks: Buffer[] = []
  child.stdout!.on('data', (chunk: Buffer) => chunks.push(chunk))
  const exited = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  const [table, complaint, code] = await Promise.all([
    text(child.stdio[3] as NodeJS.ReadableStream),
    text(child.stderr!),
    exited,
  ])
  if (code !== 0) throw new Error(`${file}: ffmpeg could not read it: ${complaint.trim()}`)
  return toClipFile(file, codec, Buffer.concat(chunks), readTable(table))
}

async function videoCodecOf(file: string, ffprobePath: string): Promise<string> {
  const query = ['-v', 'error', '-select_streams', 'v:0', '-show_entries', 'stream=codec_name', '-of', 'csv=p=0']
  const child = spawn(ffprobePath, [...query, file], { stdio: ['ignore', 'pipe', 'pipe'] })
  const failed = new Promise<never>((_, reject) => child.once('error', reject))
  const [name, complaint] = await Promise.race([Promise.all([text(child.stdout), text(child.stderr)]), failed])
  if (!name.trim()) throw new Error(`${file}: no video in it. ${complaint.trim()}`)
  return name.trim().split(/[\s,]/)[0]!
}

interface TableRow {
  dts: number
  pts: number
  duration: number
  bytes: number
}

/** Lines of ffmpeg's framecrc: `stream, dts, pts, duration, size, crc…`, after `#tb 0: 1/12288`. */
function readTable(table: string): TableRow[] {
  const [, numerator, denominator] = table.match(/^#tb 0: (\d+)\/(\d+)/m) ?? [undefined, '1', '90000']
  const scale = (Number(numerator) / Number(denominator)) * 1000 * ticksPerMs
  const rows: TableRow[] = []
  for (const line of table.split('\n')) {
    const match = line.match(/^0,\s*(-?\d+),\s*(-?\d+),\s*(\d+),\s*(\d+),/)
    if (!match) continue
    const [dts, pts, duration] = match.slice(1, 4).map((value) => Math.round(Number(value) * scale)) as [
      number,
      number,
      number,
    ]
    rows.push({ dts, pts, duration, bytes: Number(match[4]) })
  }
  return rows
}

function toClipFile(file: string, codec: VideoCodec, data: Buffer, rows: readonly TableRow[]): ClipFile {
  const units: AccessUnit[] = []
  const sets = new Map<string, Buffer>()
  let offset = 0
  for (const row of rows) {
    const nals = splitAnnexB(data.subarray(offset, offset + row.bytes)).filter((nal) => isWorthSending(codec, nal))
    offset += row.bytes
    for (const nal of nals) {
      const name = parameterSet(codec, nal)
      if (name && !sets.has(name)) sets.set(name, nal)
    }
    const isKey = nals.some((nal) => isKeyNal(codec, nal))
    // A receiver that joins at any key picture needs the parameter sets with it.
    const missing = isKey ? [...sets].filter(([name]) => !nals.some((nal) => parameterSet(codec, nal) === name)) : []
    const sent = [...missing.map(([, nal]) => nal), ...nals]
    if (units.length === 0 && !isKey) continue
    units.push({ pts: row.pts, dts: row.dts, isKey, ...frame(sent.flatMap((nal) => packetise(codec, nal))) })
  }
  const first = units[0]
  const last = rows.at(-1)
  if (!first || !last) throw new Error(`${file}: no key picture in it, so no receiver could ever start`)
  const origin = first.dts
  // A clip of one picture lasts as long as it says, at least 40 ms.
  const durationTicks = Math.max(last.dts - origin + last.duration, 40 * ticksPerMs)
  for (const unit of units) {
    unit.pts -= origin
    unit.dts -= origin
  }
  return { file, codec, units, durationTicks, sdpFormat: sdpFormat(codec, sets) }
}

function frame(payloads: readonly Buffer[]): { packets: Buffer; starts: number[] } {
  const starts: number[] = []
  const overhead = interleavedHeaderBytes + rtpHeaderBytes
  const packets = Buffer.alloc(payloads.reduce((sum, payload) => sum + payload.length + overhead, 0))
  let at = 0
  for (const [index, payload] of payloads.entries()) {
    starts.push(at)
    packets[at] = 0x24
    packets.writeUInt16BE(rtpHeaderBytes + payload.length, at + 2)
    packets[at + 4] = 0x80
    packets[at + 5] = payloadType | (index === payloads.length - 1 ? 0x80 : 0)
    payload.copy(packets, at + overhead)
    at += overhead + payload.length
  }
  return { packets, starts }
}

function sdpFormat(codec: VideoCodec, sets: ReadonlyMap<string, Buffer>): string {
  const base64 = (name: string) => sets.get(name)?.toString('base64') ?? ''
  if (codec === 'hevc') {
    const parameters = `sprop-vps=${base64('vps')};sprop-sps=${base64('sps')};sprop-pps=${base64('pps')}`
    return `a=rtpmap:${payloadType} H265/90000\r\na=fmtp:${payloadType} ${parameters}\r\n`
  }
  const profile = sets.get('sps')?.subarray(1, 4).toString('hex').toUpperCase() ?? '42E01E'
  const parameters = `packetization-mode=1;profile-level-id=${profile};sprop-parameter-sets=${base64('sps')},${base64('pps')}`
  return `a=rtpmap:${payloadType} H264/90000\r\na=fmtp:${payloadType} ${parameters}\r\n`
}
