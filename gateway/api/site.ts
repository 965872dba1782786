import { everyone } from './access.ts'
import type { ApiApp, ApiOptions } from './options.ts'
import { SiteView } from './schemas/index.ts'

/** `/site`: what there is and what people call it. */
export function siteRoutes(app: ApiApp, { site }: ApiOptions): void {
  app.get(
    '/site',
    {
      config: { access: everyone },
      schema: { summary: 'Names of everything on site', tags: ['site'], response: { 200: SiteView } },
    },
    async () => site,
  )
}
