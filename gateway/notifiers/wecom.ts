import { type Static, Type } from 'typebox'
import { tell } from '../core/channel-words.ts'
import { type BotError, requireBotSuccess } from './chat-bot.ts'
import { postJson } from './http.ts'
import { defineNotifier, SecretReference, textOf, titleOf } from './notifier.ts'

const Options = Type.Object(
  {
    key: SecretReference,
    url: Type.String({
      pattern: '^https?://',
      default: 'https://qyapi.weixin.qq.com/cgi-bin/webhook/send',
      description: 'Address of the bot without its key.',
    }),
  },
  { additionalProperties: false },
)
type Options = Static<typeof Options>

const errors: Record<number, BotError> = {
  [-1]: { retryable: true, hint: 'busy' },
  45009: { retryable: true, hint: 'sent-too-much', retryAfterMs: 60_000 },
  93000: { retryable: false, hint: 'bot-removed' },
  45002: { retryable: false, hint: 'report-it' },
}

/** A WeCom (企业微信) group bot; its key is its only secret. The address is the mobile number that is mentioned. */
export const wecom = defineNotifier<Options>({
  kind: 'wecom',
  options: Options,
  create(options, context) {
    return {
      id: context.id,
      channel: 'wecom',
      limits: [{ count: 20, perMs: 60_000 }],
      maxBytes: 2048,
      async send(messages, { address }, signal) {
        const url = new URL(options.url)
        url.searchParams.set('key', context.secret(options.key))
        const text = {
          content: `${titleOf(messages)}\n${textOf(messages)}`,
          mentioned_mobile_list: address ? [address] : [],
        }
        const answer = await postJson(context.fetch ?? fetch, url.href, { msgtype: 'text', text }, signal)
        requireBotSuccess('WeCom', answer, 'errcode', errors)
        return { acceptedAt: context.now(), ...tell('group-has-it') }
      },
    }
  },
})
