import { type Static, Type } from 'typebox'
import type { Driver } from '../core/driver.ts'
import type { Notifier, PersonMessage, PushSubscription } from '../core/ports.ts'

/** A secret named in the site file: the variable or the file that holds it. */
export const SecretReference = Type.Union(
  [Type.Object({ env: Type.String({ minLength: 1 }) }), Type.Object({ file: Type.String({ minLength: 1 }) })],
  { description: 'Environment variable or file that holds the secret.', isSecret: true },
)
export type SecretReference = Static<typeof SecretReference>

/** What a driver is given beside its options. */
export interface NotifierContext {
  /** The notifier's id in the site file. */
  id: string
  /** Epoch ms. */
  now(): number
  secret(reference: SecretReference): string
  /** Subscriptions of a person's browsers, for web-push. */
  subscriptions: PushSubscriptions
  /** Injected by tests; the platform's otherwise. */
  fetch?: typeof fetch
}

/** Browsers that people have allowed to wake them. */
export interface PushSubscriptions {
  of(person: string): PushSubscription[]
  /** The push service says that it is gone. */
  remove(endpoint: string): void
}

export type NotifierDriver<Options = unknown> = Driver<Options, NotifierContext, Notifier>

/** Declares a notifier driver: one file, one line in notifiers/index.ts, one test. */
export function defineNotifier<Options>(driver: NotifierDriver<Options>): NotifierDriver<Options> {
  return driver
}

/** Title of one message, or of several sent as one. */
export function titleOf(messages: readonly PersonMessage[]): string {
  const [first, ...others] = messages
  if (!first || others.length === 0) return first?.title ?? ''
  return first.language === 'en'
    ? `${messages.length} alarms: ${first.title} …`
    : `${messages.length} 起警报：${first.title} …`
}

/** Text of one message, or of several as one: each keeps its place, its person and its link. */
export function textOf(messages: readonly PersonMessage[]): string {
  const [first, ...others] = messages
  if (!first) return ''
  const withLink = (text: string, { link }: PersonMessage) => (link ? `${text}\n${link}` : text)
  if (others.length === 0) return withLink(first.text, first)
  return messages.map((message) => withLink(`• ${message.title}`, message)).join('\n')
}

/** Where the channel has fixed words, several messages are one with every place and person in it. */
export function fieldsOf(messages: readonly [PersonMessage, ...PersonMessage[]]): PersonMessage['fields'] {
  const distinct = (key: keyof PersonMessage['fields'], separator: string) =>
    [...new Set(messages.map(({ fields }) => fields[key]).filter((value) => value !== ''))].join(separator)
  const separator = messages[0].language === 'en' ? ', ' : '、'
  return {
    what: distinct('what', separator),
    where: distinct('where', separator),
    who: distinct('who', separator),
    when: messages[0].fields.when,
  }
}
