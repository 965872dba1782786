import { type Static, Type } from 'typebox'
import { tell } from '../core/channel-words.ts'
import { type BotError, dingtalkSignature, requireBotSuccess } from './chat-bot.ts'
import { postJson } from './http.ts'
import { defineNotifier, SecretReference, textOf, titleOf } from './notifier.ts'

const Options = Type.Object(
  {
    token: SecretReference,
    secret: Type.Optional(SecretReference),
    url: Type.String({
      pattern: '^https?://',
      default: 'https://oapi.dingtalk.com/robot/send',
      description: 'Address of the bot without its token.',
    }),
  },
  { additionalProperties: false },
)
type Options = Static<typeof Options>

/** Over twenty a minute the bot is dumb for ten minutes. */
const throttledMs = 600_000
const errors: Record<number, BotError> = {
  [-1]: { retryable: true, hint: 'busy' },
  130101: { retryable: true, hint: 'sent-too-much', retryAfterMs: throttledMs },
  410100: { retryable: true, hint: 'sent-too-much', retryAfterMs: throttledMs },
  310000: {
    retryable: false,
    hint: 'check-signing',
  },
  300005: { retryable: false, hint: 'bot-removed' },
}

/** A DingTalk (钉钉) group bot. The address, where there is one, is the mobile number that is mentioned. */
export const dingtalk = defineNotifier<Options>({
  kind: 'dingtalk',
  options: Options,
  create(options, context) {
    return {
      id: context.id,
      channel: 'dingtalk',
      limits: [{ count: 20, perMs: 60_000 }],
      maxBytes: 18_000,
      async send(messages, { address }, signal) {
        const url = new URL(options.url)
        url.searchParams.set('access_token', context.secret(options.token))
        if (options.secret) {
          const timestamp = context.now()
          url.searchParams.set('timestamp', String(timestamp))
          url.searchParams.set('sign', dingtalkSignature(timestamp, context.secret(options.secret)))
        }
        const mention = address ? `\n@${address}` : ''
        const content = `${titleOf(messages)}\n${textOf(messages)}${mention}`
        const body = { msgtype: 'text', text: { content }, at: { atMobiles: address ? [address] : [], isAtAll: false } }
        const answer = await postJson(context.fetch ?? fetch, url.href, body, signal)
        requireBotSuccess('DingTalk', answer, 'errcode', errors)
        return { acceptedAt: context.now(), ...tell('group-has-it') }
      },
    }
  },
})
