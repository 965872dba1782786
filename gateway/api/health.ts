import { scrapers } from './access.ts'
import type { ApiApp, ApiOptions } from './options.ts'
import { HealthReport } from './schemas/index.ts'

/** `/health` for whoever restarts the gateway, `/metrics` for Prometheus. */
export function healthRoutes(app: ApiApp, { health, metrics }: ApiOptions): void {
  app.get(
    '/health',
    {
      config: { access: 'public' },
      schema: {
        summary: 'Whether the gateway does its job, part by part',
        tags: ['gateway'],
        response: { 200: HealthReport, 503: HealthReport },
      },
    },
    async (_request, reply) => {
      const report = health()
      return reply
        .code(report.state === 'failing' ? 503 : 200)
        .header('cache-control', 'no-store')
        .send(report)
    },
  )

  app.get(
    '/metrics',
    {
      config: { access: scrapers },
      schema: {
        summary: 'Measurements for Prometheus',
        tags: ['gateway'],
        response: { 200: { description: 'text', content: { 'text/plain': { schema: { type: 'string' } } } } },
      },
    },
    async (_request, reply) => reply.type(metrics.contentType).send(await metrics.metrics()),
  )
}
