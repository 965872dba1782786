import { type ChildProcessByStdio, spawn } from 'node:child_process'
import type { Readable, Writable } from 'node:stream'
import VideoStream from 'node-rtsp-stream'
import type { LiveViewer } from '../core/ports.ts'
import type { RingListener } from './evidence-ring.ts'
import { coarseSquares } from './masked-clip.ts'
import type { CameraLogger } from './options.ts'

/*
 * The live picture of one camera for people, MPEG-1 in a transport stream as JSMpeg plays it.
 *
 *   idle ──first viewer──▶ running ──last viewer leaves──▶ lingering ──1.5 s──▶ idle
 *                            │ ▲                              │ viewer
 *                     ffmpeg ends │ 1 s … 10 s                └──▶ running
 *                            ▼ │
 *                          waiting
 *
 * It lives on the packets the gateway already receives: no second connection to the camera, no address, no password.
 */

/** Chunks for a viewer with more than this unsent are dropped. */
const largestBacklogBytes = 1024 * 1024
const lingerMs = 1500
/** JSMpeg decodes in JavaScript. */
const widestPicture = 960
const shortestRestartMs = 1000
const longestRestartMs = 10_000

export interface LiveView {
  watch(viewer: LiveViewer): () => void
  readonly viewerCount: number
  readonly isRunning: boolean
  /** Chunks not sent to viewers who read too slowly. */
  readonly droppedChunks: number
  /** Ends the picture for everybody, for good. */
  close(): void
}

export interface LiveViewOptions {
  camera: string
  ffmpegPath: string
  logger: CameraLogger
  /** Hands on the camera's packets from a key picture on; returns the function that ends it. */
  tap(listener: RingListener): () => void
  /** The picture in coarse squares. */
  isMasked?: boolean
}

interface LiveStreamOptions {
  name: string
  ffmpegPath: string
  isMasked: boolean
  onChunk: (chunk: Uint8Array) => void
  onEnd: (error: NodeJS.ErrnoException | undefined) => void
}

/**
 * node-rtsp-stream without its web socket server, which listens on every interface and lets everybody in, and with an
 * ffmpeg of its own: the package's takes no input options, looks at five seconds before the first picture, ends the
 * process when ffmpeg is missing and says nothing when it is killed.
 */
class LiveStream extends VideoStream {
  declare stream: ChildProcessByStdio<Writable, Readable, null>

  constructor({ name, ffmpegPath, isMasked, onChunk, onEnd }: LiveStreamOptions) {
    super({ name, streamUrl: 'pipe:0', ffmpegPath, isMasked })
    this.on('camdata', onChunk)
    let isOver = false
    const end = (error?: NodeJS.ErrnoException) => {
      if (!isOver) onEnd(error)
      isOver = true
    }
    this.stream.once('error', end)
    this.stream.once('exit', () => end())
    this.stream.stdin.on('error', () => {})
  }

  // Called by the constructor of VideoStream.
  override startMpeg1Stream(): this {
    const filters = [
      `scale=w='min(iw,${widestPicture})':h=-2:flags=area`,
      ...(this.options.isMasked ? [coarseSquares] : []),
    ]
    this.stream = spawn(
      this.options.ffmpegPath ?? 'ffmpeg',
      [
        ...['-hide_banner', '-loglevel', 'quiet', '-threads', '1', '-flags', 'low_delay'],
        ...['-probesize', '100000', '-analyzeduration', '100000', '-f', 'mpegts', '-i', 'pipe:0', '-an'],
        ...['-vf', filters.join(','), '-threads', '1'],
        // MPEG-1 knows no 15 pictures per second.
        ...['-c:v', 'mpeg1video', '-r', '25', '-b:v', '1200k', '-bf', '0'],
        ...['-muxdelay', '0', '-muxpreload', '0', '-flush_packets', '1', '-f', 'mpegts', 'pipe:1'],
      ],
      { stdio: ['pipe', 'pipe', 'ignore'] },
    )
    this.stream.stdout.on('data', (chunk: Buffer) => this.emit('camdata', chunk))
    return this
  }

  override pipeStreamToSocketServer(): void {}

  /** @returns false when ffmpeg does not keep up and the rest would only be late */
  feed(packets: Buffer): boolean {
    const { stdin } = this.stream
    if (stdin.destroyed || stdin.writableLength > 4 * largestBacklogBytes) return false
    stdin.write(packets)
    return true
  }

  override stop(): this {
    this.stream.kill('SIGKILL')
    return this
  }
}

/** Behind `Camera.watch`. Starts nothing until somebody watches. */
export function createLiveView(options: LiveViewOptions): LiveView {
  const viewers = new Set<LiveViewer>()
  let live: { stream: LiveStream; untap: () => void } | undefined
  let lingering: NodeJS.Timeout | undefined
  let restarting: NodeJS.Timeout | undefined
  let restarts = 0
  let droppedChunks = 0
  let isClosed = false

  const start = () => {
    restarting = undefined
    const startedAt = performance.now()
    const stream = new LiveStream({
      name: options.camera,
      ffmpegPath: options.ffmpegPath,
      isMasked: options.isMasked ?? false,
      onChunk(chunk) {
        for (const viewer of viewers) {
          if (viewer.bufferedBytes > largestBacklogBytes) droppedChunks++
          else viewer.send(chunk)
        }
      },
      onEnd(error) {
        if (live?.stream !== stream) return
        stop()
        if (error) {
          options.logger.warn({ camera: options.camera, reason: error.code }, 'live view needs ffmpeg: install it')
          for (const viewer of viewers) viewer.close('ffmpeg is missing on the gateway')
          viewers.clear()
          return
        }
        if (performance.now() - startedAt > longestRestartMs) restarts = 0
        restarting = setTimeout(start, Math.min(longestRestartMs, shortestRestartMs * 2 ** restarts++))
      },
    })
    live = { stream, untap: () => {} }
    live.untap = options.tap({
      onPackets(packets) {
        if (!stream.feed(packets)) stream.stop()
      },
      onSessionEnd: () => stream.stop(),
    })
  }

  const stop = () => {
    live?.untap()
    live?.stream.stop()
    live = undefined
    clearTimeout(restarting)
    restarting = undefined
  }

  const leave = (viewer: LiveViewer) => {
    if (!viewers.delete(viewer) || viewers.size > 0) return
    // A page that is reloaded comes back at once.
    lingering = setTimeout(stop, lingerMs)
  }

  return {
    get viewerCount() {
      return viewers.size
    },
    get isRunning() {
      return live !== undefined
    },
    get droppedChunks() {
      return droppedChunks
    },
    watch(viewer) {
      if (isClosed) {
        viewer.close('the gateway is stopping')
        return () => {}
      }
      viewers.add(viewer)
      clearTimeout(lingering)
      if (!live && !restarting) start()
      return () => leave(viewer)
    },
    close() {
      isClosed = true
      clearTimeout(lingering)
      stop()
      for (const viewer of viewers) viewer.close('the gateway is stopping')
      viewers.clear()
    },
  }
}
