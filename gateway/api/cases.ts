import { type Static, Type } from 'typebox'
import { type Actor, isRefusal, type Refusal } from '../core/alarm.ts'
import { type Case, nextStates } from '../core/case.ts'
import { refuse } from '../core/refusal.ts'
import { bridgeOnly, staff, staffAndBridge, type Who, whoOf } from './access.ts'
import { problems } from './openapi.ts'
import type { ApiApp, ApiOptions } from './options.ts'
import { invalid, notFound, refused } from './problem.ts'
import { defined, PageQuery, Params } from './query.ts'
import {
  CasePage,
  CaseState,
  Case as CaseWire,
  caseToWire,
  fromInstant,
  TransitionRequest,
  UpstreamLink,
} from './schemas/index.ts'

const Query = Type.Object({
  state: Type.Optional(CaseState),
  open: Type.Optional(Type.Boolean()),
  type: Type.Optional(Type.String({ maxLength: 128 })),
  ...PageQuery,
})

/** The bridge speaks for people and offices of the platform; a person speaks for himself, when it happens. */
function actorOf(who: Who, { actorName, organisation, at }: TransitionRequest): Actor {
  if (who.role !== 'bridge') {
    if (actorName !== undefined) throw invalid('body.actorName', 'is for the bridge; you are who you logged in as')
    if (at !== undefined) throw invalid('body.at', 'is for the bridge; your step happens now')
  }
  return { ...who.actor, ...(actorName ? { id: actorName } : {}), ...(organisation ? { organisation } : {}) }
}

/** The side that may take this step; the caller's usual one where none may, so that the refusal is about the step. */
function sideOf(current: Case, to: Case['state'], who: Who): 'issuer' | 'unit' {
  if (who.role === 'bridge') return 'issuer'
  return nextStates(current.state, 'issuer').includes(to) ? 'issuer' : 'unit'
}

/** @throws Problem where it is no instant, or one the journal cannot hold */
function epoch(name: 'at' | 'respondBy' | 'resolveBy', instant: string | undefined): number | undefined {
  if (instant === undefined) return undefined
  const ms = fromInstant(instant)
  if (!(ms > 0)) throw invalid(`body.${name}`, `"${instant}" is no instant later than 1970`)
  return ms
}

/** `/cases`: the six steps of a case, and who takes them. */
export function caseRoutes(app: ApiApp, { store, cases }: ApiOptions): void {
  const tags = ['cases']
  const existing = (id: string): Case => {
    const found = store.case(id)
    if (!found) throw notFound('case', id)
    return found
  }
  const answer = (outcome: Case | Refusal) => {
    if (isRefusal(outcome)) throw refused(outcome)
    return caseToWire(outcome)
  }
  const response = { 200: CaseWire, ...problems(404, 409) }

  app.get(
    '/cases',
    {
      config: { access: staffAndBridge },
      schema: { summary: 'Cases, newest first', tags, querystring: Query, response: { 200: CasePage } },
    },
    async ({ query }) => {
      const { state, open, type, before, limit } = query as Static<typeof Query>
      const page = store.cases(defined({ state, isOpen: open, type, before, limit }))
      return { ...page, items: page.items.map(caseToWire) }
    },
  )

  app.get(
    '/cases/:id',
    {
      config: { access: staffAndBridge },
      schema: {
        summary: 'One case with its history',
        tags,
        params: Params,
        response: { 200: CaseWire, ...problems(404) },
      },
    },
    async ({ params }) => caseToWire(existing(params.id)),
  )

  app.post(
    '/cases/:id/transitions',
    {
      config: { access: staffAndBridge },
      schema: {
        summary: 'Take a step',
        description:
          'Without `role` the step is taken for the side that may take it (the bridge: the issuer). The repeat of an ' +
          '`idempotencyKey` answers 200 with the case as it is and changes nothing.',
        tags,
        params: Params,
        body: TransitionRequest,
        response,
      },
    },
    async (request) => {
      const current = existing(request.params.id)
      const { to, role, note, reason, attachments, unit, respondBy, resolveBy, at, idempotencyKey } = request.body
      const who = whoOf(request)
      const actor = actorOf(who, request.body)
      const known = idempotencyKey === undefined ? undefined : store.caseByIdempotencyKey(idempotencyKey)
      if (known) {
        if (known.id === current.id) return caseToWire(known)
        throw refused(refuse('case-key-used', { idempotencyKey: idempotencyKey ?? '', id: known.id }))
      }
      const transition = defined({
        to,
        role: role ?? sideOf(current, to, who),
        note,
        reason,
        attachments,
        unit,
        respondBy: epoch('respondBy', respondBy),
        resolveBy: epoch('resolveBy', resolveBy),
        at: epoch('at', at),
        idempotencyKey,
      })
      return answer(cases.transition(current.id, transition, actor))
    },
  )

  app.post(
    '/cases/:id/report',
    { config: { access: staff }, schema: { summary: 'Hand it to the platform now', tags, params: Params, response } },
    async (request) => answer(cases.reportUpstream(existing(request.params.id).id, whoOf(request).actor)),
  )

  app.post(
    '/cases/:id/upstream',
    {
      config: { access: bridgeOnly },
      schema: {
        summary: 'The platform took it over under its own number',
        tags,
        params: Params,
        body: UpstreamLink,
        response,
      },
    },
    async (request) => answer(cases.linkUpstream(existing(request.params.id).id, request.body, whoOf(request).actor)),
  )
}
