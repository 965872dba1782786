import { createHmac } from 'node:crypto'
import { type ChannelHint, channelError } from '../core/channel-words.ts'
import { type HttpAnswer, requireSuccess } from './http.ts'

/*
 * What the three group bots have in common. They are one-way: "accepted" says that the group has it, never that
 * somebody read it; answers come through the link in the message.
 */

/** DingTalk signs the text `timestamp "\n" secret` with the secret as the key. @param timestamp epoch ms */
export function dingtalkSignature(timestamp: number, secret: string): string {
  return createHmac('sha256', secret).update(`${timestamp}\n${secret}`).digest('base64')
}

/** Feishu takes `timestamp "\n" secret` as the key and signs nothing. @param timestamp epoch seconds */
export function feishuSignature(timestamp: number, secret: string): string {
  return createHmac('sha256', `${timestamp}\n${secret}`).update('').digest('base64')
}

/** What a vendor's error number means for us. */
export interface BotError {
  retryable: boolean
  hint: ChannelHint
  retryAfterMs?: number
}

/**
 * Bots answer 200 to almost everything and put a number into the body.
 * @param numberKey field of the number: `errcode` or `code`; 0 is success
 * @throws {DeliveryError} with what the number means
 */
export function requireBotSuccess(
  channel: string,
  answer: HttpAnswer,
  numberKey: 'errcode' | 'code',
  errors: Readonly<Record<number, BotError>>,
): void {
  const body = answer.json as Record<string, unknown> | undefined
  const number = body?.[numberKey]
  // Feishu answers some of its numbers with 400 or 429: the number says more than the status.
  if (typeof number !== 'number') requireSuccess(channel, answer)
  if (number === 0) return
  if (typeof number !== 'number')
    throw channelError('no-bot', { by: channel }, { retryable: false, hint: 'check-address' })
  const words = body?.errmsg ?? body?.msg
  const known = errors[number] ?? { retryable: false, hint: 'look-up' }
  throw channelError('refused-it', { by: channel, code: number, said: String(words ?? '').slice(0, 200) }, known)
}
