import type { Actor } from '../core/alarm.ts'
import type { Store } from '../core/ports.ts'

/** Looking at the same thing again within this time is the same look: a player asks for a clip in many ranges. */
const sameLookMs = 10 * 60_000
const maxLooks = 2000

export interface Audit {
  /** One row; `data` carries no secrets. */
  write(transition: string, subject: string, actor: Actor, data?: Record<string, unknown>): void
  /** One row per person, thing and ten minutes. */
  look(transition: string, subject: string, actor: Actor, data: Record<string, unknown> & { id: string }): void
}

/** Who signed in, who changed an account, who saw what: rows of the journal's audit topic. */
export function createAudit(store: Store, now: () => number): Audit {
  const looks = new Map<string, number>()
  const write: Audit['write'] = (transition, subject, actor, data = {}) => {
    store.transact((transaction) => transaction.append({ topic: 'audit', at: now(), subject, transition, actor, data }))
  }
  return {
    write,
    look(transition, subject, actor, data) {
      const key = [transition, actor.type, actor.id, data.id].join(' ')
      const at = now()
      const last = looks.get(key)
      if (last !== undefined && at - last < sameLookMs) return
      looks.delete(key)
      looks.set(key, at)
      if (looks.size > maxLooks) looks.delete(looks.keys().next().value!)
      write(transition, subject, actor, data)
    },
  }
}
