import type { Phrase } from '../core/alarm.ts'

/** A message that nobody understood, or not whole; alike ones are counted together. */
export interface NotUnderstood {
  topic: string
  /** What was expected and what came, for an integrator. */
  reason: string
  /** The same for translation. */
  phrase: Phrase
  /** Particulars of the newest, which differ from one to the next: the value that was refused. */
  detail?: string
  /** The device of the site file it came from, where that is known. */
  device?: string
  count: number
  /** Epoch ms. */
  firstAt: number
  lastAt: number
  /** Of the newest payload: its length, and its beginning. */
  bytes: number
  beginning: Uint8Array
}

/** Why messages were not understood: a bounded list for integrators instead of a line in the log for each. */
export interface Inspector {
  note(
    entry: Pick<NotUnderstood, 'topic' | 'reason' | 'phrase' | 'detail' | 'device'> & {
      payload: Uint8Array
      at: number
    },
  ): void
  /** Newest first. */
  list(): NotUnderstood[]
}

const defaultCapacity = 200
/** Enough to see what it is; a whole payload may be 256 KB. */
const shownBytes = 256
const maxTextLength = 400

function shortened(phrase: Phrase): Phrase {
  const entries = Object.entries(phrase).map(([name, value]) => [
    name,
    typeof value === 'string' ? value.slice(0, maxTextLength) : value,
  ])
  return { ...Object.fromEntries(entries), key: phrase.key }
}

/** Keeps the `capacity` newest kinds of misunderstanding; the one longest not seen goes first. */
export function createInspector(capacity = defaultCapacity): Inspector {
  /** By topic and reason, in the order of the newest occurrence. */
  const entries = new Map<string, NotUnderstood>()
  return {
    note({ topic, reason, phrase, detail, device, payload, at }) {
      const shortReason = reason.slice(0, maxTextLength)
      const key = `${topic}\0${shortReason}`
      const before = entries.get(key)
      entries.delete(key)
      entries.set(key, {
        topic,
        reason: shortReason,
        phrase: shortened(phrase),
        count: (before?.count ?? 0) + 1,
        firstAt: before?.firstAt ?? at,
        lastAt: at,
        bytes: payload.length,
        // A copy: the payload is a window into a buffer of the connection.
        beginning: Uint8Array.from(payload.subarray(0, shownBytes)),
        ...(detail === undefined ? {} : { detail: detail.slice(0, maxTextLength) }),
        ...(device === undefined ? {} : { device }),
      })
      if (entries.size > capacity) entries.delete(entries.keys().next().value!)
    },
    list: () => [...entries.values()].reverse(),
  }
}
