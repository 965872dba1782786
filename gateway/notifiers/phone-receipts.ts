import { tell } from '../core/channel-words.ts'
import type { Delivery, PushedReceipt } from '../core/ports.ts'

/*
 * What providers push about short messages and calls, by their documentation:
 * Aliyun SmsReport (help.aliyun.com/zh/sms/developer-reference/smsreport-2), VoiceReport and VoiceCallReport
 * (help.aliyun.com/zh/vms, "VoiceReport", "VoiceCallReport", status values of the operators' receipts);
 * Tencent "SMS Sending Status Notification" (tencentcloud.com/document/product/382/43547), voice status, key and failure
 * notifications (cloud.tencent.com/document/product/1128/37725, 37726, 37727).
 * None of them signs what it pushes: the address is the secret.
 */

type Fields = Readonly<Record<string, unknown>>
export type ReadReceipts = (body: unknown) => PushedReceipt[]

/** Of one push; providers put at most a hundred into one. */
const maxRows = 200
const maxWords = 200

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const rowsOf = (body: unknown): Fields[] => (Array.isArray(body) ? body : [body]).slice(0, maxRows).filter(isFields)
const textOf = (value: unknown): string =>
  typeof value === 'string' || typeof value === 'number' ? String(value).slice(0, maxWords) : ''

/** Beijing time without a zone, `2026-11-22 10:02:03`, as epoch ms. */
export function beijingTime(value: unknown): { at?: number } {
  const at = typeof value === 'string' ? Date.parse(`${value.replace(' ', 'T')}+08:00`) : Number.NaN
  return Number.isNaN(at) ? {} : { at }
}

/** Epoch seconds as text. */
function secondsOf(value: unknown): { at?: number } {
  const seconds = Number(textOf(value))
  return Number.isFinite(seconds) && seconds > 0 ? { at: seconds * 1000 } : {}
}

const undelivered = (...words: unknown[]): Delivery => ({
  state: 'failed',
  ...tell('undelivered', { said: words.map(textOf).filter(Boolean).join(' ') || '?' }),
})
const missed = (...words: unknown[]): Delivery => ({
  state: 'failed',
  ...tell('call-missed', { said: words.map(textOf).filter(Boolean).join(' ') || '?' }),
})

function receipts(rows: Fields[], read: (row: Fields) => Partial<PushedReceipt> | undefined): PushedReceipt[] {
  return rows.flatMap((row) => {
    const found = read(row)
    return found?.reference && (found.delivery || found.isAnswer) ? [{ ...found, reference: found.reference }] : []
  })
}

export const aliyunSmsReceipts: ReadReceipts = (body) =>
  receipts(rowsOf(body), ({ biz_id, success, err_code, err_msg, report_time }) => {
    if (typeof success !== 'boolean') return undefined
    const delivery: Delivery = success
      ? { state: 'delivered', ...tell('delivered'), ...beijingTime(report_time) }
      : undelivered(err_code, err_msg)
    return { reference: textOf(biz_id), delivery }
  })

export const tencentSmsReceipts: ReadReceipts = (body) =>
  receipts(rowsOf(body), ({ sid, report_status, errmsg, description, user_receive_time }) => {
    if (report_status !== 'SUCCESS' && report_status !== 'FAIL') return undefined
    const delivery: Delivery =
      report_status === 'SUCCESS'
        ? { state: 'delivered', ...tell('delivered'), ...beijingTime(user_receive_time) }
        : undelivered(errmsg, description)
    return { reference: textOf(sid), delivery }
  })

/** Taken, and what became of it then. */
const aliyunTaken = {
  200000: 'call-heard',
  200001: 'call-cut-short',
  200008: 'call-taken',
  200100: 'call-taken',
} as const
/** Steps on the way, which say nothing of the end. */
const aliyunUnderWay = new Set(['200101', '200102', '200103'])

/** @param answerKey the key that says "I take care of it"; absent: none does */
export function aliyunCallReceipts(answerKey: string | undefined): ReadReceipts {
  return (body) =>
    receipts(rowsOf(body), ({ call_id, status_code, status_msg, start_time, dtmf }) => {
      const code = textOf(status_code)
      const taken = aliyunTaken[code as unknown as keyof typeof aliyunTaken]
      const key = keyOf(dtmf, answerKey)
      const isMissed = /^200\d{3}$/.test(code) && !taken && !aliyunUnderWay.has(code)
      const delivery: Delivery | undefined = key.delivery
        ? { ...key.delivery, ...beijingTime(start_time) }
        : taken
          ? { state: 'delivered', ...tell(taken), ...beijingTime(start_time) }
          : isMissed
            ? missed(code, status_msg)
            : undefined
      return { ...key, reference: textOf(call_id), ...(delivery ? { delivery } : {}) }
    })
}

/** @param answerKey as of Aliyun */
export function tencentCallReceipts(answerKey: string | undefined): ReadReceipts {
  return (body) =>
    receipts(
      rowsOf(body),
      ({ voiceprompt_callback: call, voicekey_callback: pressed, voice_failure_callback: failure }) => {
        if (isFields(pressed)) return { ...keyOf(pressed.keypress, answerKey), reference: textOf(pressed.callid) }
        if (isFields(failure))
          return { reference: textOf(failure.callid), delivery: missed(failure.failure_code, failure.failure_reason) }
        if (!isFields(call)) return undefined
        const result = textOf(call.result)
        if (result === '0')
          return {
            reference: textOf(call.callid),
            delivery: { state: 'delivered', ...tell('call-taken'), ...secondsOf(call.accept_time) },
          }
        return result === '' ? undefined : { reference: textOf(call.callid), delivery: missed(result) }
      },
    )
}

/** A key pressed: somebody has taken the call, and with the right key they go. */
function keyOf(pressed: unknown, answerKey: string | undefined): Partial<PushedReceipt> {
  const key = textOf(pressed).slice(0, 16)
  if (key === '') return {}
  return {
    delivery: { state: 'delivered', ...tell('key-pressed', { pressed: key }) },
    ...(answerKey !== undefined && key.startsWith(answerKey) ? { isAnswer: true } : {}),
  }
}
