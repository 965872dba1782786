import { type Static, Type } from 'typebox'
import { aliyunAccount, callAliyun } from './aliyun.ts'
import { defineNotifier } from './notifier.ts'
import { FieldName, HttpProvider, requireNumber, sendByHttp, templateValue, withCountry } from './phone-provider.ts'
import { callTencent, tencentAccount } from './tencent.ts'

const strict = { additionalProperties: false } as const
const playTimes = Type.Integer({ minimum: 1, maximum: 3, default: 2, description: 'How often the text is said.' })
const Options = Type.Object(
  {
    aliyun: Type.Optional(
      Type.Object(
        {
          ...aliyunAccount('https://dyvmsapi.aliyuncs.com'),
          calledShowNumber: Type.Optional(Type.String({ description: 'The number shown; absent: one of the pool.' })),
          ttsCode: Type.String({ minLength: 1, description: 'Code of the reviewed text.' }),
          parameters: Type.Record(Type.String(), FieldName, { default: { what: 'what', where: 'where', who: 'who' } }),
          playTimes,
        },
        strict,
      ),
    ),
    tencent: Type.Optional(
      Type.Object(
        {
          ...tencentAccount('https://vms.tencentcloudapi.com'),
          voiceSdkAppId: Type.String({ minLength: 1 }),
          templateId: Type.String({ minLength: 1 }),
          parameters: Type.Array(FieldName, { default: ['where', 'what', 'who'] }),
          playTimes,
        },
        strict,
      ),
    ),
    http: Type.Optional(HttpProvider),
  },
  { ...strict, minProperties: 1, maxProperties: 1, description: 'Exactly one provider: aliyun, tencent or http.' },
)
type Options = Static<typeof Options>

const maxValue = 35

/** Telephone calls that read a reviewed text aloud: the channel that wakes people. The address is the number. */
export const voice = defineNotifier<Options>({
  kind: 'voice',
  options: Options,
  create({ aliyun, tencent, http }, context) {
    const send = context.fetch ?? fetch
    return {
      id: context.id,
      channel: 'voice',
      limits: [{ count: 30, perMs: 60_000 }],
      maxBytes: 2000,
      async send(messages, { person, address }, signal) {
        const number = requireNumber(address, person, context)
        if (aliyun) {
          const values = Object.entries(aliyun.parameters).map(([name, field]) => [
            name,
            templateValue(messages, field, maxValue),
          ])
          const answer = await callAliyun(
            send,
            {
              url: aliyun.url,
              action: 'SingleCallByTts',
              version: '2017-05-25',
              parameters: {
                ...(aliyun.calledShowNumber ? { CalledShowNumber: aliyun.calledShowNumber } : {}),
                CalledNumber: number,
                TtsCode: aliyun.ttsCode,
                TtsParam: JSON.stringify(Object.fromEntries(values)),
                PlayTimes: String(aliyun.playTimes),
                // At most 15 characters: enough to find the call, not the alarm's whole id.
                OutId: messages[0].alarm.slice(-15),
              },
              accessKeyId: aliyun.accessKeyId,
              accessKeySecret: context.secret(aliyun.accessKeySecret),
              now: context.now(),
            },
            signal,
          )
          return { acceptedAt: context.now(), reply: 'Aliyun places the call', reference: String(answer.CallId ?? '') }
        }
        if (tencent) {
          const answer = await callTencent(
            send,
            {
              ...tencent,
              service: 'vms',
              action: 'SendTtsVoice',
              version: '2020-09-02',
              secretKey: context.secret(tencent.secretKey),
              now: context.now(),
              body: JSON.stringify({
                CalledNumber: withCountry(number),
                VoiceSdkAppid: tencent.voiceSdkAppId,
                TemplateId: tencent.templateId,
                TemplateParamSet: tencent.parameters.map((field) => templateValue(messages, field, maxValue)),
                PlayTimes: tencent.playTimes,
                SessionContext: messages[0].alarm,
              }),
            },
            signal,
          )
          const { CallId } = (answer.SendStatus ?? {}) as { CallId?: string }
          return { acceptedAt: context.now(), reply: 'Tencent places the call', reference: CallId ?? '' }
        }
        return sendByHttp(http!, number, messages, context, signal)
      },
    }
  },
})
