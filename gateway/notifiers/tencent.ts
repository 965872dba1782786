import { createHash, createHmac } from 'node:crypto'
import { Type } from 'typebox'
import { channelError } from '../core/channel-words.ts'
import type { DeliveryError } from '../core/errors.ts'
import { request, requireSuccess } from './http.ts'
import { SecretReference } from './notifier.ts'

/** Options of both products: who calls, and where. */
export const tencentAccount = (url: string) => ({
  secretId: Type.String({ minLength: 1 }),
  secretKey: SecretReference,
  region: Type.String({ default: 'ap-guangzhou' }),
  url: Type.String({ pattern: '^https?://', default: url, description: 'Endpoint of the product.' }),
})

export interface TencentCall {
  url: string
  /** `sms`, `vms`: part of the signature's scope. */
  service: string
  action: string
  version: string
  region: string
  body: string
  secretId: string
  secretKey: string
  /** Epoch ms. */
  now: number
}

const contentType = 'application/json; charset=utf-8'
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')
const hmac = (key: string | Buffer, text: string) => createHmac('sha256', key).update(text).digest()

/** Headers of a call signed by TC3-HMAC-SHA256. */
export function signTencent(call: TencentCall): Record<string, string> {
  const { host } = new URL(call.url)
  const timestamp = Math.floor(call.now / 1000)
  const date = new Date(call.now).toISOString().slice(0, 10)
  const names = 'content-type;host'
  const lines = `content-type:${contentType}\nhost:${host}\n`
  const canonical = ['POST', '/', '', lines, names, sha256(call.body)].join('\n')
  const scope = `${date}/${call.service}/tc3_request`
  const key = hmac(hmac(hmac(`TC3${call.secretKey}`, date), call.service), 'tc3_request')
  const text = `TC3-HMAC-SHA256\n${timestamp}\n${scope}\n${sha256(canonical)}`
  const signature = hmac(key, text).toString('hex')
  return {
    'content-type': contentType,
    authorization: `TC3-HMAC-SHA256 Credential=${call.secretId}/${scope}, SignedHeaders=${names}, Signature=${signature}`,
    'x-tc-action': call.action,
    'x-tc-timestamp': String(timestamp),
    'x-tc-version': call.version,
    'x-tc-region': call.region,
  }
}

/** Calls and returns `Response`. @throws {DeliveryError} where it holds an `Error` */
export async function callTencent(
  send: typeof fetch,
  call: TencentCall,
  signal: AbortSignal,
): Promise<Record<string, unknown>> {
  const answer = await request(send, call.url, { headers: signTencent(call), body: call.body, signal })
  requireSuccess('Tencent', answer)
  const { Response: response } = (answer.json ?? {}) as { Response?: Record<string, unknown> }
  const error = response?.Error as { Code?: string; Message?: string } | undefined
  if (response && !error) return response
  throw tencentError(error?.Code ?? 'no answer of this product', error?.Message ?? '')
}

/** @param code of the call or of one number in it */
export function tencentError(code: string, message: string): DeliveryError {
  const isLimit = /^(LimitExceeded|RequestLimitExceeded)/.test(code)
  const isDaily = /Daily|24Hour/i.test(code)
  const retryable = (isLimit && !isDaily) || /^InternalError/.test(code)
  const isCredential = /^AuthFailure|^UnauthorizedOperation/.test(code)
  return channelError(
    'refused-it',
    { by: 'Tencent', code, said: message.slice(0, 200) },
    {
      retryable,
      hint: isCredential ? 'check-key' : isLimit ? 'over-limit' : 'check-template',
      ...(isLimit && !isDaily ? { retryAfterMs: 60_000 } : {}),
    },
  )
}
