import { createHash } from 'node:crypto'
import type { Notifier, PushedReceipt, ReceiptInbox } from './core/ports.ts'

/** Takes what providers push, and counts it. @param receive tells whether the receipt is of a message of ours */
export function createReceiptInbox(
  notifiers: readonly Notifier[],
  receive: (notifier: string, receipt: PushedReceipt) => boolean,
): ReceiptInbox & { counts(): Record<'taken' | 'unknown' | 'unreadable', number> } {
  const readers = new Map(notifiers.flatMap(({ id, receipts }) => (receipts ? [[id, receipts] as const] : [])))
  const counts = { taken: 0, unknown: 0, unreadable: 0 }
  return {
    secretHashes: new Map(
      [...readers].map(([id, { secret }]) => [id, createHash('sha256').update(secret).digest('hex')]),
    ),
    take(notifier, body) {
      const pushed = readers.get(notifier)?.read(body) ?? []
      if (pushed.length === 0) counts.unreadable++
      for (const receipt of pushed) counts[receive(notifier, receipt) ? 'taken' : 'unknown']++
    },
    counts: () => ({ ...counts }),
  }
}
