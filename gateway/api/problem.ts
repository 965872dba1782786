import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import type { Phrase, Refusal } from '../core/alarm.ts'
import { DeliveryError } from '../core/errors.ts'
import type { ErrorBody, ErrorCode, FieldError } from './schemas/index.ts'

/** Why a request is not answered as asked: the one error a route throws. */
export class Problem extends Error {
  readonly statusCode: number
  readonly code: ErrorCode
  readonly details?: FieldError[]
  /** The message for translation. */
  readonly phrase?: Phrase
  readonly headers: Record<string, string>
  constructor(
    statusCode: number,
    code: ErrorCode,
    message: string,
    more: { details?: FieldError[]; phrase?: Phrase; headers?: Record<string, string> } = {},
  ) {
    super(message)
    this.name = 'Problem'
    this.statusCode = statusCode
    this.code = code
    this.headers = more.headers ?? {}
    if (more.details) this.details = more.details
    if (more.phrase) this.phrase = more.phrase
  }
}

export const notFound = (what: string, id: string): Problem =>
  new Problem(404, 'not-found', `there is no ${what} ${id}`)

/** To whoever may not look into windows. */
export const windowsStayMasked = (): Problem =>
  new Problem(403, 'forbidden', 'this shows windows unmasked: only an admin may see it, and it is recorded')

/** The domain's no, in its own words. */
export const refused = ({ refused, phrase, details }: Refusal): Problem =>
  new Problem(409, 'refused', refused, {
    ...(phrase ? { phrase } : {}),
    ...(details ? { details: [...details] } : {}),
  })

export const invalid = (field: string, message: string, phrase?: Phrase): Problem =>
  new Problem(400, 'invalid', `${field} ${message}`, { details: [{ field, message, ...(phrase ? { phrase } : {}) }] })

export const tooMany = (message: string, retryAfterMs: number): Problem =>
  new Problem(429, 'too-many', message, { headers: { 'retry-after': String(Math.ceil(retryAfterMs / 1000)) } })

const codeOfStatus = (status: number): ErrorCode => {
  if (status === 401) return 'unauthenticated'
  if (status === 403) return 'forbidden'
  if (status === 404) return 'not-found'
  if (status === 429) return 'too-many'
  return 'invalid'
}

/** Answers every error in one shape. What is the gateway's own fault is logged here and told without its inside. */
export function answerError(error: FastifyError | Error, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const answer = (
    status: number,
    code: ErrorCode,
    message: string,
    { details, phrase }: { details?: FieldError[]; phrase?: Phrase } = {},
  ) =>
    reply
      .code(status)
      .type('application/json; charset=utf-8')
      .send({
        error: { code, message, ...(phrase ? { phrase } : {}), ...(details ? { details } : {}) },
      } satisfies ErrorBody)

  if (error instanceof Problem) {
    reply.headers(error.headers)
    return answer(error.statusCode, error.code, error.message, error)
  }
  if (error instanceof DeliveryError)
    return answer(502, 'unavailable', error.hint ? `${error.message}: ${error.hint}` : error.message, {
      ...(error.phrase ? { phrase: error.phrase } : {}),
    })
  const status = 'statusCode' in error ? error.statusCode : undefined
  if (status !== undefined && status >= 400 && status < 500) return answer(status, codeOfStatus(status), error.message)
  request.log.error({ err: error, method: request.method, route: request.routeOptions.url }, 'a request failed')
  return answer(500, 'internal', 'the gateway failed at this request; its log says why')
}
