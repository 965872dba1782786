import { spawn } from 'node:child_process'
import { unlink, writeFile } from 'node:fs/promises'
import { constants, setPriority } from 'node:os'
import { text } from 'node:stream/consumers'

export interface MaskedClipRequest {
  /** MP4 to read. */
  from: string
  /** PNG of any size: white stays clear, what is black is shown in coarse squares. */
  mask: Uint8Array
  /** MP4 to write; a file beside it with `.mask.png` is used and removed. */
  file: string
  signal: AbortSignal
  /** Default `ffmpeg`, from the PATH. */
  ffmpegPath?: string
}

/** Filter of ffmpeg that leaves squares of 24 pixels: less than a window of a facade. */
export const coarseSquares = 'pixelize=w=24:h=24'

/**
 * Encodes a clip anew with part of it masked. It takes a minute where the machine is busy, behind everything else.
 * @throws Error when ffmpeg fails
 */
export async function writeMaskedClip({ from, mask, file, signal, ffmpegPath }: MaskedClipRequest): Promise<void> {
  const maskFile = `${file}.mask.png`
  await writeFile(maskFile, mask)
  try {
    // In planar RGB all planes are alike, so that the grey mask counts for each of them.
    const filters = [
      '[1:v][0:v]scale2ref=flags=neighbor[mask][whole]',
      '[whole]format=gbrp,split[clear][rest]',
      `[rest]${coarseSquares}[masked]`,
      '[mask]format=gbrp[grey]',
      '[masked][clear][grey]maskedmerge,format=yuv420p[out]',
    ]
    const child = spawn(
      ffmpegPath ?? 'ffmpeg',
      [
        ...['-y', '-nostdin', '-hide_banner', '-loglevel', 'error', '-threads', '1', '-i', `file:${from}`],
        // One picture: the filter keeps it until the clip ends.
        ...['-i', `file:${maskFile}`],
        ...['-filter_complex_threads', '1', '-filter_complex', filters.join(';'), '-map', '[out]'],
        ...['-c:v', 'libx264', '-preset', 'veryfast', '-crf', '26', '-threads', '1', '-fps_mode', 'passthrough'],
        ...['-movflags', '+faststart', '-f', 'mp4', `file:${file}`],
      ],
      { stdio: ['ignore', 'ignore', 'pipe'], signal },
    )
    const complaints = text(child.stderr)
    if (child.pid !== undefined) lower(child.pid)
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject)
      child.once('close', resolve)
    })
    if (code !== 0) throw new Error(`ffmpeg could not mask the clip: ${(await complaints).trim().slice(0, 500)}`)
  } finally {
    await unlink(maskFile).catch(() => {})
  }
}

/** Where it is not allowed the clip takes its share of the machine like anything else. */
function lower(pid: number): void {
  try {
    setPriority(pid, constants.priority.PRIORITY_LOW)
  } catch {}
}
