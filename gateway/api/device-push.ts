import { Type } from 'typebox'
import { problems } from './openapi.ts'
import type { ApiApp, ApiOptions } from './options.ts'
import { Problem } from './problem.ts'
import { hashToken, isSameSecret } from './session-keeper.ts'

const Answer = Type.Object({
  isUnderstood: Type.Boolean({ description: 'false: listed with its reason at /devices/inspector' }),
})

/**
 * `/devices/push/:integration`: NB-IoT platforms hand in what their devices said. Answered when it is stored, also where it
 * was not understood: a platform that hears "no" sends the same again and in the end stops sending.
 */
export function devicePushRoutes(app: ApiApp, { devicePush }: ApiOptions): void {
  if (!devicePush) return
  const { tokenHashes, take } = devicePush
  app.post(
    '/devices/push/:integration',
    {
      // Each integration has a token of its own, good for nothing else.
      config: { access: 'public' },
      schema: {
        summary: 'Messages of devices, from an NB-IoT platform with the bearer token of its integration',
        tags: ['devices'],
        params: Type.Object({ integration: Type.String({ maxLength: 63 }) }),
        body: Type.Unknown(),
        response: { 200: Answer, ...problems(401) },
      },
    },
    async ({ params, headers, body }) => {
      const bearer = headers.authorization?.match(/^Bearer +(\S+)$/i)?.[1]
      const expected = tokenHashes.get(params.integration)
      // Compared also where there is no such integration, so that names cannot be told from the time it takes.
      const isRight = isSameSecret(hashToken(bearer ?? ''), expected ?? hashToken('none'))
      if (bearer === undefined || expected === undefined || !isRight)
        throw new Problem(401, 'unauthenticated', 'the bearer token is missing or not of this integration')
      return { isUnderstood: await take(params.integration, Buffer.from(JSON.stringify(body ?? null))) }
    },
  )
}
