import { type Static, Type } from 'typebox'
import webPushLibrary from 'web-push'
import { channelError, recipientError, tell } from '../core/channel-words.ts'
import type { PushSubscription } from '../core/ports.ts'
import { request } from './http.ts'
import { defineNotifier, SecretReference, textOf, titleOf } from './notifier.ts'

const Options = Type.Object(
  {
    subject: Type.String({
      pattern: '^(mailto:|https://)',
      description: 'Whom the push service may write to, e.g. mailto:it@example.org.',
    }),
    publicKey: Type.String({
      pattern: '^[A-Za-z0-9_-]{87}$',
      description: 'VAPID key, as `npx web-push generate-vapid-keys` prints it.',
    }),
    privateKey: SecretReference,
  },
  { additionalProperties: false },
)
type Options = Static<typeof Options>

/** A phone that was off for longer than this need not ring. */
const keptSeconds = 3600

/**
 * Web Push (RFC 8030, 8291, 8292) to every browser a person has allowed. Reaches phones only where their push service
 * can be reached, so it is never the only channel: many Android phones in China have none.
 */
export const webPush = defineNotifier<Options>({
  kind: 'web-push',
  options: Options,
  create(options, context) {
    async function push(subscription: PushSubscription, payload: string, topic: string, signal: AbortSignal) {
      const { endpoint, headers, body } = webPushLibrary.generateRequestDetails(subscription, payload, {
        TTL: keptSeconds,
        urgency: 'high',
        topic,
        contentEncoding: 'aes128gcm',
        vapidDetails: {
          subject: options.subject,
          publicKey: options.publicKey,
          privateKey: context.secret(options.privateKey),
        },
      })
      const { 'Content-Length': _, ...sent } = headers as Record<string, string>
      const { status } = await request(context.fetch ?? fetch, endpoint, {
        headers: Object.fromEntries(Object.entries(sent).map(([name, value]) => [name, String(value)])),
        body: new Uint8Array(body as Buffer),
        signal,
      })
      if (status === 404 || status === 410) context.subscriptions.remove(endpoint)
      return status
    }

    return {
      id: context.id,
      channel: 'web-push',
      limits: [],
      // 4096 bytes of the encrypted record, less its header, in JSON.
      maxBytes: 2800,
      async send(messages, { person }, signal) {
        const subscriptions = context.subscriptions.of(person)
        if (subscriptions.length === 0) throw recipientError('without-browser', { person }, { hint: 'allow-browser' })
        const [{ alarm, person: elder, severity, language, link }] = messages
        const text = messages.length === 1 ? messages[0].text : textOf(messages)
        // The console's service worker shows it, and knows the page to open.
        const payload = JSON.stringify({
          ...{ title: titleOf(messages), text, alarm, severity, language },
          ...(elder === undefined || messages.length > 1 ? {} : { elder }),
          ...(link && messages.length === 1 ? { link } : {}),
        })
        // Of one alarm the newest message replaces the older in the service's store.
        const topic = alarm.replace(/[^A-Za-z0-9_-]/g, '').slice(-32)
        const outcomes = await Promise.allSettled(
          subscriptions.map((subscription) => push(subscription, payload, topic, signal)),
        )
        const statuses = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []))
        const accepted = statuses.filter((status) => status >= 200 && status < 300).length
        if (accepted > 0)
          return { acceptedAt: context.now(), ...tell('browsers', { accepted, all: subscriptions.length }) }
        const failure = outcomes.find((outcome) => outcome.status === 'rejected')
        if (failure) throw failure.reason
        const isGone = statuses.every((status) => status === 404 || status === 410)
        throw channelError(
          'no-push-service',
          { said: statuses.join(', ') },
          {
            retryable: statuses.some((status) => status === 429 || status >= 500),
            hint: isGone ? 'allow-anew' : 'check-vapid',
          },
        )
      },
    }
  },
})
