import { type Static, Type } from 'typebox'
import { type Alarm, isRefusal, type Refusal } from '../core/alarm.ts'
import { staff, staffAndBridge, whoOf } from './access.ts'
import { problems } from './openapi.ts'
import type { ApiApp, ApiOptions } from './options.ts'
import { notFound, Problem, refused } from './problem.ts'
import { defined, PageQuery, Params } from './query.ts'
import { withoutPerson } from './redact.ts'
import {
  AlarmPage,
  Alarm as AlarmWire,
  alarmToWire,
  Case,
  caseToWire,
  fromInstant,
  Instant,
  PlayReport,
  playReportToWire,
  ShelveRequest,
  VerdictRequest,
  VoiceRequest,
} from './schemas/index.ts'

const Query = Type.Object({
  active: Type.Optional(Type.Boolean()),
  acknowledged: Type.Optional(Type.Boolean()),
  shelved: Type.Optional(Type.Boolean()),
  kind: Type.Optional(Type.String({ maxLength: 128 })),
  since: Type.Optional(Instant),
  until: Type.Optional(Instant),
  ...PageQuery,
})

/** `/alarms`: what a person must act on, and the acts. */
export function alarmRoutes(app: ApiApp, { store, alarms }: ApiOptions): void {
  const tags = ['alarms']
  const existing = (id: string): Alarm => {
    const alarm = store.alarm(id)
    if (!alarm) throw notFound('alarm', id)
    return alarm
  }
  const answer = (outcome: Alarm | Refusal) => {
    if (isRefusal(outcome)) throw refused(outcome)
    return alarmToWire(outcome)
  }
  const response = { 200: AlarmWire, ...problems(404, 409) }

  app.get(
    '/alarms',
    {
      config: { access: staff },
      schema: { summary: 'Alarms, newest first', tags, querystring: Query, response: { 200: AlarmPage } },
    },
    async ({ query }) => {
      const { active, acknowledged, shelved, since, until, kind, before, limit } = query as Static<typeof Query>
      const page = store.alarms(
        defined({
          isActive: active,
          isAcknowledged: acknowledged,
          isShelved: shelved,
          kind,
          since: since === undefined ? undefined : fromInstant(since),
          until: until === undefined ? undefined : fromInstant(until),
          before,
          limit,
        }),
      )
      return { ...page, items: page.items.map(alarmToWire) }
    },
  )

  app.get(
    '/alarms/:id',
    {
      config: { access: staffAndBridge },
      schema: { summary: 'One alarm', tags, params: Params, response: { 200: AlarmWire, ...problems(404) } },
    },
    async (request) => {
      const alarm = alarmToWire(existing(request.params.id))
      return whoOf(request).role === 'bridge' ? withoutPerson(alarm) : alarm
    },
  )

  app.post(
    '/alarms/:id/acknowledge',
    { config: { access: staff }, schema: { summary: 'A person has seen it', tags, params: Params, response } },
    async (request) => answer(alarms.acknowledge(existing(request.params.id).id, whoOf(request).actor)),
  )

  app.post(
    '/alarms/:id/verdict',
    {
      config: { access: staff },
      schema: {
        summary: 'Confirmed, or a false alarm with a reason',
        tags,
        params: Params,
        body: VerdictRequest,
        response,
      },
    },
    async (request) => answer(alarms.verdict(existing(request.params.id).id, request.body, whoOf(request).actor)),
  )

  app.post(
    '/alarms/:id/shelve',
    {
      config: { access: staff },
      schema: {
        summary: 'Silence it until an instant, with a reason',
        tags,
        params: Params,
        body: ShelveRequest,
        response,
      },
    },
    async (request) => {
      const { until, reason } = request.body
      const shelving = { until: fromInstant(until), reason }
      return answer(alarms.shelve(existing(request.params.id).id, shelving, whoOf(request).actor))
    },
  )

  app.post(
    '/alarms/:id/unshelve',
    { config: { access: staff }, schema: { summary: 'End the silence', tags, params: Params, response } },
    async (request) => answer(alarms.unshelve(existing(request.params.id).id, whoOf(request).actor)),
  )

  app.post(
    '/alarms/:id/voice',
    {
      config: { access: staff },
      schema: {
        summary: 'Speak the warning again, or stop it',
        tags,
        params: Params,
        body: VoiceRequest,
        response: { 200: PlayReport, 204: Type.Null({ description: 'stopped' }), ...problems(404, 409, 502) },
      },
    },
    async (request, reply) => {
      const { id } = existing(request.params.id)
      const { actor } = whoOf(request)
      if (request.body.action === 'stop') {
        const refusal = alarms.stopVoice(id, actor)
        if (refusal) throw refused(refusal)
        return reply.code(204).send(null)
      }
      const report = await alarms.repeatVoice(id, actor)
      if (isRefusal(report)) throw refused(report)
      if (!report.isAccepted)
        throw new Problem(502, 'unavailable', `the speaker did not take it: ${report.deviceReply}`, {
          ...(report.phrases?.[0] ? { phrase: report.phrases[0] } : {}),
        })
      return playReportToWire(report)
    },
  )

  app.post(
    '/alarms/:id/case',
    {
      config: { access: staff },
      schema: { summary: 'Open a case by hand', tags, params: Params, response: { 201: Case, ...problems(404, 409) } },
    },
    async (request, reply) => {
      const opened = alarms.openCase(existing(request.params.id).id, whoOf(request).actor)
      if (isRefusal(opened)) throw refused(opened)
      return reply.code(201).send(caseToWire(opened))
    },
  )
}
