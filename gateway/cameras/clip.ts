import { spawn } from 'node:child_process'
import { stat } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Cut } from './evidence-ring.ts'

/** A remux of half a minute takes a fraction of a second, even on a busy box. */
const longestWriteMs = 60_000

/**
 * Writes a cut as an MP4 that a browser plays. H.264 and H.265 are copied; anything else (a test file) is encoded.
 * @returns bytes written
 * @throws Error with ffmpeg's words when it cannot be written
 */
export async function writeClip(cut: Cut, file: string, ffmpegPath: string, signal?: AbortSignal): Promise<number> {
  const isCopied = cut.codec === 'h264' || cut.codec === 'hevc'
  // Safari plays H.265 only under this tag.
  const copy = ['-c', 'copy', ...(cut.codec === 'hevc' ? ['-tag:v', 'hvc1'] : [])]
  const encode = ['-c:v', 'libx264', '-preset', 'veryfast', '-pix_fmt', 'yuv420p']
  const child = spawn(
    ffmpegPath,
    [
      ...['-hide_banner', '-loglevel', 'error', '-f', 'mpegts', '-i', 'pipe:0', '-map', '0:v:0'],
      ...(isCopied ? copy : encode),
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
