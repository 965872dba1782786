import { createHash, createHmac } from 'node:crypto'
import { type Static, Type } from 'typebox'
import { tell } from '../core/channel-words.ts'
import { request, requireSuccess } from './http.ts'
import { defineNotifier, type NotifierContext, SecretReference } from './notifier.ts'

const Options = Type.Object(
  {
    url: Type.String({ pattern: '^https?://' }),
    secret: SecretReference,
    perMinute: Type.Integer({ minimum: 1, default: 600, description: 'Messages the receiver takes per minute.' }),
  },
  { additionalProperties: false },
)
type Options = Static<typeof Options>

/** What `X-GridGate-Signature` holds after `v1=`: hex HMAC-SHA256 over `timestamp "." body`. @param timestamp epoch s */
export function webhookSignature(timestamp: number, body: string, secret: string): string {
  return createHmac('sha256', secret).update(`${timestamp}.${body}`).digest('hex')
}

/** POST of JSON with `X-GridGate-Timestamp`, `X-GridGate-Signature` and `Idempotency-Key` (SHA-256 of the body). */
export async function postSigned(
  url: string,
  content: unknown,
  secret: string,
  context: Pick<NotifierContext, 'now' | 'fetch'>,
  signal: AbortSignal,
): Promise<{ reference?: string }> {
  const body = JSON.stringify(content)
  const timestamp = Math.floor(context.now() / 1000)
  const answer = await request(context.fetch ?? fetch, url, {
    headers: {
      'content-type': 'application/json; charset=utf-8',
      'x-gridgate-timestamp': String(timestamp),
      'x-gridgate-signature': `v1=${webhookSignature(timestamp, body, secret)}`,
      'idempotency-key': createHash('sha256').update(body).digest('hex'),
    },
    body,
    signal,
  })
  requireSuccess(new URL(url).host, answer)
  const { id } = (answer.json ?? {}) as { id?: unknown }
  return typeof id === 'string' ? { reference: id } : {}
}

/** Any program that takes signed JSON; the address, where there is one, is handed on as `to`. */
export const webhook = defineNotifier<Options>({
  kind: 'webhook',
  options: Options,
  create(options, context) {
    return {
      id: context.id,
      channel: 'webhook',
      limits: [{ count: options.perMinute, perMs: 60_000 }],
      maxBytes: 60_000,
      async send(messages, { person, address }, signal) {
        const body = { person, ...(address ? { to: address } : {}), messages }
        const sent = await postSigned(options.url, body, context.secret(options.secret), context, signal)
        return { acceptedAt: context.now(), ...tell('taken', { by: new URL(options.url).host }), ...sent }
      },
    }
  },
})
