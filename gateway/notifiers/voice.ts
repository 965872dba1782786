import { type Static, Type } from 'typebox'
import { defineNotifier } from './notifier.ts'
import {
  acceptedBy,
  askAliyun,
  askTencent,
  listedValues,
  namedValues,
  phoneOptions,
  receiptReader,
  requireNumber,
  sendByHttp,
  templateLimit,
  withCountry,
} from './phone-provider.ts'
import { aliyunCallReceipts, tencentCallReceipts } from './phone-receipts.ts'

const playTimes = Type.Integer({ minimum: 1, maximum: 3, default: 2, description: 'How often the text is said.' })
const answerKey = Type.Optional(
  Type.String({
    pattern: '^[0-9*#]$',
    description:
      'Pressing it during the call says "I take care of it"; the reviewed text must say so. Needs receiptSecret.',
  }),
)
const Options = phoneOptions(
  { aliyun: 'https://dyvmsapi.aliyuncs.com', tencent: 'https://vms.tencentcloudapi.com' },
  {
    calledShowNumber: Type.Optional(Type.String({ description: 'The number shown; absent: one of the pool.' })),
    ttsCode: Type.String({ minLength: 1, description: 'Code of the reviewed text.' }),
    playTimes,
    answerKey,
  },
  { voiceSdkAppId: Type.String({ minLength: 1 }), templateId: Type.String({ minLength: 1 }), playTimes, answerKey },
)
type Options = Static<typeof Options>

/** Telephone calls that read a reviewed text aloud: the channel that wakes people. The address is the number. */
export const voice = defineNotifier<Options>({
  kind: 'voice',
  options: Options,
  create({ aliyun, tencent, http }, context) {
    return {
      id: context.id,
      channel: 'voice',
      limits: [{ count: 30, perMs: 60_000 }],
      maxBytes: 2000,
      ...templateLimit(aliyun, tencent),
      ...receiptReader(
        (aliyun ?? tencent)?.receiptSecret,
        context,
        aliyun ? aliyunCallReceipts(aliyun.answerKey) : tencentCallReceipts(tencent?.answerKey),
      ),
      async send(messages, { person, address }, signal) {
        const number = requireNumber(address, person, context)
        if (aliyun) {
          const parameters = {
            ...(aliyun.calledShowNumber ? { CalledShowNumber: aliyun.calledShowNumber } : {}),
            CalledNumber: number,
            TtsCode: aliyun.ttsCode,
            TtsParam: namedValues(messages, aliyun.parameters),
            PlayTimes: String(aliyun.playTimes),
            // At most 15 characters: enough to find the call, not the alarm's whole id.
            OutId: messages[0].alarm.slice(-15),
          }
          const answer = await askAliyun(aliyun, 'SingleCallByTts', parameters, context, signal)
          return acceptedBy(context, 'call-placed', 'Aliyun', answer.CallId)
        }
        if (tencent) {
          const body = {
            CalledNumber: withCountry(number),
            VoiceSdkAppid: tencent.voiceSdkAppId,
            TemplateId: tencent.templateId,
            TemplateParamSet: listedValues(messages, tencent.parameters),
            PlayTimes: tencent.playTimes,
            SessionContext: messages[0].alarm,
          }
          const call = { service: 'vms', action: 'SendTtsVoice', version: '2020-09-02', body } as const
          const answer = await askTencent(tencent, call, context, signal)
          const { CallId } = (answer.SendStatus ?? {}) as { CallId?: string }
          return acceptedBy(context, 'call-placed', 'Tencent', CallId)
        }
        return sendByHttp(http!, number, messages, context, signal)
      },
    }
  },
})
