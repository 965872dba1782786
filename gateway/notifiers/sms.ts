import { type Static, Type } from 'typebox'
import { tell } from '../core/channel-words.ts'
import type { Delivery } from '../core/ports.ts'
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
import { aliyunSmsReceipts, beijingTime, tencentSmsReceipts } from './phone-receipts.ts'
import { tencentError } from './tencent.ts'

const Options = phoneOptions(
  { aliyun: 'https://dysmsapi.aliyuncs.com', tencent: 'https://sms.tencentcloudapi.com' },
  { signName: Type.String({ minLength: 1 }), templateCode: Type.String({ minLength: 1 }) },
  {
    sdkAppId: Type.String({ minLength: 1 }),
    signName: Type.String({ minLength: 1 }),
    templateId: Type.String({ minLength: 1 }),
  },
)
type Options = Static<typeof Options>

const tencentSms = { service: 'sms', version: '2021-01-11' } as const
const chinaOffsetMs = 8 * 3600_000

/** Short messages. Wording is fixed in a reviewed template; the address is the mobile number. */
export const sms = defineNotifier<Options>({
  kind: 'sms',
  options: Options,
  create({ aliyun, tencent, http }, context) {
    return {
      id: context.id,
      channel: 'sms',
      limits: [{ count: 100, perMs: 60_000 }],
      maxBytes: 2000,
      ...templateLimit(aliyun, tencent),
      ...receiptReader((aliyun ?? tencent)?.receiptSecret, context, aliyun ? aliyunSmsReceipts : tencentSmsReceipts),
      async send(messages, { person, address }, signal) {
        const number = requireNumber(address, person, context)
        if (aliyun) {
          const parameters = {
            PhoneNumbers: number,
            SignName: aliyun.signName,
            TemplateCode: aliyun.templateCode,
            TemplateParam: namedValues(messages, aliyun.parameters),
            OutId: messages[0].alarm,
          }
          const answer = await askAliyun(aliyun, 'SendSms', parameters, context, signal)
          return acceptedBy(context, 'taken', 'Aliyun', answer.BizId)
        }
        if (tencent) {
          const body = {
            PhoneNumberSet: [withCountry(number)],
            SmsSdkAppId: tencent.sdkAppId,
            SignName: tencent.signName,
            TemplateId: tencent.templateId,
            TemplateParamSet: listedValues(messages, tencent.parameters),
            SessionContext: messages[0].alarm,
          }
          const answer = await askTencent(tencent, { ...tencentSms, action: 'SendSms', body }, context, signal)
          const [status] = (answer.SendStatusSet ?? []) as Array<{ Code?: string; Message?: string; SerialNo?: string }>
          if (status?.Code !== 'Ok') throw tencentError(status?.Code ?? 'no status', status?.Message ?? '')
          return acceptedBy(context, 'taken', 'Tencent', status.SerialNo)
        }
        return sendByHttp(http!, number, messages, context, signal)
      },
      ...(http
        ? {}
        : {
            async delivery({ reference, acceptedAt }, { person, address }, signal): Promise<Delivery | undefined> {
              const number = requireNumber(address, person, context)
              if (aliyun) {
                const answer = await askAliyun(
                  aliyun,
                  'QuerySendDetails',
                  {
                    PhoneNumber: number,
                    BizId: reference,
                    // The day of sending by the provider's clock.
                    SendDate: new Date(acceptedAt + chinaOffsetMs).toISOString().slice(0, 10).replaceAll('-', ''),
                    PageSize: '10',
                    CurrentPage: '1',
                  },
                  context,
                  signal,
                )
                return aliyunDelivery(answer)
              }
              const body = {
                BeginTime: Math.floor(acceptedAt / 1000) - 60,
                EndTime: Math.floor(context.now() / 1000) + 60,
                Offset: 0,
                Limit: 100,
                PhoneNumber: withCountry(number),
                SmsSdkAppId: tencent!.sdkAppId,
              }
              const call = { ...tencentSms, action: 'PullSmsSendStatusByPhoneNumber', body }
              return tencentDelivery(await askTencent(tencent!, call, context, signal), reference)
            },
          }),
    }
  },
})

/** `SendStatus` of QuerySendDetails: 1 waits for the operator's receipt, 2 failed, 3 delivered. */
function aliyunDelivery(answer: Record<string, unknown>): Delivery | undefined {
  const list = answer.SmsSendDetailDTOs as
    | { SmsSendDetailDTO?: Array<{ SendStatus?: number; ErrCode?: string; ReceiveDate?: string }> }
    | undefined
  const [detail] = list?.SmsSendDetailDTO ?? []
  if (detail?.SendStatus === 3) return { state: 'delivered', ...tell('delivered'), ...beijingTime(detail.ReceiveDate) }
  if (detail?.SendStatus === 2) return { state: 'failed', ...tell('undelivered', { said: detail.ErrCode ?? '?' }) }
  return undefined
}

/** `ReportStatus` of PullSmsSendStatusByPhoneNumber: SUCCESS or FAIL, once the operator has said so. */
function tencentDelivery(answer: Record<string, unknown>, reference: string): Delivery | undefined {
  const list = (answer.PullSmsSendStatusSet ?? []) as Array<{
    SerialNo?: string
    ReportStatus?: string
    Description?: string
    UserReceiveTime?: number
  }>
  const found = list.find(({ SerialNo }) => SerialNo === reference)
  if (found?.ReportStatus === 'SUCCESS') {
    const at = found.UserReceiveTime
    return { state: 'delivered', ...tell('delivered'), ...(at ? { at: at * 1000 } : {}) }
  }
  if (found?.ReportStatus === 'FAIL')
    return { state: 'failed', ...tell('undelivered', { said: found.Description ?? '?' }) }
  return undefined
}
