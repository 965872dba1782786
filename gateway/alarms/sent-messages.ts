import type { Store } from '../core/ports.ts'

/** A message that a channel took. */
export interface SentMessage {
  alarm: string
  notice: string
  person: string
}

/** Providers tell of messages within minutes, at the latest when a telephone is switched on again. */
const keptMs = 24 * 3600_000
/** A storm of messages to a thousand people; beyond it the oldest are forgotten, and their receipts with them. */
const maxKept = 10_000
/** Of alarms before the start, read once. */
const maxRead = 500

/** Which messages the numbers of providers stand for; those sent before a restart are read from their alarms. */
export function createSentMessages(store: Pick<Store, 'alarms'>, now: () => number) {
  /** By channel and number, the longest known first. A call or text of a storm tells of several alarms. */
  const sent = new Map<string, SentMessage[]>()
  let isRead = false

  const keyOf = (notifier: string, reference: string) => `${notifier}\0${reference}`

  function add(notifier: string, reference: string, message: SentMessage): void {
    const key = keyOf(notifier, reference)
    const known = sent.get(key) ?? []
    if (known.some(({ alarm, notice }) => alarm === message.alarm && notice === message.notice)) return
    sent.set(key, [...known, message])
    if (sent.size > maxKept) sent.delete(sent.keys().next().value!)
  }

  function readBefore(): void {
    isRead = true
    for (const { id, told = [] } of store.alarms({ since: now() - keptMs, limit: maxRead }).items)
      for (const { reference, notifier, id: notice, person } of told)
        if (reference) add(notifier, reference, { alarm: id, notice, person })
  }

  return {
    add,
    /** Empty where the number is none of ours. */
    find(notifier: string, reference: string): readonly SentMessage[] {
      const found = sent.get(keyOf(notifier, reference))
      if (found) return found
      if (!isRead) readBefore()
      return sent.get(keyOf(notifier, reference)) ?? []
    },
  }
}
