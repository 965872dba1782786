declare module '@cycjimmy/jsmpeg-player' {
  interface PlayerOptions {
    canvas?: HTMLCanvasElement
    audio?: boolean
    autoplay?: boolean
    pauseWhenHidden?: boolean
    disableWebAssembly?: boolean
    videoBufferSize?: number
    reconnectInterval?: number
    onVideoDecode?: () => void
    onSourceEstablished?: () => void
  }
  class Player {
    constructor(url: string, options: PlayerOptions)
    destroy(): void
  }
  const JSMpeg: { Player: typeof Player }
  export default JSMpeg
}
