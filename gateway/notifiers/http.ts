import { channelError } from '../core/channel-words.ts'

/** A channel that says nothing for so long is not going to. */
const answerWithinMs = 10_000
/** More than this is no answer to a message. */
const maxAnswerBytes = 64 * 1024

export interface HttpAnswer {
  status: number
  headers: Headers
  text: string
  /** The answer as JSON; undefined where it is none. */
  json: unknown
}

/**
 * One request to a channel. Answers of any status are returned; only the absence of one throws.
 * @throws {DeliveryError} retryable: nobody answered
 */
export async function request(
  send: typeof fetch,
  url: string,
  options: {
    method?: string
    headers?: Record<string, string>
    body?: string | Uint8Array<ArrayBuffer>
    signal: AbortSignal
  },
): Promise<HttpAnswer> {
  const { host } = new URL(url)
  try {
    const answer = await send(url, {
      method: options.method ?? 'POST',
      headers: options.headers ?? {},
      redirect: 'error',
      ...(options.body === undefined ? {} : { body: options.body }),
      signal: AbortSignal.any([options.signal, AbortSignal.timeout(answerWithinMs)]),
    })
    const text = (await answer.text()).slice(0, maxAnswerBytes)
    return { status: answer.status, headers: answer.headers, text, json: parse(text) }
  } catch (cause) {
    // The URL of a bot is its password: only the host is named.
    const options = { retryable: true, hint: 'check-way', cause } as const
    if (cause instanceof Error && cause.name === 'TimeoutError')
      throw channelError('no-answer-in-time', { by: host, seconds: answerWithinMs / 1000 }, options)
    throw channelError('no-answer', { by: host, said: reasonOf(cause) }, options)
  }
}

/** POST of JSON, as `request`. */
export function postJson(
  send: typeof fetch,
  url: string,
  body: unknown,
  signal: AbortSignal,
  headers: Record<string, string> = {},
): Promise<HttpAnswer> {
  return request(send, url, {
    headers: { 'content-type': 'application/json; charset=utf-8', ...headers },
    body: JSON.stringify(body),
    signal,
  })
}

/** Throws what a status outside 2xx means: 408, 429 and 5xx may be tried again, the others not. */
export function requireSuccess(channel: string, { status, text }: HttpAnswer): void {
  if (status >= 200 && status < 300) return
  const retryable = status === 408 || status === 429 || status >= 500
  throw channelError(
    'status',
    { by: channel, status, said: text.slice(0, 200) },
    {
      retryable,
      hint: status === 401 || status === 403 ? 'check-password' : retryable ? 'tried-again' : 'check-options',
    },
  )
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause)
  const inner = (cause.cause as { code?: string } | undefined)?.code
  return inner ?? cause.message
}
