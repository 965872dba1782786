import { type Static, Type } from 'typebox'
import { tell } from '../core/channel-words.ts'
import { type BotError, feishuSignature, requireBotSuccess } from './chat-bot.ts'
import { postJson } from './http.ts'
import { defineNotifier, SecretReference, textOf, titleOf } from './notifier.ts'

const Options = Type.Object(
  {
    token: SecretReference,
    secret: Type.Optional(SecretReference),
    url: Type.String({
      pattern: '^https?://',
      default: 'https://open.feishu.cn/open-apis/bot/v2/hook',
      description: 'Address of the bot without its token.',
    }),
  },
  { additionalProperties: false },
)
type Options = Static<typeof Options>

const errors: Record<number, BotError> = {
  9499: { retryable: false, hint: 'report-it' },
  19021: { retryable: false, hint: 'check-signing' },
  19022: { retryable: false, hint: 'not-on-list' },
  19024: { retryable: false, hint: 'keyword-wanted' },
  11232: { retryable: true, hint: 'sent-too-much', retryAfterMs: 60_000 },
}

/** A Feishu (飞书) group bot. The address, where there is one, is the user id that is mentioned. */
export const feishu = defineNotifier<Options>({
  kind: 'feishu',
  options: Options,
  create(options, context) {
    return {
      id: context.id,
      channel: 'feishu',
      limits: [
        { count: 100, perMs: 60_000 },
        { count: 5, perMs: 1000 },
      ],
      // 20 KB is the limit of the whole body, in which line breaks are escaped.
      maxBytes: 16_000,
      async send(messages, { address }, signal) {
        const mention = address && /^[\w-]+$/.test(address) ? `\n<at user_id="${address}"></at>` : ''
        const content = { text: `${titleOf(messages)}\n${textOf(messages)}${mention}` }
        const timestamp = Math.floor(context.now() / 1000)
        const body = {
          ...(options.secret
            ? { timestamp: String(timestamp), sign: feishuSignature(timestamp, context.secret(options.secret)) }
            : {}),
          msg_type: 'text',
          content,
        }
        const url = `${options.url.replace(/\/$/, '')}/${encodeURIComponent(context.secret(options.token))}`
        const answer = await postJson(context.fetch ?? fetch, url, body, signal)
        requireBotSuccess('Feishu', answer, 'code', errors)
        return { acceptedAt: context.now(), ...tell('group-has-it') }
      },
    }
  },
})
