import { type Static, Type } from 'typebox'
import { CameraStatus } from './camera.ts'
import { Instant } from './instant.ts'
import { JournalEntry } from './journal.ts'

/**
 * What the live feed sends, each as one JSON text message.
 *
 * `hello` first: where the journal stands. Then every entry after the cursor, oldest first, then those that happen.
 * A cursor beyond `lastSeq` means that the journal is not the one the viewer knew (restored from a backup): the feed
 * goes on from `lastSeq` and the viewer loads anew.
 */
export const LiveMessage = Type.Union(
  [
    Type.Object({ type: Type.Literal('hello'), lastSeq: Type.Integer({ minimum: 0 }), serverTime: Instant }),
    Type.Object({ type: Type.Literal('entry'), entry: JournalEntry }),
    Type.Object({ type: Type.Literal('camera'), camera: CameraStatus }),
    Type.Object({ type: Type.Literal('ping'), serverTime: Instant }),
  ],
  { title: 'LiveMessage' },
)
export type LiveMessage =
  | { type: 'hello'; lastSeq: number; serverTime: Instant }
  | { type: 'entry'; entry: JournalEntry }
  | { type: 'camera'; camera: Static<typeof CameraStatus> }
  | { type: 'ping'; serverTime: Instant }

/** Why the server closes a WebSocket. */
export const closeCodes = {
  /** The gateway stops or restarts: come back. */
  goingAway: 1001,
  /** What was shown stopped, e.g. the camera went away: try again later. */
  tryAgain: 1012,
  /** The viewer reads too slowly: come back with the last seq it saw. */
  tooSlow: 1013,
  /** The session ended: log in again. */
  sessionEnded: 4401,
} as const
