import { existsSync } from 'node:fs'
import { join } from 'node:path'
import fastifyStatic from '@fastify/static'
import type { ApiApp } from './options.ts'
import { Problem } from './problem.ts'

/** Paths of the API's own: what is unknown below them is an error, not a page. */
const apiPaths = /^\/(api|metrics|health)(\/|\?|$)/
/** Vite names these after their content. */
const hashedAsset = /[/\\]assets[/\\][^/\\]+-[\w-]{8,}\.\w+$/

/**
 * The built console at `/`; its pages are routes inside index.html, so any unknown page is answered with it.
 * Whatever else is unknown is answered as JSON 404.
 */
export async function serveConsole(app: ApiApp, consoleDir: string | undefined): Promise<void> {
  const isBuilt = consoleDir !== undefined && existsSync(join(consoleDir, 'index.html'))
  if (isBuilt)
    await app.register(fastifyStatic, {
      root: consoleDir,
      cacheControl: false,
      setHeaders: (reply, path) => {
        const isHashed = hashedAsset.test(path)
        reply.setHeader('cache-control', isHashed ? 'public, max-age=31536000, immutable' : 'no-cache')
      },
    })

  app.setNotFoundHandler(async (request, reply) => {
    const path = request.url.replace(/\?.*$/s, '')
    const isPage =
      (request.method === 'GET' || request.method === 'HEAD') && !apiPaths.test(path) && !/\.\w+$/.test(path)
    if (isPage && isBuilt) return reply.sendFile('index.html')
    if (isPage) throw new Problem(404, 'not-found', 'the console is not built; run npm run console:build')
    throw new Problem(404, 'not-found', `there is no ${request.method} ${path}`)
  })
}
