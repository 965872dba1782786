import { createReadStream } from 'node:fs'
import { join } from 'node:path'
import type { FastifyInstance } from 'fastify'
import { type Behaviour, changeBehaviour } from './behaviour.ts'
import { renderPage } from './page.ts'
import type { Store } from './store.ts'
import type { ManualMove, Workflow } from './workflow.ts'

export interface ControlOptions {
  store: Store
  workflow: Workflow
  behaviour(): Behaviour
  setBehaviour(behaviour: Behaviour): void
  evidenceDir: string
  onChange(): void
}

/**
 * What no real platform has: the strings of the puppet. `GET/PUT /control/behaviour`, `POST /control/cases/:ref` takes a
 * step by hand, `GET /control/ledger` says what arrived how often; and the page for people at `/`.
 */
export function controlApi(server: FastifyInstance, options: ControlOptions): void {
  const { store, workflow } = options
  server.get('/control/behaviour', async () => options.behaviour())
  server.put('/control/behaviour', async (request, reply) => {
    const changed = changeBehaviour(options.behaviour(), request.body)
    if ('problem' in changed) return reply.code(422).send({ error: { code: 'invalid', message: changed.problem } })
    options.setBehaviour(changed)
    options.onChange()
    return changed
  })
  server.post<{ Params: { ref: string }; Body: ManualMove }>('/control/cases/:ref', async (request, reply) => {
    const refused = workflow.take(request.params.ref, request.body)
    if (refused) return reply.code(409).send({ error: { code: 'refused', message: refused } })
    options.onChange()
    return { ref: request.params.ref, state: store.case(request.params.ref)?.state }
  })
  server.get('/control/ledger', async () => ({
    cases: store.cases(100_000).map(({ ref, site, caseId, state, openedAt, report }) => ({
      ref,
      site,
      caseId,
      state,
      openedAt,
      severity: report.case.severity,
      steps: store.history(ref).map(({ to, origin, isApplied, receivedAt }) => ({ to, origin, isApplied, receivedAt })),
      evidence: store.evidence(ref).map(({ evidenceId, sha256 }) => ({ evidenceId, sha256 })),
    })),
    deliveries: store.deliveries(),
    sequence: store.sites().map((site) => ({ site, streams: store.sequence(site) })),
    refusals: store.refusals(),
  }))
  server.get<{ Params: { ref: string; id: string } }>('/evidence/:ref/:id', async (request, reply) => {
    const found = store.evidence(request.params.ref).find(({ evidenceId }) => evidenceId === request.params.id)
    if (!found) return reply.code(404).send({ error: { code: 'not-found', message: 'no such evidence' } })
    return reply
      .type(found.meta.contentType)
      .header('x-content-type-options', 'nosniff')
      .send(createReadStream(join(options.evidenceDir, found.file)))
  })
  server.get('/', async (_request, reply) => reply.type('text/html; charset=utf-8').send(renderPage(store)))
}
