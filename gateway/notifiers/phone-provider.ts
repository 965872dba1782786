import { type Static, type TProperties, Type } from 'typebox'
import { type ChannelWord, recipientError, tell } from '../core/channel-words.ts'
import { StartError } from '../core/errors.ts'
import type { Notifier, NotifyReport, PersonMessage, ReceiptReader } from '../core/ports.ts'
import { aliyunAccount, callAliyun } from './aliyun.ts'
import { fieldsOf, type NotifierContext, SecretReference, textOf, titleOf } from './notifier.ts'
import { callTencent, tencentAccount } from './tencent.ts'
import { postSigned } from './webhook.ts'

/* What SMS and voice calls have in common: numbers, templates whose words are fixed, and a provider of one's own. */

const FieldName = Type.Union([
  Type.Literal('what'),
  Type.Literal('where'),
  Type.Literal('who'),
  Type.Literal('when'),
  Type.Literal('link'),
])
type FieldName = Static<typeof FieldName>

type Messages = readonly [PersonMessage, ...PersonMessage[]]

const strict = { additionalProperties: false } as const
/** Providers cut variables that are longer. */
const maxValue = 35

/** A provider that takes our own JSON: a gateway with a SIM card, or an adapter. */
const HttpProvider = Type.Object(
  {
    url: Type.String({ pattern: '^https?://' }),
    secret: SecretReference,
  },
  {
    additionalProperties: false,
    description: 'Takes POST of { to, title, text, fields, link, alarms }, signed as the webhook.',
  },
)

/** Of a URL that anybody can call and nobody should guess. */
const leastSecret = 24

const ReceiptSecret = Type.Union([...SecretReference.anyOf], {
  description: `Secret of at least ${leastSecret} letters and digits at the end of the address that the provider pushes receipts to: /api/v1/receipts/<notifier>/<secret>.`,
  isSecret: true,
})

/** Takes what the provider pushes, where the site file gives it an address. @throws {StartError} for a weak secret */
export function receiptReader(
  reference: SecretReference | undefined,
  context: NotifierContext,
  read: ReceiptReader['read'],
): { receipts?: ReceiptReader } {
  if (!reference) return {}
  const secret = context.secret(reference).trim()
  if (!new RegExp(`^[A-Za-z0-9_-]{${leastSecret},200}$`).test(secret))
    throw new StartError(
      `the receiptSecret of notifier ${context.id} is not fit to be part of an address`,
      `write ${leastSecret} letters and digits or more, for example: openssl rand -hex 24`,
    )
  return { receipts: { secret, read } }
}

/** The number, as the provider wants it. @throws {DeliveryError} where there is none */
export function requireNumber(address: string | undefined, person: string, context: NotifierContext): string {
  const number = address?.replace(/[\s-]/g, '')
  if (number && /^\+?[0-9]{3,15}$/.test(number)) return number
  throw recipientError('without-number', { person, channel: context.id }, { hint: 'write-number' })
}

/** International form for those who ask for it; numbers without a country are Chinese. */
export function withCountry(number: string): string {
  return number.startsWith('+') ? number : `+86${number}`
}

const wholeValue = (messages: Messages, name: FieldName): string =>
  name === 'link' ? (messages[0].link ?? '') : fieldsOf(messages)[name]

/**
 * Whether a template with these variables says every place and person of several alarms, whole. Who answers such a call
 * or follows its link answers for all of them: nobody may be in it of whom they have not heard.
 */
function fitsTemplate(messages: Messages, names: readonly FieldName[]): boolean {
  if (messages.length === 1) return true
  const isSaid = (name: 'where' | 'who') =>
    names.includes(name) || messages.every(({ fields }) => fields[name] === messages[0].fields[name])
  return (
    !names.includes('link') &&
    isSaid('where') &&
    isSaid('who') &&
    names.every((name) => wholeValue(messages, name).length <= maxValue)
  )
}

/** What bounds a group of messages for a provider with templates; one's own provider is given the whole text. */
export function templateLimit(
  aliyun: { parameters: Readonly<Record<string, FieldName>> } | undefined,
  tencent: { parameters: readonly FieldName[] } | undefined,
): Pick<Notifier, 'fitsInOne'> {
  const names = aliyun ? Object.values(aliyun.parameters) : tencent?.parameters
  return names ? { fitsInOne: (messages) => fitsTemplate(messages, names) } : {}
}

