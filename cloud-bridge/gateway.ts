import { Type } from 'typebox'
import { Value } from 'typebox/value'
import type { Refusal } from '../gateway/core/alarm.ts'
import { DeliveryError } from '../gateway/core/errors.ts'
import { JournalRow } from './case.ts'
import { TimeLimitError, withTimeLimit } from './time-limit.ts'

/*
 * The gateway's REST interface as the bridge uses it, with the bearer token of a user of role `bridge`.
 * Every method rejects with a GatewayError, which is always worth another try; a refusal is an answer.
 */

export interface GatewayTransition {
  to: string
  role: 'issuer' | 'unit'
  at?: string
  note?: string
  reason?: string
  unit?: string
  respondBy?: string
  resolveBy?: string
  actorName?: string
  organisation?: string
  /** The gateway answers a repeat with the case and applies nothing. */
  idempotencyKey: string
}

export interface JournalPage {
  rows: JournalRow[]
  lastSeq: number
}

export interface Gateway {
  /** Rows of the topics after `after`; waits up to `waitMs` for one when there is none. */
  journal(request: {
    after: number
    limit: number
    topics: readonly string[]
    waitMs: number
    signal: AbortSignal
  }): Promise<JournalPage>
  /** The file, or a refusal when the gateway has it no more. */
  evidence(id: string, signal: AbortSignal): Promise<{ bytes: Uint8Array<ArrayBuffer>; contentType: string } | Refusal>
  link(
    caseId: string,
    link: { upstream: string; upstreamRef: string },
    signal: AbortSignal,
  ): Promise<Refusal | undefined>
  transition(caseId: string, transition: GatewayTransition, signal: AbortSignal): Promise<Refusal | undefined>
}

export interface GatewayOptions {
  /** Base address without /api/v1. */
  url: string
  token: string
  requestTimeoutMs: number
}

/** The gateway is away, busy, or turns the bridge away. */
export class GatewayError extends DeliveryError {
  constructor(message: string, options: { hint?: string; retryAfterMs?: number; cause?: unknown }) {
    super(message, { retryable: true, ...options })
    this.name = 'GatewayError'
  }
}

const Page = Type.Object({ entries: Type.Array(JournalRow), lastSeq: Type.Integer({ minimum: 0 }) })
const Problem = Type.Object({ error: Type.Object({ code: Type.String(), message: Type.String() }) })
/** Answers that another try will not change. Anything else with these statuses comes from a proxy or a wrong address. */
const refusalCodes: ReadonlySet<string> = new Set(['refused', 'invalid', 'not-found'])

export function createGateway(options: GatewayOptions, world: { fetch: typeof fetch }): Gateway {
  const base = `${options.url.replace(/\/+$/, '')}/api/v1`

  async function call(method: string, path: string, body: object | undefined, signal: AbortSignal, extraMs = 0) {
    try {
      return await withTimeLimit(options.requestTimeoutMs + extraMs, signal, async (limited) => {
        const response = await world.fetch(base + path, {
          method,
          headers: {
            authorization: `Bearer ${options.token}`,
            ...(body ? { 'content-type': 'application/json' } : {}),
          },
          ...(body ? { body: JSON.stringify(body) } : {}),
          redirect: 'error',
          signal: limited,
        })
        return { response, bytes: new Uint8Array(await response.arrayBuffer()) }
      })
    } catch (cause) {
      if (signal.aborted) throw signal.reason
      const inner = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause
      const message =
        cause instanceof TimeLimitError ? cause.message : `cannot be reached: ${(inner as Error).message || inner}`
      throw new GatewayError(message, { hint: `check that ${options.url} answers from here`, cause })
    }
  }

  function refusalOrThrow(response: Response, value: unknown): Refusal {
    const problem = Value.Check(Problem, value) ? value.error : undefined
    if (problem && response.status < 500 && refusalCodes.has(problem.code)) return { refused: problem.message }
    const retryAfter = Number(response.headers.get('retry-after') ?? Number.NaN)
    throw new GatewayError(`answered ${response.status}${problem ? ` ${problem.code}: ${problem.message}` : ''}`, {
      ...(response.status === 401 || response.status === 403
        ? { hint: 'check the bridge token: gateway.token must belong to a user of role bridge' }
        : {}),
      ...(response.status === 404 ? { hint: `is ${options.url} the address of the gateway?` } : {}),
      ...(Number.isFinite(retryAfter) ? { retryAfterMs: retryAfter * 1000 } : {}),
    })
  }

  async function post(path: string, body: object, signal: AbortSignal): Promise<Refusal | undefined> {
    const { response, bytes } = await call('POST', path, body, signal)
    return response.ok ? undefined : refusalOrThrow(response, parseJson(bytes))
  }

  return {
    async journal({ after, limit, topics, waitMs, signal }) {
      const query = new URLSearchParams({
        after: String(after),
        limit: String(limit),
        topics: topics.join(','),
        waitMs: String(waitMs),
      })
      const { response, bytes } = await call('GET', `/journal?${query}`, undefined, signal, waitMs)
      const value = parseJson(bytes)
      if (!response.ok) {
        const { refused } = refusalOrThrow(response, value)
        throw new GatewayError(`answered ${response.status}: ${refused}`, {
          hint: 'gateway and bridge must be of one version',
        })
      }
      if (!Value.Check(Page, value)) {
        const [problem] = Value.Errors(Page, value)
        throw new GatewayError(
          `the journal is not readable: ${problem?.instancePath ?? ''} ${problem?.message ?? ''}`,
          {
            hint: 'gateway and bridge must be of one version',
          },
        )
      }
      return { rows: value.entries, lastSeq: value.lastSeq }
    },
    async evidence(id, signal) {
      const { response, bytes } = await call('GET', `/evidence/${encodeURIComponent(id)}`, undefined, signal)
      if (!response.ok) return refusalOrThrow(response, parseJson(bytes))
      return { bytes, contentType: response.headers.get('content-type') ?? 'application/octet-stream' }
    },
    link: (caseId, link, signal) => post(`/cases/${encodeURIComponent(caseId)}/upstream`, link, signal),
    transition: (caseId, transition, signal) =>
      post(`/cases/${encodeURIComponent(caseId)}/transitions`, transition, signal),
  }
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8'))
  } catch {
    return undefined
  }
}
