import { type Static, Type } from 'typebox'
import { RecipientError } from '../core/errors.ts'
import type { PersonMessage } from '../core/ports.ts'
import { fieldsOf, type NotifierContext, SecretReference, textOf, titleOf } from './notifier.ts'
import { postSigned } from './webhook.ts'

/* What SMS and voice calls have in common: numbers, templates whose words are fixed, and a provider of one's own. */

export const FieldName = Type.Union([
  Type.Literal('what'),
  Type.Literal('where'),
  Type.Literal('who'),
  Type.Literal('when'),
  Type.Literal('link'),
])
type FieldName = Static<typeof FieldName>

/** A provider that takes our own JSON: a gateway with a SIM card, or an adapter. */
export const HttpProvider = Type.Object(
  {
    url: Type.String({ pattern: '^https?://' }),
    secret: SecretReference,
  },
  {
    additionalProperties: false,
    description: 'Takes POST of { to, title, text, fields, link, alarms }, signed as the webhook.',
  },
)

/** The number, as the provider wants it. @throws {DeliveryError} where there is none */
export function requireNumber(address: string | undefined, person: string, context: NotifierContext): string {
  const number = address?.replace(/[\s-]/g, '')
  if (number && /^\+?[0-9]{3,15}$/.test(number)) return number
  throw new RecipientError(`${person} has no telephone number at ${context.id}`, {
    hint: 'Write it as the address of this channel, e.g. +8613800000000.',
  })
}

/** International form for those who ask for it; numbers without a country are Chinese. */
export function withCountry(number: string): string {
  return number.startsWith('+') ? number : `+86${number}`
}

/** Variables of a template, shortened to what providers take. */
export function templateValue(
  messages: readonly [PersonMessage, ...PersonMessage[]],
  name: FieldName,
  maxLength: number,
): string {
  const value = name === 'link' ? (messages[0].link ?? '') : fieldsOf(messages)[name]
  return value.length <= maxLength ? value : `${value.slice(0, maxLength - 1)}…`
}

/** Sends by a provider of one's own. */
export async function sendByHttp(
  provider: Static<typeof HttpProvider>,
  to: string,
  messages: readonly [PersonMessage, ...PersonMessage[]],
  context: NotifierContext,
  signal: AbortSignal,
): Promise<{ acceptedAt: number; reply: string; reference?: string }> {
  const [first] = messages
  const body = {
    to,
    title: titleOf(messages),
    text: textOf(messages),
    language: first.language,
    fields: fieldsOf(messages),
    ...(first.link ? { link: first.link } : {}),
    alarms: messages.map(({ alarm }) => alarm),
  }
  const { reference } = await postSigned(provider.url, body, context.secret(provider.secret), context, signal)
  return { acceptedAt: context.now(), reply: 'accepted by the provider', ...(reference ? { reference } : {}) }
}
