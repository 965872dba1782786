import type { EventRow, Store } from './core/ports.ts'

export interface EventNotes {
  note(row: EventRow): void
  /** Writes what waits; call it before the store is closed. */
  flush(): void
}

/** Short against a person's patience, long against the burst of a thousand devices that come back at once. */
const gatherMs = 100

/** Journal rows that nobody acts on, gathered for a moment and written in one transaction: each commit costs a flush to disk. */
export function createEventNotes(options: {
  store: Pick<Store, 'transact'>
  onError(error: unknown, what: string): void
}): EventNotes {
  let waiting: EventRow[] = []
  let timer: NodeJS.Timeout | undefined

  function flush(): void {
    clearTimeout(timer)
    timer = undefined
    const rows = waiting
    waiting = []
    if (rows.length > 0) options.store.transact((transaction) => rows.forEach((row) => void transaction.append(row)))
  }

  return {
    note(row) {
      waiting.push(row)
      timer ??= setTimeout(() => {
        try {
          flush()
        } catch (error) {
          options.onError(error, 'events could not be written')
        }
      }, gatherMs)
    },
    flush,
  }
}
