import { fileURLToPath } from 'node:url'
import type { CameraStatus, Frame } from '../core/ports.ts'

/** One camera of the site. Milliseconds and bytes as the names say. */
export interface CameraOptions {
  id: string
  /** `rtsp://` or `rtsps://` (evidence, and analysis where there is no `subUrl`), or `file:` to play a video file. */
  url: string
  /** Smaller stream of the same camera for analysis and live view. */
  subUrl?: string
  /** Kept apart from the URL so that a site file names no secret. They take the place of any in the URL. */
  username?: string
  password?: string
  analysis?: {
    /** Pictures per second handed on; `'all'` for every one. Default 5. */
    fps?: number | 'all'
    /** Pictures are scaled down to fit, never up; sides are even. Default 640 × 360. */
    width?: number
    height?: number
    /** Pictures wider than this are taken at half their width; then the bounds above. Default: none are. */
    halveAbove?: number
    /**
     * `'fast'` leaves out the codec's smoothing of block edges: about a fifth less to decode, and slightly blocky
     * pictures for the detector. Evidence is not touched. Default `'exact'`.
     */
    decoding?: 'exact' | 'fast'
    /**
     * While `Camera.rest` says that there is nothing to see, and the stream allows it, few pictures are decoded. Only
     * for RTSP. Default false.
     */
    mayRest?: boolean
    /**
     * Pictures in memory at once: the one being read, the newest (for snapshots), and those somebody looks at or soon
     * will. Where every picture counts, more of them bridge longer pauses of the machine. Default 5: one in
     * inference, one waiting for it, one spare.
     */
    heldPictures?: number
  }
  evidence?: {
    /** How far back a clip can reach; at least 20 000. Default 25 000. */
    ringMs?: number
    /** Bound of one stream's ring, whatever the camera sends. Default 48 MiB. */
    maxBytes?: number
  }
  /** No picture for this long counts as a failure. Default 10 000. */
  stallMs?: number
  /** Delay between attempts, full jitter. Default 1 000 to 60 000. */
  backoff?: { minMs: number; maxMs: number }
  /** Only for `file:`: in real time, or as fast as the pictures are taken without losing one. Default `'real'`. */
  pace?: 'real' | 'fast'
  /** Only for `file:`: start over at the end. Default false. */
  loop?: boolean
  /** A reader that holds more memory than this is killed. Default 512 MiB. */
  readerMemoryBytes?: number
}

/** What a camera needs from the program around it. */
export interface CameraContext {
  /** Takes each analysed picture; returns at once. Whoever keeps the frame retains it. */
  onFrame(frame: Frame): void
  /** Once per change of state. */
  onStatus?(status: CameraStatus): void
  now(): number
  /** Uniform in [0, 1). */
  random(): number
  logger: CameraLogger
  /** Default `ffmpeg`, from the PATH. */
  ffmpegPath?: string
}

/** The part of pino's logger that is used here. */
export interface CameraLogger {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
}

/** Options with every default filled in, and inputs instead of URLs. */
export interface CameraPlan {
  id: string
  analysed: StreamInput
  /** Present when evidence comes from a stream of its own. */
  main?: StreamInput
  pictures: PictureOptions
  mayRest: boolean
  heldPictures: number
  ring: { maxMs: number; maxBytes: number }
  stallMs: number
  backoff: { minMs: number; maxMs: number }
  readerMemoryBytes: number
}

export interface PictureOptions {
  fps: number | 'all'
  width: number
  height: number
  halveAbove?: number
  decoding: 'exact' | 'fast'
}

/** Where a stream comes from. */
export type StreamInput =
  | { type: 'rtsp'; url: string; secrets: readonly string[] }
  | { type: 'file'; path: string; pace: 'real' | 'fast'; isLooped: boolean }
  /** What a reader delivers, on standard input. `mayBeLarge`: pictures beyond what can be decoded without delay. */
  | { type: 'packets'; mayBeLarge: boolean }

