import type { Actor } from './alarm.ts'

export type JournalTopic = 'alarm' | 'case' | 'event' | 'audit'

/**
 * One append-only row: the outbox of everything that happened. Console, bridge and audit read it from a cursor.
 * hash = SHA-256 over the row's canonical JSON and previousHash, so that a removed or edited row shows.
 */
export interface JournalEntry {
  /** 1, 2, 3 … without gaps within a site. */
  seq: number
  at: number
  topic: JournalTopic
  /** Id of the alarm or case; camera or device id for events; user id for audit rows. */
  subject: string
  /** The transition's type: `raised`, `acknowledged`, `filed`, `camera-down` … */
  transition: string
  actor: Actor
  /** For alarm rows `{ alarm, transition }`, for case rows `{ case, transition }`, both after the transition. */
  data: Record<string, unknown>
  previousHash: string
  hash: string
}
