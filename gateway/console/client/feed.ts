import type { LiveMessage } from '../../api/schemas/index.ts'

export interface FeedOptions {
  url(after: number | undefined): string
  onMessage(message: LiveMessage): void
  onState(isConnected: boolean): void
  onSessionEnded(): void
}

export interface Feed {
  start(): void
  stop(): void
}

/** Nothing for this long, though the gateway pings every 5 s: the line is dead, whatever the browser thinks. */
const silentMs = 12_000
const firstRetryMs = 500
const lastRetryMs = 10_000
const sessionEnded = 4401

/**
 * The live feed, resumed by sequence number after every loss:
 *
 *   stopped ──start──▶ connecting ──hello──▶ connected ──lost, silent──▶ waiting ──▶ connecting (after=last seq)
 */
export function createFeed(options: FeedOptions): Feed {
  let socket: WebSocket | undefined
  let lastSeq: number | undefined
  let attempt = 0
  let timer: number | undefined
  let watchdog: number | undefined
  let isStopped = true

  function connect(): void {
    const current = new WebSocket(options.url(lastSeq))
    socket = current
    const heard = () => {
      window.clearTimeout(watchdog)
      watchdog = window.setTimeout(() => current.close(), silentMs)
    }
    heard()
    current.onmessage = ({ data }) => {
      heard()
      const message = JSON.parse(data) as LiveMessage
      if (message.type === 'hello') {
        attempt = 0
        options.onState(true)
        lastSeq ??= message.lastSeq
      } else if (message.type === 'entry') lastSeq = message.entry.seq
      options.onMessage(message)
    }
    current.onclose = ({ code }) => {
      window.clearTimeout(watchdog)
      if (current !== socket || isStopped) return
      options.onState(false)
      if (code === sessionEnded) return options.onSessionEnded()
      const ceiling = Math.min(lastRetryMs, firstRetryMs * 2 ** attempt++)
      timer = window.setTimeout(connect, firstRetryMs + Math.random() * ceiling)
    }
  }

  return {
    start() {
      if (!isStopped) return
      isStopped = false
      connect()
    },
    stop() {
      isStopped = true
      window.clearTimeout(timer)
      window.clearTimeout(watchdog)
      socket?.close()
      lastSeq = undefined
    },
  }
}
