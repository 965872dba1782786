import { randomBytes } from 'node:crypto'
import { type Static, type TSchema, Type } from 'typebox'
import { Value } from 'typebox/value'
import { definedOnly } from '../defined.ts'
import { sha256 } from '../sha256.ts'
import { TimeLimitError, withTimeLimit } from '../time-limit.ts'
import {
  type CaseReport,
  type Delivery,
  type SiteTransition,
  type UnreadableEvent,
  type Upstream,
  type UpstreamContext,
  UpstreamError,
  type UpstreamEvent,
  type UpstreamOptions,
} from '../upstream.ts'
import { Event, EventPage, Problem, Receipt, WebhookBody } from './grid-rest-messages.ts'
import { createNonceMemory, signature, whyNotTrusted } from './grid-rest-signature.ts'
import type { Dialect } from './index.ts'

/*
 * The dialect of docs/reference/grid-rest.yaml: JSON over HTTPS, HMAC-signed, idempotency keys, evidence by multipart,
 * status by webhook and by polling.
 */

/** The platform refuses what the request says; the same request will be refused again. */
const schemaRefusals: ReadonlySet<number> = new Set([400, 413, 415, 422])
const pageLimit = 100
const noncesRemembered = 10_000
/** Characters of an event nobody can read that are kept for a person to look at. */
const unreadableKept = 4000
const answerLimitBytes = 4 * 1024 * 1024

const iso = (at: number) => new Date(at).toISOString()
const isoOrNone = (at: number | undefined) => (at === undefined ? undefined : iso(at))
/** Some programs write the thirtieth of February, or the year 1 where they know nothing: neither is an instant. */
function parseOrNone(at: string | undefined): number | undefined {
  const ms = at === undefined ? Number.NaN : Date.parse(at)
  return Number.isFinite(ms) && ms > 0 ? ms : undefined
}

function transitionBody(transition: SiteTransition) {
  const { at, respondBy, resolveBy, ...rest } = transition
  return definedOnly({ ...rest, at: iso(at), respondBy: isoOrNone(respondBy), resolveBy: isoOrNone(resolveBy) })
}

/** The matter in the field names of GB/T 47678.5-2026. */
function matter(report: CaseReport, options: UpstreamOptions) {
  const { place, title } = report.case
  const cell = place.gridCell ?? options.gridCell
  const region = options.regionCode ?? cell?.slice(0, 6)
  // Local extension codes are written x10999 in the disposal list: the x stands for the region.
  const code = report.code?.replace(/^x/, '')
  const isFull = code !== undefined && /^\d{11}$/.test(code)
  const sxdm = isFull ? code : code && /^\d{5}$/.test(code) && region ? region + code : undefined
  const where = [place.building, place.unit, place.floor, place.lift].filter((part) => part !== undefined).join(' ')
  return definedOnly({
    SXDM: sxdm,
    SXMC: title.slice(0, 200) || report.case.type,
    ZGBMDM: options.departmentCode,
    ZGBMMC: options.departmentName ?? report.unit,
    SFWZ: where || place.site,
    SZDYWGBSM: cell,
  })
}

function toEvent(event: Static<typeof Event>): UpstreamEvent {
  const { at, respondBy, resolveBy, ...rest } = event
  return definedOnly({
    ...rest,
    at: parseOrNone(at),
    respondBy: parseOrNone(respondBy),
    resolveBy: parseOrNone(resolveBy),
  })
}

function toUnreadable(event: unknown): UnreadableEvent {
  const { id, caseId, caseSeq } = Object(event) as Partial<Record<keyof UnreadableEvent, unknown>>
  const text = JSON.stringify(event)
  const [error] = Value.Errors(Event, event)
  const isName = (value: unknown, limit: number): value is string =>
    typeof value === 'string' && value !== '' && value.length <= limit
  return {
    id: isName(id, 128) ? id : `unreadable-${sha256(text).slice(0, 16)}`,
    caseId: isName(caseId, 64) ? caseId : '',
    caseSeq: Number.isSafeInteger(caseSeq) && Number(caseSeq) > 0 ? Number(caseSeq) : 0,
    problem: `not what the reference says: ${error?.instancePath ?? ''} ${error?.message ?? ''}`.slice(0, 1000),
    body: text.length <= unreadableKept ? event : { beginning: text.slice(0, unreadableKept) },
  }
}

