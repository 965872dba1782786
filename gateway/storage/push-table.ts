import type { PushSubscription } from '../core/ports.ts'
import type { Database } from './database.ts'

/** Browsers that people have allowed to wake them. */
export interface PushTable {
  pushSubscriptions(person: string): PushSubscription[]
  /** Adds it, or moves it to another person who uses the browser now. */
  putPushSubscription(person: string, subscription: PushSubscription, at: number): void
  deletePushSubscription(endpoint: string): void
}

/** A person has few browsers; the oldest are forgotten. */
const maxPerPerson = 10

export function createPushTable(database: Database): PushTable {
  const ofPerson = database.prepare(
    'SELECT endpoint, p256dh, auth FROM push_subscription WHERE person = ? ORDER BY created_at DESC',
  )
  const upsert = database.prepare(`
    INSERT INTO push_subscription (endpoint, person, p256dh, auth, created_at) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (endpoint) DO UPDATE SET
      person = excluded.person, p256dh = excluded.p256dh, auth = excluded.auth, created_at = excluded.created_at`)
  const surplus = database.prepare(`
    DELETE FROM push_subscription WHERE endpoint IN
      (SELECT endpoint FROM push_subscription WHERE person = ? ORDER BY created_at DESC LIMIT -1 OFFSET ${maxPerPerson})`)
  const remove = database.prepare('DELETE FROM push_subscription WHERE endpoint = ?')
  return {
    pushSubscriptions: (person) =>
      (ofPerson.all(person) as Array<{ endpoint: string; p256dh: string; auth: string }>).map(
        ({ endpoint, ...keys }) => ({ endpoint, keys }),
      ),
    putPushSubscription(person, { endpoint, keys }, at) {
      upsert.run(endpoint, person, keys.p256dh, keys.auth, Math.round(at))
      surplus.run(person)
    },
    deletePushSubscription: (endpoint) => void remove.run(endpoint),
  }
}
