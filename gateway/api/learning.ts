import { readFile } from 'node:fs/promises'
import { Type } from 'typebox'
import { isRefusal, type Refusal } from '../core/alarm.ts'
import type { LearningStatus as CoreStatus, LearningService } from '../core/learning.ts'
import { admins, staff, whoOf } from './access.ts'
import type { Audit } from './audit.ts'
import { problems } from './openapi.ts'
import type { ApiApp, ApiOptions } from './options.ts'
import { notFound, refused } from './problem.ts'
import { Params } from './query.ts'
import {
  ExampleVerdictRequest,
  exampleToWire,
  LearningExampleList,
  LearningStatus,
  learningToWire,
  SwitchOn,
} from './schemas/index.ts'

/** `/learning`: what verdicts have taught this site, and its switch. Every turn is a line of the journal. */
export function learningRoutes(app: ApiApp, { learning }: ApiOptions, audit: Audit): void {
  const tags = ['learning']
  const service = (): LearningService => {
    if (!learning) throw notFound('second stage: learning.mode is', 'off')
    return learning
  }
  const answered = (outcome: CoreStatus | Refusal) => {
    if (isRefusal(outcome)) throw refused(outcome)
    return learningToWire(outcome)
  }

  app.get(
    '/learning',
    {
      config: { access: staff },
      schema: { summary: 'What verdicts have taught', tags, response: { 200: LearningStatus, ...problems(404) } },
    },
    async () => learningToWire(service().status()),
  )

  const post = (path: string, summary: string, description: string) => ({
    url: `/learning/${path}`,
    options: {
      config: { access: admins },
      schema: { summary, description, tags, response: { 200: LearningStatus, ...problems(404, 409) } },
    },
  })
  const evaluate = post('evaluate', 'Fit and try a version now', 'Switches nothing. 409: too few verdicts.')
  app.post(evaluate.url, evaluate.options, async (request) => answered(await service().evaluate(whoOf(request).actor)))
  const on = post('switch-on', 'Use a version', 'Only one that passed its held-back evaluation, of the model in use.')
  app.post(
    on.url,
    {
      ...on.options,
      schema: { ...on.options.schema, body: SwitchOn },
      // Nothing to say is an empty object.
      preValidation: async (request) => {
        request.body ??= {}
      },
    },
    async (request) => answered(service().switchOn(request.body.version, whoOf(request).actor)),
  )
  const off = post('switch-off', 'Use none', 'Stays off until an admin switches it on again.')
  app.post(off.url, off.options, async (request) => answered(service().switchOff(whoOf(request).actor)))
  const back = post('roll-back', 'Use the version before', 'Off where there was none. 409: nothing is on.')
  app.post(back.url, back.options, async (request) => answered(service().rollBack(whoOf(request).actor)))

  app.get(
    '/learning/examples',
    {
      config: { access: admins },
      schema: { summary: 'The newest examples', tags, response: { 200: LearningExampleList, ...problems(404) } },
    },
    async () => ({ items: service().examples(listed).map(exampleToWire) }),
  )

  app.get(
    '/learning/examples/:id/crop',
    {
      config: { access: admins },
      schema: {
        summary: 'What an example shows',
        tags,
        params: Params,
        response: {
          200: {
            description: 'JPEG',
            content: { 'image/jpeg': { schema: Type.Unsafe<Buffer>({ type: 'string', format: 'binary' }) } },
          },
          ...problems(404),
        },
      },
    },
    async (request, reply) => {
      const { id } = request.params
      const path = service().cropPath(id)
      if (!path) throw notFound('example', id)
      audit.look('learning-example-viewed', id, whoOf(request).actor, { id })
      return reply
        .type('image/jpeg')
        .header('cache-control', 'no-store')
        .send(await readFile(path))
    },
  )

  app.post(
    '/learning/examples/:id/verdict',
    {
      config: { access: admins },
      schema: {
        summary: 'Say what a sighting that was taken back really was',
        description:
          'A confirmed one switches the second stage off until it has learned from it. 409: it belongs to an alarm, and is judged there.',
        tags,
        params: Params,
        body: ExampleVerdictRequest,
        response: { 200: LearningStatus, ...problems(404, 409) },
      },
    },
    async (request) => answered(service().judge(request.params.id, request.body, whoOf(request).actor)),
  )

  app.delete(
    '/learning/examples/:id',
    {
      config: { access: admins },
      schema: {
        summary: 'Delete an example: crop and embedding, for good',
        tags,
        params: Params,
        response: { 204: Type.Null({ description: 'deleted' }), ...problems(404) },
      },
    },
    async (request, reply) => {
      const { id } = request.params
      if (await service().removeExample(id, whoOf(request).actor)) throw notFound('example', id)
      return reply.code(204).send(null)
    },
  )
}

const listed = 500