function create(options: UpstreamOptions, context: UpstreamContext): Upstream {
  const base = new URL(options.url.replace(/\/+$/, ''))
  const nonces = createNonceMemory(noncesRemembered)
  // The platform's clock minus ours, learnt from its own refusal: a gateway without a battery clock starts in 1970.
  let clockOffsetMs = 0

  async function exchange(
    method: string,
    path: string,
    content: { body: Uint8Array<ArrayBuffer>; type: string } | undefined,
    call: { idempotencyKey?: string; signal: AbortSignal },
  ): Promise<{ status: number; headers: Headers; value: unknown }> {
    const url = new URL(base.pathname.replace(/\/$/, '') + path, base)
    const timestamp = Math.round(context.now() + clockOffsetMs)
    const nonce = randomBytes(16).toString('hex')
    const bodySha256 = sha256(content?.body ?? '')
    const idempotencyKey = call.idempotencyKey ?? ''
    const target = url.pathname + url.search
    try {
      return await withTimeLimit(options.requestTimeoutMs, call.signal, async (signal) => {
        const response = await context.fetch(url, {
          method,
          headers: {
            accept: 'application/json',
            'grid-key-id': options.keyId,
            'grid-timestamp': String(timestamp),
            'grid-nonce': nonce,
            'grid-content-sha256': bodySha256,
            'grid-signature': signature(options.secret, {
              method,
              path: target,
              timestamp,
              nonce,
              idempotencyKey,
              bodySha256,
            }),
            ...(idempotencyKey ? { 'idempotency-key': idempotencyKey } : {}),
            ...(content ? { 'content-type': content.type } : {}),
          },
          ...(content ? { body: content.body } : {}),
          redirect: 'error',
          signal,
        })
        return { status: response.status, headers: response.headers, value: parseJson(await readText(response)) }
      })
    } catch (cause) {
      if (call.signal.aborted) throw call.signal.reason
      const message = cause instanceof TimeLimitError ? cause.message : `cannot be reached: ${reasonOf(cause)}`
      const hint = `check that ${base.origin} answers from here`
      throw new UpstreamError(message, { retryable: true, isPlatformWide: true, hint, cause })
    }
  }

  async function request<S extends TSchema>(
    answer: S,
    method: string,
    path: string,
    content: { body: Uint8Array<ArrayBuffer>; type: string } | undefined,
    call: { idempotencyKey?: string; signal: AbortSignal },
  ): Promise<Static<S>> {
    let result = await exchange(method, path, content, call)
    const serverTime = skewedServerTime(result)
    if (serverTime !== undefined) {
      clockOffsetMs = serverTime - context.now()
      result = await exchange(method, path, content, call)
    }
    if (result.status < 200 || result.status > 299) throw refusal(result, context.now())
    if (!Value.Check(answer, result.value))
      throw new UpstreamError(`answered ${result.status} with something else than the reference says`, {
        retryable: true,
        isPlatformWide: false,
        hint: 'does the url name a grid-rest platform, with its base path?',
      })
    return result.value as Static<S>
  }

  const post = <S extends TSchema>(answer: S, path: string, body: object, { stream, seq, ...call }: Delivery) => {
    const bytes = new TextEncoder().encode(JSON.stringify({ site: options.site, stream, seq, ...body }))
    return request(answer, 'POST', path, { body: bytes, type: 'application/json' }, call)
  }

  return {
    name: options.name,
    kind: 'grid-rest',
    async openCase(report, delivery) {
      const { openedAt, respondBy, resolveBy, title, ...rest } = report.case
      const body = {
        case: definedOnly({
          ...rest,
          title: title.slice(0, 500),
          openedAt: iso(openedAt),
          respondBy: isoOrNone(respondBy),
          resolveBy: isoOrNone(resolveBy),
        }),
        matter: matter(report, options),
        transition: transitionBody(report.transition),
      }
      const { ref } = await post(Receipt, '/cases', body, delivery)
      return { ref }
    },
    async transition(ref, { caseId, transition }, delivery) {
      const body = { caseId, transition: transitionBody(transition) }
      await post(Receipt, `/cases/${encodeURIComponent(ref)}/transitions`, body, delivery)
    },
    async evidence(ref, { bytes, fromAt, toAt, ...facts }, { stream, seq, ...call }) {
      const meta = definedOnly({
        site: options.site,
        stream,
        seq,
        ...facts,
        bytes: bytes.byteLength,
        fromAt: isoOrNone(fromAt),
        toAt: isoOrNone(toAt),
        isMasked: false,
      })
      const form = new FormData()
      form.append('meta', new Blob([JSON.stringify(meta)], { type: 'application/json' }), 'meta.json')
      form.append('file', new Blob([bytes], { type: facts.contentType }), facts.evidenceId)
      // Serialised before sending: the signature covers the bytes of the body.
      const multipart = new Response(form)
      const content = {
        body: new Uint8Array(await multipart.arrayBuffer()),
        type: multipart.headers.get('content-type') ?? 'multipart/form-data',
      }
      const answer = Type.Object({ sha256: Type.Literal(facts.sha256) })
      await request(answer, 'POST', `/cases/${encodeURIComponent(ref)}/evidence`, content, call)
    },
    async poll({ cursor, stream, head, signal }) {
      const query = new URLSearchParams({
        site: options.site,
        ...(cursor === undefined ? {} : { after: cursor }),
        limit: String(pageLimit),
        stream,
        head: String(head),
      })
      const page = await request(EventPage, 'GET', `/cases/events?${query}`, undefined, { signal })
      const { cursor: next, hasMore } = page
      const isReadable = (event: unknown): event is Static<typeof Event> => Value.Check(Event, event)
      const unreadable = page.events.filter((event) => !isReadable(event)).map(toUnreadable)
      return { events: page.events.filter(isReadable).map(toEvent), unreadable, cursor: next, hasMore }
    },
    verifyWebhook(received) {
      const { keyId, secret, site } = options
      const refused = whyNotTrusted(received, { keyId, secret, now: context.now() + clockOffsetMs, nonces })
      if (refused) return { refused, status: 401 }
      const body = parseJson(Buffer.from(received.body).toString('utf8'))
      if (!Value.Check(WebhookBody, body)) return { refused: 'the body is not what the reference says', status: 422 }
      if (body.site !== site) return { refused: `this is the bridge of site ${site}`, status: 422 }
      return body.events.map(toEvent)
    },
  }
}

