import type { PictureOptions, StreamInput } from './options.ts'

/** File descriptors of a reader, beside 0 (script), 1 (pictures) and 2 (complaints). */
export const readerPipes = { transportStream: 3, pictureTimes: 4 } as const

/** Added to every timestamp of the transport stream, because it cannot carry negative ones (B-frames before the first). */
export const transportOffsetMs = 10_000

/** The only stream has this packet id, so that a parser needs no tables (ISO/IEC 13818-1 §2.4.4). */
export const videoPacketId = 0x100

/** Far above any camera's picture, far below what would hurt the machine. */
const largestAllocationBytes = 160 * 1024 * 1024
const largestPicturePixels = 36_000_000

const protocols = 'pipe,fd,file,rtsp,rtsps,rtp,tcp,udp,tls,crypto'

/**
 * The command line of a reader. It never holds a URL: that travels in `readerScript` on standard input, because a
 * command line is readable by everybody on the machine.
 *
 * Output 1, `pipe:1`: pictures as YUV4MPEG2 (the header tells the size, `FRAME` marks show a lost step).
 * Output 2, `pipe:3`: the stream as it came (or encoded to H.264), in an MPEG transport stream.
 * `pipe:4`: the presentation time of each picture, a line before its bytes. Both outputs share one clock.
 */
export function readerArguments(
  input: StreamInput,
  pictures: PictureOptions | undefined,
  evidence: 'copied' | 'encoded' = 'copied',
): string[] {
  return [
    ...['-nostdin', '-hide_banner', '-nostats', '-loglevel', 'repeat+level+info'],
    ...['-max_alloc', String(largestAllocationBytes)],
    ...(pictures?.decoding === 'fast' ? ['-skip_loop_filter', 'all'] : []),
    ...inputArguments(input),
    ...(pictures ? pictureArguments(pictures) : []),
    ...(input.type === 'packets' ? [] : transportStreamArguments(evidence)),
  ]
}

function inputArguments(input: StreamInput): string[] {
  const decoding = ['-threads', '1', '-flags', 'low_delay', '-max_pixels', String(largestPicturePixels)]
  if (input.type === 'file') {
    const pace = input.pace === 'real' ? ['-re'] : []
    return [...decoding, ...pace, ...(input.isLooped ? ['-stream_loop', '-1'] : []), '-i', `file:${input.path}`]
  }
  if (input.type === 'packets') return [...decoding, ...packetArguments(input.mayBeLarge)]
  const concat = ['-protocol_whitelist', protocols, '-f', 'concat', '-safe', '0']
  return [...decoding, '-fflags', '+discardcorrupt', ...concat, '-i', 'pipe:0']
}

/**
 * Our own transport stream on standard input. Without a parser a picture is decoded when its last packet has come, not
 * when the next picture begins; but the demuxer then tears pictures beyond `largestPictureBytes`. Times stay the
 * stream's; a look at its first bytes is enough, because more is a delay until so much has come.
 */
function packetArguments(mayBeLarge: boolean): string[] {
  const whole = mayBeLarge ? [] : ['-fflags', '+noparse+nofillin']
  return ['-copyts', ...whole, '-probesize', '5000', '-analyzeduration', '1', '-f', 'mpegts', '-i', 'pipe:0']
}

/** FFmpeg's demuxer collects at most 200 KiB of a picture (MAX_PES_PAYLOAD); less a header and a packet. */
export const largestPictureBytes = 200 * 1024 - 512

/** The ffconcat script for standard input; empty where the command line says everything. */
export function readerScript(input: StreamInput, silentMs: number): string {
  if (input.type !== 'rtsp') return ''
  return [
    'ffconcat version 1.0',
    `file '${input.url.replaceAll("'", "'\\''")}'`,
    // UDP loses packets, and a smeared picture looks like motion.
    'option rtsp_transport tcp',
    'option allowed_media_types video',
    // Over TCP this reorders nothing and delays nothing, but makes ffmpeg say that the camera left packets out.
    'option reorder_queue_size 2',
    // Only for a reader whose gateway was killed: ours ends it sooner.
    `option timeout ${Math.round(silentMs * 2000)}`,
    // The session description and the first key picture tell everything.
    'option probesize 300000',
    'option analyzeduration 200000',
    '',
  ].join('\n')
}

function pictureArguments({ fps, width, height, halveAbove }: PictureOptions): string[] {
  // The first picture of every 1/fps of stream time, with its own time: the fps filter would move it to a grid.
  const step = `floor(t*${fps}+0.001)`
  const sample =
    fps === 'all' ? [] : [`select='isnan(prev_selected_t)+gt(${step},${step.replace('t*', 'prev_selected_t*')})'`]
  const share = halveAbove === undefined ? '' : `/if(gt(iw,${halveAbove}),2,1)`
  const filters = [
    ...sample,
    `scale=w='min(iw${share},${width})':h='min(ih${share},${height})':force_original_aspect_ratio=decrease:force_divisible_by=2:flags=area`,
    'format=yuv420p',
    // The print filter passes over pictures without metadata.
    'metadata=add:key=p:value=1',
    `metadata=print:file='pipe\\:${readerPipes.pictureTimes}':direct=1`,
  ]
  const output = ['-fps_mode', 'passthrough', '-threads', '1', '-f', 'yuv4mpegpipe', 'pipe:1']
  return ['-filter_threads', '1', '-map', '0:v:0', '-vf', filters.join(','), ...output]
}

function transportStreamArguments(evidence: 'copied' | 'encoded'): string[] {
  // FFmpeg gives the first picture of an RTSP session no time; a little before the others is right to a frame or two.
  const times = "setts=pts='if(eq(PTS,NOPTS),-0.2/TB,PTS)':dts='if(eq(PTS,NOPTS),-0.4/TB,DTS)'"
  const encode = ['-c:v', 'libx264', '-preset', 'ultrafast', '-tune', 'zerolatency', '-g', '25', '-pix_fmt', 'yuv420p']
  const coding = evidence === 'copied' ? ['-c', 'copy', '-bsf:v', times] : [...encode, '-fps_mode', 'passthrough']
  return [
    ...['-map', '0:v:0', ...coding],
    ...['-muxdelay', '0', '-muxpreload', '0', '-avoid_negative_ts', 'disabled'],
    ...['-output_ts_offset', String(transportOffsetMs / 1000), '-flush_packets', '1'],
    // Says where a picture ends: a decoder fed with packets need not wait for the next one.
    ...['-omit_video_pes_length', '0'],
    ...['-mpegts_start_pid', String(videoPacketId), '-f', 'mpegts', `pipe:${readerPipes.transportStream}`],
  ]
}
