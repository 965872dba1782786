import { Type } from 'typebox'
import { people, whoOf } from './access.ts'
import type { Audit } from './audit.ts'
import { problems } from './openapi.ts'
import type { ApiApp, ApiOptions } from './options.ts'
import { notFound, Problem } from './problem.ts'
import { PushSubscriptionRequest } from './schemas/index.ts'

/** `/push`: the phones that a logged-in person allows to be woken. */
export function pushRoutes(app: ApiApp, { store, people: { pushKey }, now }: ApiOptions, audit: Audit): void {
  const tags = ['elders']

  app.get(
    '/push/key',
    {
      config: { access: people },
      schema: {
        summary: 'The key a browser subscribes with (VAPID, base64url)',
        tags,
        response: { 200: Type.Object({ publicKey: Type.String() }), ...problems(404) },
      },
    },
    async () => {
      if (pushKey === undefined) throw notFound('notifier with the driver', 'web-push')
      return { publicKey: pushKey }
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
      const { person, actor } = whoOf(request)
      if (person === undefined)
        throw new Problem(403, 'forbidden', 'this account belongs to no person of the site file; ask an admin')
      store.putPushSubscription(person, request.body, now())
      audit.write('push-allowed', person, actor)
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
      store.deletePushSubscription(request.body.endpoint)
      return reply.code(204).send(null)
    },
  )
}