/** Variables of a template, shortened to what providers take. */
function templateValue(messages: Messages, name: FieldName): string {
  const value = wholeValue(messages, name)
  return value.length <= maxValue ? value : `${value.slice(0, maxValue - 1)}…`
}

/** Values of a template whose variables have names, as JSON. */
export function namedValues(messages: Messages, parameters: Readonly<Record<string, FieldName>>): string {
  const values = Object.entries(parameters).map(([name, field]) => [name, templateValue(messages, field)])
  return JSON.stringify(Object.fromEntries(values))
}

/** Values of a template whose variables have numbers. */
export function listedValues(messages: Messages, parameters: readonly FieldName[]): string[] {
  return parameters.map((field) => templateValue(messages, field))
}

/**
 * Options of a channel by telephone: exactly one provider. `aliyun` and `tencent` are what the channel needs of them
 * beside the account and the template's variables.
 */
export function phoneOptions<A extends TProperties, T extends TProperties>(
  urls: { aliyun: string; tencent: string },
  aliyun: A,
  tencent: T,
) {
  const named = Type.Record(Type.String(), FieldName, {
    default: { what: 'what', where: 'where', who: 'who' },
    description: 'Variables of the template and what they say: what, where, who, when, link.',
  })
  const listed = Type.Array(FieldName, {
    default: ['where', 'what', 'who'],
    description: 'What {1}, {2}, {3} of the template say.',
  })
  const pushed = { receiptSecret: Type.Optional(ReceiptSecret) }
  return Type.Object(
    {
      aliyun: Type.Optional(
        Type.Object({ ...aliyunAccount(urls.aliyun), ...pushed, ...aliyun, parameters: named }, strict),
      ),
      tencent: Type.Optional(
        Type.Object({ ...tencentAccount(urls.tencent), ...pushed, ...tencent, parameters: listed }, strict),
      ),
      http: Type.Optional(HttpProvider),
    },
    { ...strict, minProperties: 1, maxProperties: 1, description: 'Exactly one provider: aliyun, tencent or http.' },
  )
}

interface AliyunAccount {
  accessKeyId: string
  accessKeySecret: SecretReference
  url: string
}

interface TencentAccount {
  secretId: string
  secretKey: SecretReference
  region: string
  url: string
}

/** Calls one of Aliyun's two products for telephones with the account of the site file. @throws {DeliveryError} */
export function askAliyun(
  { url, accessKeyId, accessKeySecret }: AliyunAccount,
  action: string,
  parameters: Readonly<Record<string, string>>,
  context: NotifierContext,
  signal: AbortSignal,
): Promise<Record<string, unknown>> {
  return callAliyun(
    context.fetch ?? fetch,
    {
      ...{ url, action, version: '2017-05-25', parameters },
      ...{ accessKeyId, accessKeySecret: context.secret(accessKeySecret), now: context.now() },
    },
    signal,
  )
}

/** The same of Tencent's. @throws {DeliveryError} */
export function askTencent(
  { url, region, secretId, secretKey }: TencentAccount,
  call: { service: 'sms' | 'vms'; action: string; version: string; body: object },
  context: NotifierContext,
  signal: AbortSignal,
): Promise<Record<string, unknown>> {
  return callTencent(
    context.fetch ?? fetch,
    {
      ...{ url, region, secretId, secretKey: context.secret(secretKey), now: context.now() },
      ...{ ...call, body: JSON.stringify(call.body) },
    },
    signal,
  )
}

/** What the channel knows once the provider has taken it. */
export const acceptedBy = (
  context: NotifierContext,
  word: ChannelWord,
  by: 'Aliyun' | 'Tencent',
  reference: unknown,
): NotifyReport => ({
  acceptedAt: context.now(),
  ...tell(word, { by }),
  reference: typeof reference === 'string' ? reference : '',
})

/** Sends by a provider of one's own. */
export async function sendByHttp(
  provider: Static<typeof HttpProvider>,
  to: string,
  messages: Messages,
  context: NotifierContext,
  signal: AbortSignal,
): Promise<NotifyReport> {
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
  return {
    acceptedAt: context.now(),
    ...tell('taken', { by: new URL(provider.url).host }),
    ...(reference ? { reference } : {}),
  }
}