/** Bounded: a broken proxy may answer with anything. */
async function readText(response: Response): Promise<string> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength
    if (bytes > answerLimitBytes) throw new Error(`the answer is larger than ${answerLimitBytes} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { cause } = error
  if (cause instanceof Error) return cause.message || ((cause as NodeJS.ErrnoException).code ?? error.message)
  return error.message
}

function skewedServerTime({ status, value }: { status: number; value: unknown }): number | undefined {
  if (status !== 401 || !Value.Check(Problem, value) || value.error.code !== 'clock-skew') return undefined
  return value.error.serverTime === undefined ? undefined : Date.parse(value.error.serverTime)
}

function refusal({ status, headers, value }: { status: number; headers: Headers; value: unknown }, now: number) {
  const problem = Value.Check(Problem, value) ? value.error : undefined
  const details = problem?.details?.map(({ path, message }) => `${path}: ${message}`).join('; ')
  const message = `answered ${status}${problem ? ` ${problem.code}: ${problem.message}` : ''}${details ? ` (${details})` : ''}`
  if (schemaRefusals.has(status))
    return new UpstreamError(message.slice(0, 2000), {
      retryable: false,
      isPlatformWide: false,
      hint: 'mend what the platform objects to, then send the row again',
    })
  const retryAfterMs = pauseAskedFor(headers.get('retry-after'), now)
  return new UpstreamError(message.slice(0, 2000), {
    retryable: true,
    isPlatformWide: status === 401 || status === 403 || status === 429 || status >= 500,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    ...(status === 401 || status === 403 ? { hint: 'check keyId, secret and site against the platform' } : {}),
    ...(status === 404 ? { hint: 'the platform does not know the address or the case; check the url' } : {}),
  })
}

/** Retry-After in seconds or as an HTTP date (RFC 9110 §10.2.3). */
function pauseAskedFor(header: string | null, now: number): number | undefined {
  if (header === null) return undefined
  const seconds = Number(header)
  const ms = Number.isFinite(seconds) ? seconds * 1000 : Date.parse(header) - now
  return Number.isFinite(ms) && ms >= 0 ? ms : undefined
}

export const gridRest: Dialect = { kind: 'grid-rest', create }
