import { Type } from 'typebox'
import { problems } from './openapi.ts'
import type { ApiApp, ApiOptions } from './options.ts'
import { Problem } from './problem.ts'
import { hashToken, isSameSecret } from './session-keeper.ts'

/** What Aliyun (`code`) and Tencent (`result`) want to hear, in one. */
const Taken = Type.Object({
  code: Type.Literal(0),
  msg: Type.String(),
  result: Type.Literal(0),
  errmsg: Type.String(),
})

/**
 * `/receipts/:notifier/:secret`: providers of short messages and calls hand in what became of them. They sign nothing, so
 * the address is the secret. Numbers that are none of ours are counted and answered like all others: a provider that hears
 * "no" sends the same again.
 */
export function receiptRoutes(app: ApiApp, { people: { receipts } }: ApiOptions): void {
  if (!receipts || receipts.secretHashes.size === 0) return
  // Providers name the same JSON by several types.
  app.addContentTypeParser('*', { parseAs: 'string' }, (_, body, done) => {
    try {
      done(null, JSON.parse(body as string))
    } catch {
      done(null, undefined)
    }
  })
  app.post(
    '/receipts/:notifier/:secret',
    {
      config: { access: 'public' },
      schema: {
        summary: 'What became of short messages and calls, pushed by their provider (Aliyun, Tencent)',
        tags: ['people'],
        params: Type.Object({ notifier: Type.String({ maxLength: 63 }), secret: Type.String({ maxLength: 200 }) }),
        body: Type.Unknown(),
        response: { 200: Taken, ...problems(404) },
      },
    },
    async ({ params, body }) => {
      const expected = receipts.secretHashes.get(params.notifier)
      // Compared also where there is no such channel, so that names cannot be told from the time it takes.
      const isRight = isSameSecret(hashToken(params.secret), expected ?? hashToken('none'))
      if (expected === undefined || !isRight) throw new Problem(404, 'not-found', 'there is nothing at this address')
      receipts.take(params.notifier, body)
      return { code: 0, msg: 'OK', result: 0, errmsg: 'OK' } as const
    },
  )
}
