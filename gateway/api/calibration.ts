import { isRefusal } from '../core/alarm.ts'
import type { FacadeService } from '../core/facade.ts'
import { admins, whoOf } from './access.ts'
import { problems } from './openapi.ts'
import type { ApiApp, ApiOptions } from './options.ts'
import { notFound, refused } from './problem.ts'
import { Params } from './query.ts'
import { Calibration, CalibrationRequest, calibrationToWire } from './schemas/index.ts'

/** `/cameras/:id/calibration`: the lines that tell floors of a facade. Each change is a row of the journal, whole. */
export function calibrationRoutes(app: ApiApp, { facades }: ApiOptions): void {
  const tags = ['cameras']
  const known = (service: FacadeService | undefined, id: string) => {
    const found = service?.calibration(id)
    if (!service || !found) throw notFound('facade camera', id)
    return { service, found }
  }

  app.get(
    '/cameras/:id/calibration',
    {
      config: { access: admins },
      schema: {
        summary: 'Edges and floor lines of a facade',
        tags,
        params: Params,
        response: { 200: Calibration, ...problems(404) },
      },
    },
    async (request) => calibrationToWire(known(facades, request.params.id).found),
  )

  app.put(
    '/cameras/:id/calibration',
    {
      config: { access: admins },
      schema: {
        summary: 'Draw edges and floor lines anew',
        description: 'Takes effect at once. 409: the lines span no facade; the message says which to draw again.',
        tags,
        params: Params,
        body: CalibrationRequest,
        response: { 200: Calibration, ...problems(404, 409) },
      },
    },
    async (request) => {
      const { service } = known(facades, request.params.id)
      const outcome = service.calibrate(request.params.id, request.body, whoOf(request).actor)
      if (isRefusal(outcome)) throw refused(outcome)
      return calibrationToWire(outcome)
    },
  )
}
