import { isRefusal, type Refusal } from '../core/alarm.ts'
import type { ModelStatus as CoreStatus, ModelService } from '../core/model.ts'
import { admins, staff, whoOf } from './access.ts'
import { problems } from './openapi.ts'
import type { ApiApp, ApiOptions } from './options.ts'
import { notFound, refused } from './problem.ts'
import { ModelStatus, ModelSwitch, modelsToWire } from './schemas/index.ts'

/** `/models`: what looks into lifts, how a candidate compares, and the switch between them. */
export function modelRoutes(app: ApiApp, { models }: ApiOptions): void {
  const tags = ['models']
  const service = (): ModelService => {
    if (!models) throw notFound('service', 'models')
    return models
  }
  const answered = (outcome: CoreStatus | Refusal) => {
    if (isRefusal(outcome)) throw refused(outcome)
    return modelsToWire(outcome)
  }

  app.get(
    '/models',
    {
      config: { access: staff },
      schema: { summary: 'Models, comparisons and switches', tags, response: { 200: ModelStatus, ...problems(404) } },
    },
    async () => modelsToWire(await service().status()),
  )

  app.post(
    '/models/switch',
    {
      config: { access: admins },
      schema: {
        summary: 'Hand over to another model',
        description:
          'Loaded and tried first; no frame is lost. Watched afterwards: see models.rollBack. 409: unusable.',
        tags,
        body: ModelSwitch,
        response: { 200: ModelStatus, ...problems(404, 409) },
      },
    },
    async (request) => answered(await service().switchTo(request.body.model, whoOf(request).actor)),
  )

  app.post(
    '/models/roll-back',
    {
      config: { access: admins },
      schema: { summary: 'Back to the model before', tags, response: { 200: ModelStatus, ...problems(404, 409) } },
    },
    async (request) => answered(await service().rollBack(whoOf(request).actor)),
  )
}
