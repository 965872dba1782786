import { type Actor, applyAlarm, isRefusal } from '../core/alarm.ts'
import type { Receipt } from '../core/escalation.ts'
import type { Store } from '../core/ports.ts'

const system: Actor = { type: 'system', id: 'gateway' }
/** Receipts that come together are one commit: a storm's must not hold up its alarms. */
const gatherMs = 25

/** Writes on alarms what became of their messages. */
export function createReceiptBook(store: Store, now: () => number, onError: (error: unknown, what: string) => void) {
  const gathered = new Map<string, Receipt[]>()
  let timer: NodeJS.Timeout | undefined
  let isClosed = false

  function write(): void {
    timer = undefined
    const batch = [...gathered]
    gathered.clear()
    const at = now()
    try {
      store.transact((transaction) => {
        for (const [id, receipts] of batch) {
          const alarm = store.alarm(id)
          const transition = { type: 'receipts', at, receipts } as const
          const next = alarm && applyAlarm(alarm, transition)
          if (next && !isRefusal(next)) transaction.putAlarm(next, transition, system, at)
        }
      })
    } catch (error) {
      onError(error, 'receipts of messages could not be stored')
    }
  }

  return {
    add(alarm: string, receipt: Receipt): void {
      if (isClosed) return
      gathered.set(alarm, [...(gathered.get(alarm) ?? []), receipt])
      timer ??= setTimeout(write, gatherMs)
    },
    /** Writes what waits; nothing is taken afterwards. */
    close(): void {
      isClosed = true
      clearTimeout(timer)
      if (gathered.size > 0) write()
    },
  }
}
