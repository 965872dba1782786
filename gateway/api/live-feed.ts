import { setImmediate } from 'node:timers/promises'
import type { WebSocket } from 'ws'
import type { JournalEntry } from '../core/journal.ts'
import type { CameraStatus, Store } from '../core/ports.ts'
import type { ApiLimits } from './options.ts'
import { entryWithoutPerson } from './redact.ts'
import { cameraStatusToWire, closeCodes, entryToWire, type LiveMessage, toInstant } from './schemas/index.ts'

/** Entries read from the store at once while a viewer catches up. */
const pageSize = 200
/** While catching up, wait for the network above this: the store keeps what the network cannot take. */
const catchUpUnsentBytes = 256 * 1024
/** A viewer that takes longer to accept that much is too slow. */
const flushWithinMs = 30_000

export interface LiveFeed {
  /** Sends everything after the cursor, then what happens; undefined starts now. */
  attach(socket: WebSocket, after: number | undefined, isBridge?: boolean): void
  readonly viewers: number
  /** Viewers closed because they read too slowly. */
  readonly closedSlow: number
  close(): void
}

/**
 * The journal as a feed. A viewer is in one of two states:
 *
 *   catching up ──an empty page──▶ following      pages from the store, at the viewer's pace
 *   following ──an entry that is not the next──▶ catching up      entries as they are committed
 *
 * `cursor` is the last seq sent; only cursor + 1 is ever sent next, so there is neither gap nor duplicate. The store
 * is synchronous: between reading an empty page and following, nothing can be appended.
 */
export function createLiveFeed(options: {
  store: Store
  onCameraStatus(listener: (status: CameraStatus) => void): () => void
  now(): number
  limits: Pick<ApiLimits, 'pingMs' | 'maxUnsentBytes'>
}): LiveFeed {
  const { store, now, limits } = options
  interface Viewer {
    socket: WebSocket
    cursor: number
    isCatchingUp: boolean
    /** Is not shown whom an alarm concerns. */
    isBridge: boolean
  }
  const viewers = new Set<Viewer>()
  let closedSlow = 0

  const closeSlow = (viewer: Viewer) => {
    if (!viewers.delete(viewer)) return
    closedSlow++
    viewer.socket.close(closeCodes.tooSlow, 'reads too slowly; come back with the last seq')
  }
  const sendText = (viewer: Viewer, text: string) => {
    if (viewer.socket.bufferedAmount > limits.maxUnsentBytes) closeSlow(viewer)
    else viewer.socket.send(text)
  }
  const text = (message: LiveMessage) => JSON.stringify(message)
  const entryText = (entry: JournalEntry, isBridge: boolean) => {
    const wire = entryToWire(entry)
    return text({ type: 'entry', entry: isBridge ? entryWithoutPerson(wire) : wire })
  }

  /** Resolves when what is buffered has gone to the network, or the socket is closed, or too much time has passed. */
  const flushed = (viewer: Viewer) =>
    new Promise<void>((resolve) => {
      const timer = setTimeout(() => {
        closeSlow(viewer)
        resolve()
      }, flushWithinMs)
      const done = () => {
        clearTimeout(timer)
        resolve()
      }
      viewer.socket.once('close', done)
      // A ping is the smallest frame; its callback runs once everything before it was written.
      viewer.socket.ping(undefined, undefined, () => {
        viewer.socket.off('close', done)
        done()
      })
    })

  const catchUp = async (viewer: Viewer) => {
    viewer.isCatchingUp = true
    while (viewers.has(viewer)) {
      const page = store.journal({ after: viewer.cursor, limit: pageSize })
      if (page.length === 0) {
        viewer.isCatchingUp = false
        return
      }
      for (const entry of page) {
        sendText(viewer, entryText(entry, viewer.isBridge))
        viewer.cursor = entry.seq
        if (viewer.socket.bufferedAmount > catchUpUnsentBytes) await flushed(viewer)
        if (!viewers.has(viewer)) return
      }
      await setImmediate()
    }
  }
  const follow = (viewer: Viewer) => {
    catchUp(viewer).catch(() => {
      viewers.delete(viewer)
      viewer.socket.close(1011, 'the journal could not be read')
    })
  }

  const endAppend = store.onAppend((entry) => {
    const lines = new Map<boolean, string>()
    for (const viewer of viewers) {
      if (viewer.isCatchingUp || entry.seq <= viewer.cursor) continue
      if (entry.seq === viewer.cursor + 1) {
        const line = lines.get(viewer.isBridge) ?? entryText(entry, viewer.isBridge)
        lines.set(viewer.isBridge, line)
        viewer.cursor = entry.seq
        sendText(viewer, line)
      } else follow(viewer)
    }
  })
  const endStatus = options.onCameraStatus((status) => {
    const line = text({ type: 'camera', camera: cameraStatusToWire(status) })
    for (const viewer of viewers) sendText(viewer, line)
  })
  const timer = setInterval(() => {
    const line = text({ type: 'ping', serverTime: toInstant(now()) })
    for (const viewer of viewers) sendText(viewer, line)
  }, limits.pingMs)

  return {
    get viewers() {
      return viewers.size
    },
    get closedSlow() {
      return closedSlow
    },
    attach(socket, after, isBridge = false) {
      const { lastSeq } = store
      const viewer: Viewer = { socket, cursor: Math.min(after ?? lastSeq, lastSeq), isCatchingUp: false, isBridge }
      viewers.add(viewer)
      socket.on('close', () => viewers.delete(viewer))
      sendText(viewer, text({ type: 'hello', lastSeq, serverTime: toInstant(now()) }))
      follow(viewer)
    },
    close() {
      clearInterval(timer)
      endAppend()
      endStatus()
      viewers.clear()
    },
  }
}
