import { isRefusal } from '../core/alarm.ts'
import { staff, whoOf } from './access.ts'
import type { Audit } from './audit.ts'
import { problems } from './openapi.ts'
import type { ApiApp, ApiOptions } from './options.ts'
import { refused } from './problem.ts'
import { SelfTestStatus, selfTestToWire } from './schemas/index.ts'

/** `/self-test`: the last report of the chain from button to caregiver, and one more on demand. */
export function selfTestRoutes(app: ApiApp, { selfTest }: ApiOptions, audit: Audit): void {
  if (!selfTest) return
  const tags = ['gateway']
  app.get(
    '/self-test',
    {
      config: { access: staff },
      schema: { summary: 'When the self-test comes, and its last report', tags, response: { 200: SelfTestStatus } },
    },
    async () => selfTestToWire(selfTest.status()),
  )

  app.post(
    '/self-test',
    {
      config: { access: staff },
      schema: {
        summary: 'Begin a self-test now',
        description: 'Its report follows within minutes. 409: one runs, or an urgent alarm waits for somebody.',
        tags,
        response: { 202: SelfTestStatus, ...problems(409) },
      },
    },
    async (request, reply) => {
      const { actor } = whoOf(request)
      const outcome = selfTest.begin(actor)
      if (isRefusal(outcome)) throw refused(outcome)
      audit.write('self-test-begun', 'self-test', actor)
      return reply.code(202).send(selfTestToWire(outcome))
    },
  )
}
