import { spawn } from 'node:child_process'
import { stat } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Cut } from './evidence-ring.ts'

/** A remux of half a minute takes a fraction of a second, even on a busy box. */
const longestWriteMs = 60_000

/**
 * Writes a cut as an MP4 that a browser plays, without encoding.
 * @returns bytes written
 * @throws Error when the stream is neither H.264 nor H.265, or with ffmpeg's words when it cannot be written
 */
export async function writeClip(cut: Cut, file: string, ffmpegPath: string, signal?: AbortSignal): Promise<number> {
  if (cut.codec !== 'h264' && cut.codec !== 'hevc') {
    throw new Error(
      `clips need H.264 or H.265, the camera sends ${cut.codec ?? 'something else'}: change it on the camera`,
    )
  }
  // Safari plays H.265 only under this tag.
  const copy = ['-c', 'copy', ...(cut.codec === 'hevc' ? ['-tag:v', 'hvc1'] : [])]
  const child = spawn(
    ffmpegPath,
    [
      ...['-hide_banner', '-loglevel', 'error', '-f', 'mpegts', '-i', 'pipe:0', '-map', '0:v:0'],
      ...copy,
      ...['-movflags', '+faststart', '-f', 'mp4', '-y', `file:${file}`],
    ],
    { stdio: ['pipe', 'ignore', 'pipe'] },
  )
  let complaint = ''
  child.stderr.on('data', (chunk) => {
    complaint = (complaint + chunk).slice(-1000)
  })
  const exited = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  const kill = () => child.kill('SIGKILL')
  const deadline = setTimeout(kill, longestWriteMs)
  signal?.addEventListener('abort', kill, { once: true })
  try {
    // When ffmpeg ends early its exit tells more than the broken pipe.
    const [code] = await Promise.all([exited, pipeline(Readable.from(cut.parts), child.stdin).catch(() => {})])
    signal?.throwIfAborted()
    if (code !== 0)
      throw new Error(`the clip could not be written to ${file}: ${complaint.trim() || 'ffmpeg was stopped'}`)
    return (await stat(file)).size
  } finally {
    clearTimeout(deadline)
    signal?.removeEventListener('abort', kill)
  }
}
