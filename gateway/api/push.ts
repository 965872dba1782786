import { Type } from 'typebox'
import { people, whoOf } from './access.ts'
import type { Audit } from './audit.ts'
import { problems } from './openapi.ts'
import type { ApiApp, ApiOptions } from './options.ts'
import { notFound, Problem } from './problem.ts'
import { PushKey, PushSubscriptionRequest } from './schemas/index.ts'

/** `/push`: the browsers that a logged-in person allows to wake them. */
export function pushRoutes(app: ApiApp, { store, people: { push }, now }: ApiOptions, audit: Audit): void {
  const tags = ['elders']

  app.get(
    '/push/key',
    {
      config: { access: people },
      schema: {
        summary: 'The key a browser subscribes with, and whether anything would be sent to this account',
        tags,
        response: { 200: PushKey, ...problems(404) },
      },
    },
    async (request) => {
      if (!push) throw notFound('notifier with the driver', 'web-push')
      const { person } = whoOf(request)
      return { publicKey: push.publicKey, isTold: person !== undefined && push.isTold(person) }
    },
  )

  app.post(
    '/push/subscriptions',
    {
      config: { access: people },
      schema: {
        summary: 'Wake this browser for alarms of its person',
        tags,
        body: PushSubscriptionRequest,
        response: { 204: Type.Null({ description: 'kept' }) },
      },
    },
    async (request, reply) => {
      const { id, person, actor } = whoOf(request)
      if (person === undefined)
        throw new Problem(403, 'forbidden', 'this account belongs to no person of the site file; ask an admin')
      // A page that is opened again says the same again: that is no news.
      if (store.putPushSubscription(id, request.body, now())) audit.write('push-allowed', id, actor, { person })
      return reply.code(204).send(null)
    },
  )

  app.delete(
    '/push/subscriptions',
    {
      config: { access: people },
      schema: {
        summary: 'Wake this browser no more',
        tags,
        body: Type.Pick(PushSubscriptionRequest, ['endpoint'], { additionalProperties: false }),
        response: { 204: Type.Null({ description: 'forgotten' }) },
      },
    },
    async (request, reply) => {
      const { id, actor } = whoOf(request)
      if (store.deletePushSubscription(request.body.endpoint)) audit.write('push-ended', id, actor)
      return reply.code(204).send(null)
    },
  )
}
