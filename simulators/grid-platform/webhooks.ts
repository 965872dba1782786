import type { SiteKey } from './api.ts'
import type { Behaviour } from './behaviour.ts'
import { signedHeaders } from './signing.ts'
import type { EventRow, Store } from './store.ts'

/** Tells the sites sooner than they ask. Gives up after a while: polling carries every event anyway. */
export interface WebhookSender {
  /** Sends what is due; false when there was nothing. */
  runOnce(signal: AbortSignal): Promise<boolean>
}

const maxTries = 10

export function createWebhookSender(options: {
  store: Store
  keys(): Record<string, SiteKey>
  behaviour(): Behaviour
  now(): number
}): WebhookSender {
  const { store, now } = options

  async function tell(event: EventRow, keyId: string, key: SiteKey, signal: AbortSignal): Promise<void> {
    const url = new URL(key.webhookUrl ?? '')
    const body = JSON.stringify({ site: event.site, events: [JSON.parse(event.body)] })
    const request = { method: 'POST', path: url.pathname + url.search, body }
    let isTold = false
    try {
      const response = await fetch(url, {
        method: 'POST',
        headers: {
          ...signedHeaders({ keyId, secret: key.secret }, request, now()),
          'content-type': 'application/json',
        },
        body,
        redirect: 'error',
        signal,
      })
      await response.arrayBuffer()
      isTold = response.ok
    } catch {
      // Counted as a try below; the site may simply be away.
    }
    if (!signal.aborted) store.told(event.seq, isTold ? now() : null)
  }

  return {
    async runOnce(signal) {
      if (!options.behaviour().sendsWebhooks || options.behaviour().isAway) return false
      const keys = Object.entries(options.keys()).filter(([, { webhookUrl }]) => webhookUrl !== undefined)
      const events = store.untoldEvents(
        keys.map(([, { site }]) => site),
        maxTries,
      )
      for (const event of events) {
        const [keyId, key] = keys.find(([, { site }]) => site === event.site) ?? []
        if (keyId && key && !signal.aborted) await tell(event, keyId, key, signal)
      }
      return events.length > 0
    },
  }
}
