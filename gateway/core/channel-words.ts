import type { Phrase } from './alarm.ts'
import { DeliveryError, RecipientError } from './errors.ts'
import { type Filling, fill } from './fill.ts'

/**
 * What becomes of a message to a person, with what is put into it. The console says it in its own languages by the same
 * keys; these words are for logs, for machines and for the console's English. `said` is the channel's own word.
 */
export const channelWords = {
  'group-has-it': 'the group has it; whether it was read is not known',
  taken: 'taken by {by}',
  'call-placed': '{by} places the call',
  browsers: '{accepted} of {all} browsers have it',
  'mail-taken': 'the mail server took it ({said})',
  delivered: 'delivered, says the operator',
  undelivered: 'not delivered ({said})',
  'call-heard': 'the call was taken and heard to its end',
  'call-taken': 'the call was taken',
  'call-cut-short': 'the call was taken and hung up early',
  'call-missed': 'the call was not taken ({said})',
  'key-pressed': 'key {pressed} was pressed',
  'answered-first': 'somebody answered before it was sent',
  overflowed: 'too many messages were waiting',
  'gateway-stops': 'the gateway stops',
  'no-notifier': 'there is no channel {id}',
  'person-gone': 'not in the site file any more',
  'no-answer': '{by} did not answer ({said})',
  'no-answer-in-time': '{by} did not answer within {seconds} s',
  status: '{by} answered {status}: {said}',
  'refused-it': '{by} refused ({code}): {said}',
  'no-bot': '{by} answered what is no answer of a bot',
  'no-such-mailbox': 'the mail server knows no such mailbox: {said}',
  'mail-refused': 'the mail server refused: {said}',
  'no-push-service': 'no push service took it ({said})',
  'driver-fault': 'a fault of the driver: {said}',
  'without-number': '{person} has no telephone number at {channel}',
  'without-mailbox': '{person} has no mailbox at {channel}',
  'without-topic': '{person} has no topic at {channel}',
  'without-browser': '{person} has allowed no browser to be woken',
} as const
export type ChannelWord = keyof typeof channelWords

/** What an operator can do about it. */
export const channelHints = {
  'check-way': 'Check the way to the Internet, the name server and the firewall.',
  'check-password': 'Check its password, token or address list.',
  'tried-again': 'It is tried again.',
  'check-options': 'Check the address and the options of this channel.',
  'check-address': 'Check the address of the bot; a proxy or portal may have answered in its place.',
  'look-up': 'Look up number {code} in the documentation of the bot.',
  busy: 'The bot is busy; it is tried again.',
  'sent-too-much': 'The bot was sent more than it takes.',
  'check-signing': 'Check the signing secret, the clock (within one hour) and the allowed addresses.',
  'bot-removed': 'The token or key is unknown; the bot may have been removed from the group.',
  'not-on-list': "This gateway's address is not on the bot's list.",
  'keyword-wanted': 'The bot asks for a keyword; take it off or let the site name contain it.',
  'report-it': 'This is a fault of the gateway; please report it.',
  'check-key': 'Check the access key, its rights and the clock (within 5 minutes).',
  'over-limit': 'This number or account was sent more than the provider allows.',
  'check-template': 'Check sign name, template and balance at the provider.',
  'check-mail-password': 'Check user name and password; many providers ask for a password of its own for programs.',
  'check-mail-server': 'Check host, port and tls, and the way to the server.',
  'check-mailbox': 'Check the mailbox and the sender.',
  'write-number': 'Write it as the address of this channel, e.g. +8613800000000.',
  'write-mailbox': 'Write the e-mail address as the address of this channel.',
  'write-topic': 'Write the topic as the address of this channel.',
  'allow-browser': 'Open the page of elders on the phone, log in, and allow notifications.',
  'allow-anew': 'Allow notifications anew on the phone.',
  'check-vapid': 'Check the VAPID keys and the subject.',
} as const
export type ChannelHint = keyof typeof channelHints

/** What a channel said, in words and for translation. */
export interface ChannelReply {
  reply: string
  phrases: readonly Phrase[]
}

export function tell(key: ChannelWord, parameters: Filling = {}): ChannelReply {
  return { reply: fill(channelWords[key], parameters), phrases: [{ key, ...parameters }] }
}

interface FailureOptions {
  retryable: boolean
  hint: ChannelHint
  retryAfterMs?: number
  cause?: unknown
}

function wordsOf(key: ChannelWord, hint: ChannelHint, parameters: Filling) {
  return {
    message: fill(channelWords[key], parameters),
    phrase: { key, ...parameters },
    hint: fill(channelHints[hint], parameters),
    hintPhrase: { key: hint, ...parameters },
  }
}

/** A channel failed; why, and what can be done about it. */
export function channelError(key: ChannelWord, parameters: Filling, options: FailureOptions): DeliveryError {
  const { message, ...words } = wordsOf(key, options.hint, parameters)
  return new DeliveryError(message, { ...options, ...words })
}

/** The message cannot reach this one person; the channel itself is sound. */
export function recipientError(
  key: ChannelWord,
  parameters: Filling,
  options: Pick<FailureOptions, 'hint' | 'cause'>,
): RecipientError {
  const { message, ...words } = wordsOf(key, options.hint, parameters)
  return new RecipientError(message, { ...options, ...words })
}

/** What a failed attempt says of itself. */
export function replyOf({ message, hint, phrase, hintPhrase }: DeliveryError): ChannelReply {
  return {
    reply: [message, hint].filter(Boolean).join('; '),
    phrases: phrase ? [phrase, ...(hintPhrase ? [hintPhrase] : [])] : [],
  }
}
