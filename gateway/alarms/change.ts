import { type Actor, type Alarm, type AlarmTransition, applyAlarm, isRefusal, type Refusal } from '../core/alarm.ts'
import type { Store, StoreTransaction } from '../core/ports.ts'
import { refuse } from '../core/refusal.ts'

/** Applies a transition to a stored alarm and stores it with its journal row; says why where it is refused. */
export function changeAlarm(
  store: Store,
  id: string,
  transition: Exclude<AlarmTransition, { type: 'raised' }>,
  by: Actor,
  at: number,
  also?: (transaction: StoreTransaction, alarm: Alarm) => void,
): Alarm | Refusal {
  const current = store.alarm(id)
  if (!current) return refuse('no-alarm', { id })
  const next = applyAlarm(current, transition)
  if (isRefusal(next)) return next
  store.transact((transaction) => {
    transaction.putAlarm(next, transition, by, at)
    also?.(transaction, next)
  })
  return next
}
