import type { PushSubscription } from '../core/ports.ts'
import type { Database } from './database.ts'

/** Browsers that the holders of accounts have allowed to wake them. */
export interface PushTable {
  /** Of every open account of this person. */
  pushSubscriptions(person: string): PushSubscription[]
  /** Adds it, or moves it to another account that uses the browser now. False where it was this account's already. */
  putPushSubscription(account: string, subscription: PushSubscription, at: number): boolean
  /** Whether it was there. */
  deletePushSubscription(endpoint: string): boolean
}

/** A person has few browsers; the oldest are forgotten. */
const maxPerAccount = 10

export function createPushTable(database: Database): PushTable {
  const ofPerson = database.prepare(`
    SELECT endpoint, p256dh, auth FROM push_subscription JOIN user ON user.id = account
    WHERE person = ? AND is_disabled = 0 ORDER BY push_subscription.created_at DESC`)
  const upsert = database.prepare(`
    INSERT INTO push_subscription (endpoint, account, p256dh, auth, created_at) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (endpoint) DO UPDATE SET
      account = excluded.account, p256dh = excluded.p256dh, auth = excluded.auth, created_at = excluded.created_at
    WHERE account <> excluded.account OR p256dh <> excluded.p256dh OR auth <> excluded.auth`)
  const surplus = database.prepare(`
    DELETE FROM push_subscription WHERE endpoint IN
      (SELECT endpoint FROM push_subscription WHERE account = ? ORDER BY created_at DESC LIMIT -1 OFFSET ${maxPerAccount})`)
  const remove = database.prepare('DELETE FROM push_subscription WHERE endpoint = ?')
  return {
    pushSubscriptions: (person) =>
      (ofPerson.all(person) as Array<{ endpoint: string; p256dh: string; auth: string }>).map(
        ({ endpoint, ...keys }) => ({ endpoint, keys }),
      ),
    putPushSubscription(account, { endpoint, keys }, at) {
      const isNew = upsert.run(endpoint, account, keys.p256dh, keys.auth, Math.round(at)).changes > 0
      surplus.run(account)
      return isNew
    },
    deletePushSubscription: (endpoint) => remove.run(endpoint).changes > 0,
  }
}
