import fastify from 'fastify'
import { StartError } from '../gateway/core/errors.ts'
import type { Upstream, UpstreamEvent } from './upstream.ts'

/** Where one platform may report status to. Answers 204 only after `store` has committed the events. */
export interface WebhookServerOptions {
  upstream: Upstream
  host: string
  /** 0: any free port. */
  port: number
  path: string
  store(events: UpstreamEvent[]): void
  onRefused(why: string): void
}

const bodyLimitBytes = 1024 * 1024

/** @throws StartError when the port is taken */
export async function startWebhookServer(
  options: WebhookServerOptions,
): Promise<{ port: number; close(): Promise<void> }> {
  const server = fastify({ bodyLimit: bodyLimitBytes, requestTimeout: 30_000, forceCloseConnections: true })
  server.removeAllContentTypeParsers()
  // The signature covers the bytes as they came: nothing may parse them first.
  server.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
  server.post(options.path, async (request, reply) => {
    const events = options.upstream.verifyWebhook({
      method: request.method,
      path: request.raw.url ?? '',
      header: (name) => {
        const value = request.headers[name.toLowerCase()]
        return typeof value === 'string' ? value : undefined
      },
      body: Buffer.isBuffer(request.body) ? request.body : new Uint8Array(),
    })
    if ('refused' in events) {
      options.onRefused(events.refused)
      const code = events.status === 401 ? 'unauthenticated' : 'invalid'
      return reply.code(events.status).send({ error: { code, message: events.refused } })
    }
    options.store(events)
    return reply.code(204).send()
  })
  await listen(server, options, `the webhook of ${options.upstream.name}`)
  return { port: portOf(server), close: () => server.close() }
}

type Server = Pick<ReturnType<typeof fastify>, 'listen' | 'server'>

/** @throws StartError naming who wanted which port */
export async function listen(server: Server, { host, port }: { host: string; port: number }, who: string) {
  try {
    await server.listen({ host, port })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new StartError(
      `${who} cannot listen on ${host}:${port}: ${code === 'EADDRINUSE' ? 'the port is in use' : (error as Error).message}`,
      'choose another port, or stop the program that has it',
      error,
    )
  }
}

export function portOf(server: Server): number {
  const address = server.server.address()
  return typeof address === 'object' && address ? address.port : 0
}
