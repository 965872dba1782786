import { execFile, spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import type { Readable, Writable } from 'node:stream'
import type { CameraProblem } from '../core/ports.ts'
import { explainFailure, missingFfmpeg, type ReaderEnd, scrub, tellsDamage } from './failure.ts'
import { readerArguments, readerPipes, readerScript } from './ffmpeg-arguments.ts'
import type { FrameSlot, FrameSlots } from './frame-slots.ts'
import type { PictureOptions, StreamInput } from './options.ts'
import { createPictureParser } from './picture-parser.ts'
import { createPictureTimes } from './picture-times.ts'

/*
 * One session with a camera: one ffmpeg child, from its start to its exit. The promise settles only when the child is
 * gone, so whoever waits for it before starting the next never has two.
 *
 *   camera ──RTSP/TCP──▶ ffmpeg ─ pipe 1 ─▶ pictures ─┐ paired in order
 *                               ─ pipe 4 ─▶ times ────┘
 *                               ─ pipe 3 ─▶ stream as it came
 *                               ─ pipe 2 ─▶ complaints: why it ended, whether pictures are damaged
 */

export interface ReaderOptions {
  input: StreamInput
  /** For packets: takes the child's standard input. */
  feed?: (packets: Writable) => void
  /** Absent: only the stream as it came. */
  pictures?: PictureOptions
  ffmpegPath: string
  /** Without data for so long the child is killed. */
  stallMs: number
  memoryBytes: number
}

/** Who takes what a reader reads. */
export interface ReaderSink {
  /** Called on the first picture. */
  slotsFor(width: number, height: number): FrameSlots
  /**
   * Takes over the slot. `useful` tells the watchdog that the picture was worth having. `receivedAt`, epoch ms: of one
   * that was kept for a while before it was decoded.
   */
  onPicture(slot: FrameSlot, mediaMs: number, useful: () => void, receivedAt?: number): void
  /** Every slot was held: a picture was lost on our side. */
  onDropped(): void
  onTransportStream(chunk: Buffer): void
  onSource(source: SourceFormat): void
  onDamage(): void
}

/** What ffmpeg says it receives. */
export interface SourceFormat {
  codec: string
  width: number
  height: number
}

/** The last lines are enough to tell why; a camera must not fill memory with complaints. */
const keptComplaints = 30
const longestComplaint = 500

const memoryCheckEveryMs = 5000
const pageBytes = 4096

/**
 * Reads until the stream ends, fails, stalls or the signal aborts. Never rejects for reasons of the camera.
 * @throws Error only from the sink
 */
export async function readStream(options: ReaderOptions, sink: ReaderSink, signal: AbortSignal): Promise<ReaderEnd> {
  if (signal.aborted) return { type: 'stopped' }
  const { input, pictures, stallMs } = options
  const secrets = input.type === 'rtsp' ? input.secrets : []
  // A camera sends H.264 or H.265, a file may hold anything.
  const codec = input.type === 'file' ? await videoCodecOf(input.path, options.ffmpegPath) : undefined
  if (signal.aborted) return { type: 'stopped' }
  const evidence = codec === undefined || codec === 'h264' || codec === 'hevc' ? 'copied' : 'encoded'
  const child = spawn(options.ffmpegPath, readerArguments(input, pictures, evidence), {
    stdio: ['pipe', 'pipe', 'pipe', 'pipe', 'pipe'],
  })
  const exited = new Promise<{ error?: NodeJS.ErrnoException; code?: number | null }>((resolve) => {
    child.once('error', (error) => child.pid === undefined && resolve({ error }))
    child.once('close', (code) => resolve({ code }))
  })
  let verdict: ReaderEnd | undefined
  const end = (because: ReaderEnd) => {
    verdict ??= because
    // A stalled ffmpeg ignores SIGTERM for minutes.
    child.kill('SIGKILL')
    // A paused pipe would never close.
    child.stdout.resume()
  }
  const fail = (reason: string, problem?: CameraProblem) =>
    end({ type: 'failed', reason, ...(problem ? { problem } : {}), isRefused: false })
  /** The pipes belong to a child that may send anything: what it breaks ends it, not the gateway. */
  const guarded =
    <T>(take: (value: T) => void) =>
    (value: T) => {
      if (verdict) return
      try {
        take(value)
      } catch (error) {
        fail((error as Error).message)
      }
    }

  child.stdin.on('error', () => {})
  if (options.feed) options.feed(child.stdin)
  else child.stdin.end(readerScript(input, stallMs))

  // Not the wall clock: it jumps when a box without a battery learns the time.
  // To connect, log in and wait for a key picture takes a busy camera or box longer than the next picture does.
  let lastDataAt = performance.now() + stallMs
  const onData = () => {
    lastDataAt = performance.now()
  }

  const complaints: string[] = []
  let rest = ''
  child.stderr.on('data', (chunk: Buffer) => {
    const lines = (rest + chunk.toString()).split('\n')
    rest = lines.pop()!.slice(-longestComplaint)
    for (const line of lines) {
      const source = line.match(/Stream #0:0.*?: Video: (\w+).*? (\d{2,5})x(\d{2,5})/)
      if (source && !line.includes('rawvideo') && !line.includes('wrapped_avframe')) {
        sink.onSource({ codec: source[1]!, width: Number(source[2]), height: Number(source[3]) })
      }
      if (/\[(warning|error|fatal)\]/.test(line)) {
        complaints.push(scrub(line, secrets).slice(0, longestComplaint))
        if (complaints.length > keptComplaints) complaints.shift()
        if (tellsDamage(line)) sink.onDamage()
      }
    }
  })

  const transportStream = child.stdio[readerPipes.transportStream] as Readable
  transportStream.on(
    'data',
    guarded((chunk: Buffer) => {
      if (!pictures) onData()
      sink.onTransportStream(chunk)
    }),
  )

  // What a camera missed while it rested comes faster than it is taken; its feed knows how far the decoder is behind.
  const mayDrop = input.type !== 'packets' && !(input.type === 'file' && input.pace === 'fast')
  const takePictures = readPictures(
    child.stdout,
    child.stdio[readerPipes.pictureTimes] as Readable,
    mayDrop,
    {
      ...sink,
      onPicture: (slot, mediaMs) => sink.onPicture(slot, mediaMs, onData),
      onDropped() {
        onData()
        sink.onDropped()
      },
    },
    guarded,
  )

  const watchdog = setInterval(
    () => {
      // While the pictures wait for us, the camera is not to blame.
      if (child.stdout.isPaused()) onData()
      if (performance.now() - lastDataAt > stallMs) {
        fail(silence(stallMs, complaints), 'stalled')
      }
    },
    Math.min(1000, stallMs / 4),
  )
  const memoryCheck = setInterval(async () => {
    const pages = await residentPages(child.pid)
    if (pages * pageBytes > options.memoryBytes) {
      fail(
        `the stream wants more than ${Math.round(options.memoryBytes / 2 ** 20)} MiB to decode: choose a smaller one`,
      )
    }
  }, memoryCheckEveryMs)
  const stop = () => end({ type: 'stopped' })
  signal.addEventListener('abort', stop, { once: true })

  const exit = await exited
  clearInterval(watchdog)
  clearInterval(memoryCheck)
  signal.removeEventListener('abort', stop)
  if (!verdict && input.type === 'file' && exit.code === 0) await takePictures.drained(signal)
  takePictures.end()
  if (verdict) return verdict
  if (exit.error) return missingFfmpeg(options.ffmpegPath, exit.error.code)
  if (input.type === 'file' && exit.code === 0) return { type: 'finished' }
  return explainFailure(complaints, secrets)
}

/** Pairs pictures with their times; both come in the same order on two pipes. */
function readPictures(
  pictures: Readable,
  timesPipe: Readable,
  mayDrop: boolean,
  sink: ReaderSink,
  guarded: <T>(take: (value: T) => void) => (value: T) => void,
) {
  const times = createPictureTimes()
  const waiting: Array<FrameSlot | 'dropped'> = []
  let slots: FrameSlots | undefined
  let held: Uint8Array = new Uint8Array(0)

  const deliver = () => {
    while (waiting.length > 0) {
      const mediaMs = times.next()
      if (mediaMs === undefined) return
      const picture = waiting.shift()!
      if (picture === 'dropped') sink.onDropped()
      else sink.onPicture(picture, mediaMs, () => {})
    }
  }
  const parser = createPictureParser(
    {
      slotsFor(width, height) {
        slots = sink.slotsFor(width, height)
        slots.onFree = () => setImmediate(guarded(resume), undefined)
        return slots
      },
      onPicture: (slot) => void waiting.push(slot),
      onDropped: () => void waiting.push('dropped'),
    },
    mayDrop,
  )
  let onDrained: (() => void) | undefined
  const resume = () => {
    if (held.length === 0) return
    held = held.subarray(parser.push(held))
    deliver()
    if (held.length > 0) return
    pictures.resume()
    onDrained?.()
  }

  timesPipe.on(
    'data',
    guarded((chunk: Buffer) => {
      times.push(chunk)
      deliver()
    }),
  )
  pictures.on(
    'data',
    guarded((chunk: Buffer) => {
      // Node resumes the pipes of a child that has ended, whether its reader is ready or not.
      if (held.length > 0) {
        held = Buffer.concat([held, chunk])
        pictures.pause()
        return
      }
      const taken = parser.push(chunk)
      if (taken < chunk.length) {
        held = chunk.subarray(taken)
        pictures.pause()
      }
      deliver()
    }),
  )
  return {
    /** Resolves when everything that had arrived by the child's end has found a slot, or at the signal. */
    drained: (signal: AbortSignal) =>
      new Promise<void>((resolve) => {
        if (held.length === 0) return resolve()
        const done = () => {
          signal.removeEventListener('abort', done)
          resolve()
        }
        onDrained = done
        signal.addEventListener('abort', done, { once: true })
      }),
    end() {
      parser.end()
      for (const picture of waiting) if (picture !== 'dropped') picture.discard()
      if (slots) slots.onFree = undefined
    },
  }
}

function silence(stallMs: number, complaints: readonly string[]): string {
  const isDamaged = complaints.some(tellsDamage)
  const seconds = Math.round(stallMs / 1000)
  return isDamaged ? `no undamaged picture for ${seconds} s` : `no picture for ${seconds} s`
}

/** As ffmpeg names it; undefined when the file cannot be read, which the reader then says itself. */
function videoCodecOf(path: string, ffmpegPath: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    // Without an output ffmpeg tells what it found and gives up.
    execFile(ffmpegPath, ['-nostdin', '-hide_banner', '-i', `file:${path}`], { timeout: 30_000 }, (_, __, said) =>
      resolve(said.match(/Stream #0:\d+.*?: Video: (\w+)/)?.[1]),
    )
  })
}

/** Memory of a process in pages; 0 where /proc does not tell. */
async function residentPages(pid: number | undefined): Promise<number> {
  try {
    return Number((await readFile(`/proc/${pid}/statm`, 'latin1')).split(' ')[1])
  } catch {
    return 0
  }
}
