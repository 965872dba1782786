import { isRefusal } from '../core/alarm.ts'
import { staff, whoOf } from './access.ts'
import { problems } from './openapi.ts'
import type { ApiApp, ApiOptions } from './options.ts'
import { notFound, refused } from './problem.ts'
import { Params } from './query.ts'
import { DoorHold, DoorHoldList } from './schemas/index.ts'

/** `/door-holds`: which lift doors are held, and a person's word that ends a hold. */
export function doorRoutes(app: ApiApp, { doors }: ApiOptions): void {
  const tags = ['doors']

  app.get(
    '/door-holds',
    {
      config: { access: staff },
      schema: { summary: 'Lifts with a door hold, and what it does', tags, response: { 200: DoorHoldList } },
    },
    async () => ({ items: doors.list() }),
  )

  app.post(
    '/lifts/:id/door-hold/release',
    {
      config: { access: staff },
      schema: {
        summary: 'Let the door close now',
        description: 'Not held again for the same entry. 404: the lift has no door hold; 409: nothing is held.',
        tags,
        params: Params,
        response: { 200: DoorHold, ...problems(404, 409) },
      },
    },
    async (request) => {
      const { id } = request.params
      if (!doors.list().some(({ lift }) => lift === id)) throw notFound('door hold for lift', id)
      const outcome = doors.release(id, whoOf(request).actor)
      if (isRefusal(outcome)) throw refused(outcome)
      return outcome
    },
  )
}
