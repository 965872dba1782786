import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { CameraStatus, Frame } from '../core/ports.ts'
import { createCamera, type RunningCamera } from './camera.ts'
import type { CameraOptions } from './options.ts'

const execute = promisify(execFile)

/** A video whose pictures tell their own number: the left half the low, the right half the high four bits. */
export async function makeCountingClip(
  file: string,
  options: { seconds: number; fps: number; coding: readonly string[]; size?: string },
): Promise<string> {
  const level = '16+13*if(lt(X,W/2),mod(N,16),mod(floor(N/16),16))'
  const source = `nullsrc=s=${options.size ?? '160x96'}:r=${options.fps}:d=${options.seconds},geq=lum='${level}':cb=128:cr=128`
  await execute('ffmpeg', ['-v', 'error', '-f', 'lavfi', '-i', source, ...options.coding, '-y', file])
  return file
}

export const h264 = ['-c:v', 'libx264', '-preset', 'ultrafast', '-crf', '10', '-g', '10', '-pix_fmt', 'yuv420p']
export const h264WithB = ['-c:v', 'libx264', '-bf', '2', '-crf', '10', '-g', '20', '-pix_fmt', 'yuv420p']
export const hevc = [
  ...['-c:v', 'libx265', '-preset', 'ultrafast', '-crf', '10', '-pix_fmt', 'yuv420p'],
  ...['-x265-params', 'log-level=error:keyint=10:min-keyint=10:bframes=0'],
]

/** The number in a picture of a counting clip. */
export function readNumber(luma: Uint8Array, width: number, height: number): number {
  const row = Math.floor(height / 2) * width
  const low = Math.round((luma[row + Math.floor(width / 4)]! - 16) / 13)
  const high = Math.round((luma[row + Math.floor((3 * width) / 4)]! - 16) / 13)
  return high * 16 + low
}

/** The pictures of a video file: number and time in milliseconds. */
export async function readCountingClip(file: string): Promise<Array<{ number: number; atMs: number }>> {
  const [width, height] = [32, 16]
  const bytes = (width * height * 3) / 2
  const scale = `scale=${width}:${height}:flags=neighbor,format=yuv420p`
  const raw = ['-v', 'error', '-i', file, '-vf', scale, '-fps_mode', 'passthrough', '-f', 'rawvideo', '-']
  const show = ['-v', 'error', '-show_entries', 'frame=pts_time', '-of', 'csv=p=0', file]
  const [pictures, times] = await Promise.all([
    execute('ffmpeg', raw, { encoding: 'buffer', maxBuffer: 2 ** 26 }),
    execute('ffprobe', show),
  ])
  const atMs = times.stdout
    .trim()
    .split(/\s+/)
    .map((line) => Number.parseFloat(line) * 1000)
  return atMs.map((atMs, index) => {
    const luma = pictures.stdout.subarray(index * bytes, (index + 1) * bytes)
    return { number: readNumber(luma, width, height), atMs }
  })
}

export interface WatchedCamera {
  camera: RunningCamera
  frames: Array<{ number: number; time: Frame['time'] }>
  statuses: CameraStatus[]
  /** Everything that was logged, as one text. */
  log: () => string
  /** Resolves with the first frame (from now on) that is wanted. */
  frame(
    isWanted?: (frame: { number: number; time: Frame['time'] }) => boolean,
  ): Promise<{ number: number; time: Frame['time'] }>
  status(isWanted: (status: CameraStatus) => boolean): Promise<CameraStatus>
  stop(): Promise<void>
  ended: Promise<void>
}

/** Runs a camera and remembers what it says. Waits are bounded by `deadlineMs`. */
export function watchCamera(
  options: CameraOptions,
  {
    onFrame,
    ffmpegPath,
    deadlineMs = 60_000,
  }: { onFrame?: (frame: Frame) => void; ffmpegPath?: string; deadlineMs?: number } = {},
): WatchedCamera {
  const abort = new AbortController()
  const frames: WatchedCamera['frames'] = []
  const statuses: CameraStatus[] = []
  const lines: string[] = []
  const listeners = new Set<() => void>()
  const log = (fields: object, message: string) => void lines.push(JSON.stringify(fields) + message)
  const camera = createCamera(options, {
    onFrame(frame) {
      frames.push({ number: readNumber(frame.data, frame.width, frame.height), time: frame.time })
      onFrame?.(frame)
      for (const listener of listeners) listener()
    },
    onStatus(status) {
      statuses.push(status)
      for (const listener of listeners) listener()
    },
    ...{ now: Date.now, random: Math.random, logger: { info: log, warn: log } },
    ...(ffmpegPath === undefined ? {} : { ffmpegPath }),
  })
  const ended = camera.run(abort.signal)
  const wait = <T>(what: string, look: () => T | undefined) =>
    new Promise<T>((resolve, reject) => {
      const late = setTimeout(() => {
        listeners.delete(check)
        reject(new Error(`${what} did not come: ${JSON.stringify([camera.status(), statuses, lines])}`))
      }, deadlineMs)
      const check = () => {
        const found = look()
        if (found === undefined) return
        clearTimeout(late)
        listeners.delete(check)
        resolve(found)
      }
      listeners.add(check)
      check()
    })
  return {
    ...{ camera, frames, statuses, ended, log: () => lines.join('\n') },
    frame(isWanted = () => true) {
      let seen = frames.length
      return wait('the frame', () => {
        while (seen < frames.length) {
          const frame = frames[seen++]!
          if (isWanted(frame)) return frame
        }
        return undefined
      })
    },
    status: (isWanted) => wait('the status', () => statuses.find(isWanted)),
    async stop() {
      abort.abort()
      await ended
    },
  }
}