const shortestRingMs = 20_000

/**
 * Fills in defaults and checks what cannot work.
 * @throws Error that names the camera and the cure
 */
export function planCamera(options: CameraOptions): CameraPlan {
  const { id, analysis = {}, evidence = {} } = options
  const width = analysis.width ?? 640
  const height = analysis.height ?? 360
  const fps = analysis.fps ?? 5
  for (const [name, value] of [['width', width] as const, ['height', height] as const]) {
    if (!Number.isInteger(value) || value < 16 || value > 4096) {
      throw new Error(`camera ${id}: analysis.${name} is ${value}; it must be a whole number from 16 to 4096`)
    }
  }
  if (fps !== 'all' && !(fps > 0 && fps <= 100)) {
    throw new Error(`camera ${id}: analysis.fps is ${fps}; it must be above 0 and at most 100`)
  }
  const heldPictures = analysis.heldPictures ?? 5
  if (!Number.isInteger(heldPictures) || heldPictures < 3 || heldPictures > 100) {
    throw new Error(`camera ${id}: analysis.heldPictures is ${heldPictures}; it must be a whole number from 3 to 100`)
  }
  const ringMs = evidence.ringMs ?? 25_000
  if (!(ringMs >= shortestRingMs)) {
    throw new Error(`camera ${id}: evidence.ringMs is ${ringMs}; a clip needs at least ${shortestRingMs}`)
  }
  const url = streamInput(options, options.url)
  const sub = options.subUrl === undefined || options.subUrl === options.url ? undefined : options.subUrl
  const analysed = sub === undefined ? url : streamInput(options, sub)
  return {
    ...{ id, analysed, mayRest: analysis.mayRest === true && analysed.type === 'rtsp', heldPictures },
    ...(sub === undefined ? {} : { main: url }),
    pictures: {
      ...{ fps, decoding: analysis.decoding ?? 'exact' },
      ...{ width: width - (width % 2), height: height - (height % 2) },
      ...(analysis.halveAbove === undefined ? {} : { halveAbove: analysis.halveAbove }),
    },
    ring: { maxMs: ringMs, maxBytes: evidence.maxBytes ?? 48 * 1024 * 1024 },
    stallMs: options.stallMs ?? 10_000,
    backoff: options.backoff ?? { minMs: 1000, maxMs: 60_000 },
    readerMemoryBytes: options.readerMemoryBytes ?? 512 * 1024 * 1024,
  }
}

function streamInput(options: CameraOptions, url: string): StreamInput {
  const { id, username, password } = options
  // Line breaks would end the line of the script that hands the URL to ffmpeg.
  if (/\p{Cc}/u.test(url)) throw new Error(`camera ${id}: its URL contains a control character`)
  if (url.startsWith('file:')) {
    return { type: 'file', path: fileURLToPath(url), pace: options.pace ?? 'real', isLooped: options.loop ?? false }
  }
  const match = url.match(/^(rtsps?:\/\/)(?:([^@/]*)@)?([^@/]+)(\/.*)?$/i)
  if (!match) throw new Error(`camera ${id}: its URL must begin with rtsp://host, rtsps://host or file:///path`)
  const [, scheme, inUrl, host, path = '/'] = match
  const own = username === undefined ? undefined : `${encode(username)}:${encode(password ?? '')}`
  const credentials = own ?? inUrl
  const parts = credentials?.split(':') ?? []
  // In every spelling in which ffmpeg may repeat them.
  const secrets = [credentials ?? '', parts.slice(1).join(':'), decode(parts.slice(1).join(':')), password ?? '']
  return {
    type: 'rtsp',
    url: `${scheme}${credentials ? `${credentials}@` : ''}${host}${path}`,
    secrets: [...new Set(secrets)].filter((secret) => secret.length > 0).sort((a, b) => b.length - a.length),
  }
}

/** encodeURIComponent leaves `'` alone, which ends a quoted word of an ffconcat script. */
function encode(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`)
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
