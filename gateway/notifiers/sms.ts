import { type Static, Type } from 'typebox'
import { aliyunAccount, callAliyun } from './aliyun.ts'
import { defineNotifier } from './notifier.ts'
import { FieldName, HttpProvider, requireNumber, sendByHttp, templateValue, withCountry } from './phone-provider.ts'
import { callTencent, tencentAccount, tencentError } from './tencent.ts'

const strict = { additionalProperties: false } as const
const Options = Type.Object(
  {
    aliyun: Type.Optional(
      Type.Object(
        {
          ...aliyunAccount('https://dysmsapi.aliyuncs.com'),
          signName: Type.String({ minLength: 1 }),
          templateCode: Type.String({ minLength: 1 }),
          parameters: Type.Record(Type.String(), FieldName, {
            default: { what: 'what', where: 'where', who: 'who' },
            description: 'Variables of the template and what they say: what, where, who, when, link.',
          }),
        },
        strict,
      ),
    ),
    tencent: Type.Optional(
      Type.Object(
        {
          ...tencentAccount('https://sms.tencentcloudapi.com'),
          sdkAppId: Type.String({ minLength: 1 }),
          signName: Type.String({ minLength: 1 }),
          templateId: Type.String({ minLength: 1 }),
          parameters: Type.Array(FieldName, {
            default: ['where', 'what', 'who'],
            description: 'What {1}, {2}, {3} of the template say.',
          }),
        },
        strict,
      ),
    ),
    http: Type.Optional(HttpProvider),
  },
  { ...strict, minProperties: 1, maxProperties: 1, description: 'Exactly one provider: aliyun, tencent or http.' },
)
type Options = Static<typeof Options>

/** Providers cut variables that are longer. */
const maxValue = 35

/** Short messages. Wording is fixed in a reviewed template; the address is the mobile number. */
export const sms = defineNotifier<Options>({
  kind: 'sms',
  options: Options,
  create({ aliyun, tencent, http }, context) {
    const send = context.fetch ?? fetch
    return {
      id: context.id,
      channel: 'sms',
      limits: [{ count: 100, perMs: 60_000 }],
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
              action: 'SendSms',
              version: '2017-05-25',
              parameters: {
                PhoneNumbers: number,
                SignName: aliyun.signName,
                TemplateCode: aliyun.templateCode,
                TemplateParam: JSON.stringify(Object.fromEntries(values)),
                OutId: messages[0].alarm,
              },
              accessKeyId: aliyun.accessKeyId,
              accessKeySecret: context.secret(aliyun.accessKeySecret),
              now: context.now(),
            },
            signal,
          )
          return { acceptedAt: context.now(), reply: 'accepted by Aliyun', reference: String(answer.BizId ?? '') }
        }
        if (tencent) {
          const answer = await callTencent(
            send,
            {
              ...tencent,
              service: 'sms',
              action: 'SendSms',
              version: '2021-01-11',
              secretKey: context.secret(tencent.secretKey),
              now: context.now(),
              body: JSON.stringify({
                PhoneNumberSet: [withCountry(number)],
                SmsSdkAppId: tencent.sdkAppId,
                SignName: tencent.signName,
                TemplateId: tencent.templateId,
                TemplateParamSet: tencent.parameters.map((field) => templateValue(messages, field, maxValue)),
                SessionContext: messages[0].alarm,
              }),
            },
            signal,
          )
          const [status] = (answer.SendStatusSet ?? []) as Array<{ Code?: string; Message?: string; SerialNo?: string }>
          if (status?.Code !== 'Ok') throw tencentError(status?.Code ?? 'no status', status?.Message ?? '')
          return { acceptedAt: context.now(), reply: 'accepted by Tencent', reference: status.SerialNo ?? '' }
        }
        return sendByHttp(http!, number, messages, context, signal)
      },
    }
  },
})
