/** The package brings no types; these are the parts used here. */
declare module 'node-rtsp-stream' {
  import type { ChildProcess } from 'node:child_process'
  import { EventEmitter } from 'node:events'

  export interface VideoStreamOptions {
    name: string
    streamUrl: string
    ffmpegPath?: string
    ffmpegOptions?: Record<string, string | number>
    wsPort?: number
    /** Not the package's: it keeps its options for those who extend it. */
    isMasked?: boolean
  }

  export default class VideoStream extends EventEmitter {
    constructor(options: VideoStreamOptions)
    /** ffmpeg, from the constructor on. */
    stream: ChildProcess
    readonly options: VideoStreamOptions
    startMpeg1Stream(): this
    pipeStreamToSocketServer(): void
    stop(): this
  }
}
