import { createHash, createHmac, randomUUID } from 'node:crypto'
import { Type } from 'typebox'
import { channelError } from '../core/channel-words.ts'
import { type HttpAnswer, request, requireSuccess } from './http.ts'
import { SecretReference } from './notifier.ts'

/** Options of both products: who calls, and where. */
export const aliyunAccount = (url: string) => ({
  accessKeyId: Type.String({ minLength: 1 }),
  accessKeySecret: SecretReference,
  url: Type.String({ pattern: '^https?://', default: url, description: 'Endpoint of the product.' }),
})

export interface AliyunCall {
  url: string
  action: string
  /** Of the product's API, e.g. `2017-05-25`. */
  version: string
  parameters: Readonly<Record<string, string>>
  accessKeyId: string
  accessKeySecret: string
  now: number
  /** A number used once; random where absent. */
  nonce?: string
}

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')
/** As RFC 3986 has it: `!'()*` are encoded too. */
const encode = (text: string) =>
  encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`)

/** URL and headers of a call signed by ACS3-HMAC-SHA256; its parameters are the query, its body is empty. */
export function signAliyun(call: AliyunCall): { url: string; headers: Record<string, string> } {
  const { host } = new URL(call.url)
  const query = Object.entries(call.parameters)
    .map(([name, value]) => `${encode(name)}=${encode(value)}`)
    .sort()
    .join('&')
  const emptyHash = sha256('')
  const headers: Record<string, string> = {
    host,
    'x-acs-action': call.action,
    'x-acs-content-sha256': emptyHash,
    'x-acs-date': new Date(call.now).toISOString().replace(/\.\d+Z$/, 'Z'),
    'x-acs-signature-nonce': call.nonce ?? randomUUID(),
    'x-acs-version': call.version,
  }
  const names = Object.keys(headers).join(';')
  const lines = Object.entries(headers).map(([name, value]) => `${name}:${value}\n`)
  const canonical = ['POST', '/', query, lines.join(''), names, emptyHash].join('\n')
  const signature = createHmac('sha256', call.accessKeySecret)
    .update(`ACS3-HMAC-SHA256\n${sha256(canonical)}`)
    .digest('hex')
  const { host: _, ...sent } = headers
  const authorization = `ACS3-HMAC-SHA256 Credential=${call.accessKeyId},SignedHeaders=${names},Signature=${signature}`
  return { url: `${new URL('/', call.url).href}?${query}`, headers: { ...sent, authorization } }
}

/** Calls and returns the answer's fields. @throws {DeliveryError} where `Code` is not `OK` */
export async function callAliyun(
  send: typeof fetch,
  call: AliyunCall,
  signal: AbortSignal,
): Promise<Record<string, unknown>> {
  const { url, headers } = signAliyun(call)
  const answer = await request(send, url, { headers, signal })
  const body = (answer.json ?? {}) as Record<string, unknown>
  if (body.Code === 'OK') return body
  throw aliyunError(answer, String(body.Code ?? ''), String(body.Message ?? ''))
}

function aliyunError(answer: HttpAnswer, code: string, message: string): unknown {
  if (code === '') {
    try {
      requireSuccess('Aliyun', answer)
    } catch (error) {
      return error
    }
  }
  // Flow control: of one number, of the account, or of a moment.
  const isLimit = /LIMIT|Throttling/i.test(code)
  const isDaily = /DAY_LIMIT/i.test(code)
  const isCredential = /Signature|AccessKey|Forbidden/i.test(code)
  const parameters = { by: 'Aliyun', code: code || answer.status, said: message.slice(0, 200) }
  return channelError('refused-it', parameters, {
    retryable: (isLimit && !isDaily) || answer.status >= 500,
    hint: isCredential ? 'check-key' : isLimit ? 'over-limit' : 'check-template',
    ...(isLimit && !isDaily ? { retryAfterMs: 60_000 } : {}),
  })
}
