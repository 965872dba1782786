import { createHash } from 'node:crypto'
import { renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Behaviour } from './behaviour.ts'
import { CaseReport, EvidenceMeta, problemsOf, TransitionReport } from './messages.ts'
import { replayWindowMs, verify } from './signing.ts'
import type { Store } from './store.ts'
import type { Workflow } from './workflow.ts'

/** A site that may speak to the platform. */
export interface SiteKey {
  secret: string
  site: string
  /** Where status goes to besides polling. */
  webhookUrl?: string
}

export interface ApiOptions {
  store: Store
  workflow: Workflow
  behaviour(): Behaviour
  keys(): Record<string, SiteKey>
  now(): number
  random(): number
  evidenceDir: string
  /** Called after something changed. */
  onChange(): void
}

interface Caller {
  site: string
}

const problem = (code: string, message: string, more: object = {}) => ({ error: { code, message, ...more } })

/** The paths of docs/reference/grid-rest.yaml, below the prefix this plugin is registered with. */
export function gridRestApi(server: FastifyInstance, options: ApiOptions): void {
  const { store, workflow, now } = options

  server.removeAllContentTypeParsers()
  // Bytes as they came: the signature covers them.
  server.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))

  server.addHook('onRequest', async (request, reply) => {
    const { isAway, answerDelayMs, fault } = options.behaviour()
    if (isAway) return cut(request, reply)
    if (answerDelayMs > 0) await new Promise((resolve) => setTimeout(resolve, answerDelayMs))
    if (fault.share > 0 && options.random() < fault.share) {
      if (fault.retryAfterSeconds !== undefined) reply.header('retry-after', String(fault.retryAfterSeconds))
      const code = fault.status === 429 ? 'too-many' : 'unavailable'
      return reply.code(fault.status).send(problem(code, 'simulated fault'))
    }
  })

  /** The site that signed the request; answers 401 or 403 itself otherwise. */
  function caller(request: FastifyRequest, reply: FastifyReply): Caller | undefined {
    const received = {
      method: request.method,
      path: request.raw.url ?? '',
      headers: request.headers,
      body: bodyOf(request),
    }
    const verdict = verify(received, (keyId) => options.keys()[keyId]?.secret, now())
    if (!verdict.ok) {
      store.countRefusal(verdict.code)
      const serverTime = verdict.code === 'clock-skew' ? { serverTime: new Date(now()).toISOString() } : {}
      reply.code(401).send(problem(verdict.code, verdict.message, serverTime))
      return undefined
    }
    if (!store.useNonce(verdict.nonce, now(), 2 * replayWindowMs)) {
      store.countRefusal('replayed')
      reply.code(401).send(problem('replayed', 'the nonce was used before'))
      return undefined
    }
    return { site: options.keys()[verdict.keyId]?.site ?? '' }
  }

  /** Applies a change once and answers it; a key seen before gets the first answer. */
  function applyOnce(
    request: FastifyRequest,
    reply: FastifyReply,
    facts: { kind: string; site: string; stream: string; seq: number },
    apply: () => { ref: string },
  ): unknown {
    const key = request.headers['idempotency-key']
    if (typeof key !== 'string' || !/^[\x21-\x7e]{3,300}$/.test(key))
      return reply.code(422).send(problem('invalid', 'Idempotency-Key is missing', { details: [] }))
    const { answer, isRepeat } = store.transact(() => {
      store.arrived(facts.site, facts.stream, facts.seq, now())
      const first = store.repeated(key, now())
      if (first !== undefined) return { answer: first, isRepeat: true }
      const applied = apply()
      store.remember(key, facts.site, facts.kind, applied.ref, applied, now())
      return { answer: applied, isRepeat: false }
    })
    options.onChange()
    if (options.random() < options.behaviour().loseAnswerShare) return cut(request, reply)
    if (isRepeat) reply.header('idempotency-replayed', 'true')
    return reply.code(201).send(answer)
  }

  function refuse(reply: FastifyReply, message: string, details: Array<{ path: string; message: string }>): unknown {
    store.countRefusal('invalid')
    return reply.code(422).send(problem('invalid', message, { details }))
  }

  const otherSite = (reply: FastifyReply, site: string) =>
    reply.code(403).send(problem('forbidden', `the key does not belong to site ${site}`))

  server.post('/cases', async (request, reply) => {
    const from = caller(request, reply)
    if (!from) return reply
    const report = jsonOf(request)
    const details = problemsOf(CaseReport, report)
    if (details) return refuse(reply, 'not a CaseReport', details)
    const { site, stream, seq, case: reported } = report as CaseReport
    if (site !== from.site) return otherSite(reply, site)
    if (options.behaviour().refuseTypes.includes(reported.type))
      return refuse(reply, 'the platform takes no such matter', [{ path: '/case/type', message: reported.type }])
    return applyOnce(request, reply, { kind: 'open', site, stream, seq }, () => workflow.open(report as CaseReport))
  })

  server.get<{ Querystring: Record<string, string | undefined> }>('/cases/events', async (request, reply) => {
    const from = caller(request, reply)
    if (!from) return reply
    const { site, after = '0', limit = '100', stream, head } = request.query
    if (site !== from.site) return otherSite(reply, String(site))
    const count = Number(limit)
    if (!/^\d+$/.test(after) || !Number.isInteger(count) || count < 1 || count > 500)
      return refuse(reply, 'not a cursor of this platform, or limit is not 1 to 500', [])
    if (stream && head && /^\d+$/.test(head)) store.heard(site, stream, Number(head), now())
    const rows = store.events(site, Number(after), count + 1)
    const page = rows.slice(0, count)
    return {
      events: page.map(({ body }) => JSON.parse(body)),
      cursor: String(page.at(-1)?.seq ?? after),
      hasMore: rows.length > count,
    }
  })

  /** The case of the path, if it is the caller's; answers 404 itself otherwise. */
  function caseOf(request: FastifyRequest, reply: FastifyReply, { site }: Caller) {
    const { ref } = request.params as { ref: string }
    const found = store.case(ref)
    if (found?.site === site) return found
    reply.code(404).send(problem('not-found', `no case ${ref} of site ${site}`))
    return undefined
  }

  server.get('/cases/:ref', async (request, reply) => {
    const from = caller(request, reply)
    const found = from && caseOf(request, reply, from)
    if (!found) return reply
    const { ref, site, caseId, state, openedAt, report } = found
    return {
      ref,
      site,
      caseId,
      state,
      openedAt: new Date(openedAt).toISOString(),
      matter: report.matter,
      history: store.history(ref).map(({ to, role, at, isApplied, details }) => ({
        to,
        role,
        at: new Date(at).toISOString(),
        isApplied,
        ...details,
      })),
      evidence: store.evidence(ref).map(({ evidenceId, sha256 }) => ({ evidenceId, sha256 })),
    }
  })

  server.post('/cases/:ref/transitions', async (request, reply) => {
    const from = caller(request, reply)
    const found = from && caseOf(request, reply, from)
    if (!found) return reply
    const body = jsonOf(request)
    const details = problemsOf(TransitionReport, body)
    if (details) return refuse(reply, 'not a TransitionReport', details)
    const { site, stream, seq, caseId, transition } = body as TransitionReport
    if (site !== from.site) return otherSite(reply, site)
    if (caseId !== found.caseId) return refuse(reply, `${found.ref} is case ${found.caseId}`, [])
    return applyOnce(request, reply, { kind: 'transition', site, stream, seq }, () =>
      workflow.siteStep(found.ref, transition),
    )
  })

  server.post('/cases/:ref/evidence', async (request, reply) => {
    const from = caller(request, reply)
    const found = from && caseOf(request, reply, from)
    if (!found) return reply
    const parts = await multipartOf(request)
    if (!parts) return refuse(reply, 'not multipart/form-data with the parts meta and file', [])
    const details = problemsOf(EvidenceMeta, parts.meta)
    if (details) return refuse(reply, 'not EvidenceMeta', details)
    const meta = parts.meta as EvidenceMeta
    if (meta.site !== from.site) return otherSite(reply, meta.site)
    const sha256 = createHash('sha256').update(parts.file).digest('hex')
    if (sha256 !== meta.sha256 || parts.file.byteLength !== meta.bytes)
      return refuse(reply, 'the file is not what meta says', [{ path: '/sha256', message: sha256 }])
    const name = `${found.ref}_${meta.evidenceId}`
    // Before the row: a row without its file would be a promise.
    writeFileSync(join(options.evidenceDir, `${name}.part`), parts.file, { flush: true } as object)
    renameSync(join(options.evidenceDir, `${name}.part`), join(options.evidenceDir, name))
    const { site, stream, seq, evidenceId } = meta
    return applyOnce(request, reply, { kind: 'evidence', site, stream, seq }, () => {
      store.addEvidence(found.ref, meta, name)
      return { ref: found.ref, evidenceId, sha256 }
    })
  })

  server.get('/sites/:site/sequence', async (request, reply) => {
    const from = caller(request, reply)
    if (!from) return reply
    const { site } = request.params as { site: string }
    if (site !== from.site) return otherSite(reply, site)
    return { site, streams: store.sequence(site) }
  })
}

function cut(request: FastifyRequest, reply: FastifyReply): FastifyReply {
  reply.hijack()
  request.raw.socket.destroy()
  return reply
}

function bodyOf(request: FastifyRequest): Uint8Array<ArrayBuffer> {
  return Buffer.isBuffer(request.body) ? new Uint8Array(request.body) : new Uint8Array()
}

function jsonOf(request: FastifyRequest): unknown {
  try {
    return JSON.parse(Buffer.from(bodyOf(request)).toString('utf8'))
  } catch {
    return undefined
  }
}

async function multipartOf(
  request: FastifyRequest,
): Promise<{ meta: unknown; file: Uint8Array<ArrayBuffer> } | undefined> {
  try {
    const headers = { 'content-type': request.headers['content-type'] ?? '' }
    const form = await new Response(bodyOf(request), { headers }).formData()
    const meta = form.get('meta')
    const file = form.get('file')
    if (!meta || typeof file === 'string' || !file) return undefined
    const text = typeof meta === 'string' ? meta : await meta.text()
    return { meta: JSON.parse(text), file: new Uint8Array(await file.arrayBuffer()) }
  } catch {
    return undefined
  }
}
