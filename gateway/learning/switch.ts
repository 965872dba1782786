import type { Actor } from '../core/alarm.ts'
import type { LearningStore, LearningSwitch } from '../core/learning.ts'
import type { Store } from '../core/ports.ts'

export interface SwitchOptions {
  store: Pick<LearningStore, 'putSwitch' | 'switches'>
  journal: Pick<Store, 'transact'>
  now(): number
}

export interface Switch {
  /** What runs; undefined while off. */
  version(): number | undefined
  /** What ran before the present version came on by any other way than by rolling back; undefined for off. */
  before(): number | undefined
  /** A person switched it off or rolled it back: only a person switches it on again. */
  isHeld(): boolean
  turn(version: number | undefined, by: Actor | 'gateway', reason: LearningSwitch['reason']): void
  audit(transition: string, by: Actor, data: Record<string, unknown>): void
}

const remembered = 200

/** The switch of what a site has learned. Every turn is a row and a line of the journal. */
export function createSwitch({ store, journal, now }: SwitchOptions): Switch {
  function write(transition: string, by: Actor | 'gateway', data: Record<string, unknown>): void {
    const actor: Actor = by === 'gateway' ? { type: 'system', id: 'gateway' } : by
    const topic = by === 'gateway' ? 'event' : 'audit'
    journal.transact((transaction) =>
      transaction.append({ topic, at: now(), subject: 'learning', transition, actor, data }),
    )
  }
  const version = () => store.switches(1)[0]?.version

  return {
    version,
    before() {
      const turns = store.switches(remembered)
      const current = turns[0]?.version
      const came = turns.findIndex((turn) => turn.version === current && turn.reason !== 'rolled-back')
      return came < 0 ? undefined : turns.slice(came + 1).find((turn) => turn.version !== current)?.version
    },
    isHeld() {
      const [newest] = store.switches(1)
      if (!newest) return false
      return newest.reason === 'rolled-back' || (newest.reason === 'person' && newest.version === undefined)
    },
    turn(wanted, by, reason) {
      const from = version()
      if (from === wanted && by === 'gateway') return
      const id = by === 'gateway' ? by : by.id
      store.putSwitch({ at: now(), by: id, reason, ...(wanted === undefined ? {} : { version: wanted }) })
      write(wanted === undefined ? 'learning-off' : 'learning-on', by, {
        reason,
        ...(from === undefined ? {} : { from }),
        ...(wanted === undefined ? {} : { version: wanted }),
      })
    },
    audit: (transition, by, data) => write(transition, by, data),
  }
}
