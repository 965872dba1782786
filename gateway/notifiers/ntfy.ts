import { type Static, Type } from 'typebox'
import { type Severity, severities } from '../core/alarm.ts'
import { recipientError, tell } from '../core/channel-words.ts'
import { postJson, requireSuccess } from './http.ts'
import { defineNotifier, SecretReference, textOf, titleOf } from './notifier.ts'

const Options = Type.Object(
  {
    url: Type.String({ pattern: '^https?://', description: 'The ntfy server, e.g. https://ntfy.example.org.' }),
    token: Type.Optional(SecretReference),
    perMinute: Type.Integer({ minimum: 1, default: 60, description: 'Messages the server takes from us per minute.' }),
  },
  { additionalProperties: false },
)
type Options = Static<typeof Options>

const priorities: Record<Severity, number> = { informational: 1, low: 2, medium: 3, high: 4, critical: 5 }

/** ntfy (docs.ntfy.sh/publish): the address is the topic; the link is both what a tap opens and a button. */
export const ntfy = defineNotifier<Options>({
  kind: 'ntfy',
  options: Options,
  create(options, context) {
    return {
      id: context.id,
      channel: 'ntfy',
      limits: [{ count: options.perMinute, perMs: 60_000 }],
      // The server turns longer texts into an attachment.
      maxBytes: 4000,
      async send(messages, { person, address }, signal) {
        if (!address) throw recipientError('without-topic', { person, channel: context.id }, { hint: 'write-topic' })
        const [first] = messages
        const severity = severities[Math.max(...messages.map((message) => severities.indexOf(message.severity)))]!
        const label = first.language === 'en' ? 'Answer' : '答复'
        const answer = await postJson(
          context.fetch ?? fetch,
          options.url,
          {
            topic: address,
            title: titleOf(messages),
            message: textOf(messages),
            priority: priorities[severity],
            tags: [severity === 'critical' ? 'rotating_light' : 'warning'],
            ...(messages.length === 1 && first.link
              ? { click: first.link, actions: [{ action: 'view', label, url: first.link }] }
              : {}),
          },
          signal,
          options.token ? { authorization: `Bearer ${context.secret(options.token)}` } : {},
        )
        requireSuccess('ntfy', answer)
        const { id } = (answer.json ?? {}) as { id?: string }
        return { acceptedAt: context.now(), ...tell('taken', { by: 'ntfy' }), ...(id ? { reference: id } : {}) }
      },
    }
  },
})
