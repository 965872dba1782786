import type { IncomingMessage } from 'node:http'
import cookie from '@fastify/cookie'
import helmet, { type FastifyHelmetOptions } from '@fastify/helmet'
import Fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify'
import { Counter, Gauge } from 'prom-client'
import { StartError } from '../core/errors.ts'
import { guard } from './access.ts'
import { alarmRoutes } from './alarms.ts'
import { answerRoutes } from './answer.ts'
import { createAudit } from './audit.ts'
import { calibrationRoutes } from './calibration.ts'
import { cameraRoutes } from './cameras.ts'
import { caseRoutes } from './cases.ts'
import { serveConsole } from './console.ts'
import { devicePushRoutes } from './device-push.ts'
import { deviceRoutes } from './devices.ts'
import { doorRoutes } from './doors.ts'
import { elderRoutes } from './elders.ts'
import { evidenceRoutes } from './evidence.ts'
import { healthRoutes } from './health.ts'
import { journalRoutes } from './journal.ts'
import { learningRoutes } from './learning.ts'
import { liveRoutes } from './live.ts'
import { createLiveFeed } from './live-feed.ts'
import { createLoginLimiter } from './login-limiter.ts'
import { modelRoutes } from './models.ts'
import { registerOpenapi } from './openapi.ts'
import { type ApiApp, type ApiOptions, defaultLimits } from './options.ts'
import { policePackageRoutes } from './police-package.ts'
import { answerError } from './problem.ts'
import { pushRoutes } from './push.ts'
import { receiptRoutes } from './receipts.ts'
import { registrationRoutes } from './registration.ts'
import { selfTestRoutes } from './self-test.ts'
import { sessionRoutes } from './session.ts'
import { createSessionKeeper } from './session-keeper.ts'
import { siteRoutes } from './site.ts'
import { createSockets } from './sockets.ts'
import { userRoutes } from './users.ts'
import { compileValidator } from './validation.ts'

export { ensureFirstAdmin } from './first-admin.ts'
export type { ApiLimits, ApiOptions, Passwords } from './options.ts'

export interface Api {
  app: FastifyInstance
  /** Starts to listen. Throws a StartError where the address cannot be had. */
  listen(): Promise<{ url: string; port: number }>
  /** Answers what waits, closes every connection, stops. */
  close(): Promise<void>
}

/** Requests carry no files; the largest is a case step with its note. */
const bodyLimitBytes = 64 * 1024
/** A request not fully received by then is cut: slow senders must not hold sockets. */
const receiveWithinMs = 30_000
const maxConnections = 2000

/** The gateway's REST and WebSocket API with the console, wired but not yet listening. */
export async function createApi(options: ApiOptions): Promise<Api> {
  const { store, now, metrics } = options
  const limits = { ...defaultLimits, ...options.limits }
  const app = Fastify({
    loggerInstance: options.logger as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: bodyLimitBytes,
    // Answer links hold alarm, person, expiry and signature; the router takes 100 characters by itself.
    routerOptions: { maxParamLength: 2000 },
    requestTimeout: receiveWithinMs,
    forceCloseConnections: true,
    trustProxy: options.trustProxy ?? false,
    ...(options.tls ? { https: { ...options.tls, minVersion: 'TLSv1.2' } } : {}),
  }) as unknown as ApiApp
  app.server.maxConnections = maxConnections

  app.setValidatorCompiler(compileValidator)
  // The functions to wire types choose what leaves; the schemas describe it and tests hold both together.
  app.setSerializerCompiler(() => (value) => JSON.stringify(value))
  app.setErrorHandler(answerError)
  const parseJson = app.getDefaultJsonParser('error', 'error')
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) =>
    body === '' ? done(null, undefined) : parseJson(request, body as string, done),
  )

  const sessions = createSessionKeeper(store, now, limits)
  const audit = createAudit(store, now)
  const limiter = createLoginLimiter()

  await app.register(helmet, securityHeaders(options.tls !== undefined))
  await app.register(cookie)
  const sockets = await createSockets(app, sessions, limits)
  const feed = createLiveFeed({ store, onCameraStatus: options.cameras.onStatus, now, limits })
  app.addHook('onClose', async () => feed.close())
  await serveConsole(app, options.consoleDir)

  await app.register(async (scope) => {
    const routes = scope as ApiApp
    guard(routes, options, sessions)
    await registerOpenapi(routes)
    healthRoutes(routes, options)
    await routes.register(async (pages) => answerRoutes(pages as ApiApp, options))
    await routes.register(
      async (versioned) => {
        const v1 = versioned as ApiApp
        sessionRoutes(v1, options, sessions, limiter, audit)
        siteRoutes(v1, options)
        alarmRoutes(v1, options)
        evidenceRoutes(v1, options, audit)
        policePackageRoutes(v1, options, audit)
        cameraRoutes(v1, options, sockets, audit)
        calibrationRoutes(v1, options)
        caseRoutes(v1, options)
        journalRoutes(v1, options, limits)
        liveRoutes(v1, sockets, feed)
        deviceRoutes(v1, options)
        registrationRoutes(v1, options, audit)
        devicePushRoutes(v1, options)
        doorRoutes(v1, options)
        learningRoutes(v1, options, audit)
        modelRoutes(v1, options)
        elderRoutes(v1, options, audit)
        pushRoutes(v1, options, audit)
        await v1.register(async (receipts) => receiptRoutes(receipts as ApiApp, options))
        selfTestRoutes(v1, options, audit)
        userRoutes(v1, options, sessions, limiter, audit)
      },
      { prefix: '/api/v1' },
    )
  })

  const registers = [metrics]
  new Gauge({
    name: 'gridgate_api_websockets',
    help: 'Open WebSockets: live feeds and live pictures',
    registers,
    collect() {
      this.set(sockets.size)
    },
  })
  new Counter({
    name: 'gridgate_api_slow_viewers_closed_total',
    help: 'Live viewers closed because they read too slowly',
    registers,
    collect() {
      this.reset()
      this.inc(feed.closedSlow)
    },
  })

  return {
    app: app as unknown as FastifyInstance,
    async listen() {
      const { host, port } = options
      try {
        await app.listen({ host, port, listenTextResolver: () => '' })
      } catch (error) {
        throw listenError(error, host, port)
      }
      const address = app.server.address()
      const taken = typeof address === 'object' && address ? address.port : port
      const reachable = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host
      const scheme = options.tls ? 'https' : 'http'
      return { url: `${scheme}://${reachable.includes(':') ? `[${reachable}]` : reachable}:${taken}`, port: taken }
    },
    close: () => app.close(),
  }
}

function listenError(error: unknown, host: string, port: number): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (code === 'EADDRINUSE')
    return new StartError(
      `port ${port} on ${host} is in use`,
      'stop the other program or configure another port',
      error,
    )
  if (code === 'EACCES')
    return new StartError(
      `port ${port} may not be opened`,
      'take a port above 1023 or grant CAP_NET_BIND_SERVICE',
      error,
    )
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND')
    return new StartError(`${host} is no address of this machine`, 'configure 127.0.0.1, 0.0.0.0 or one it has', error)
  return error
}

/**
 * Strict, with what the console needs: inline styles (never scripts), blob pictures, WebSockets to the own host
 * (`'self'` alone does not cover them in every browser) and WebAssembly for the live picture's decoder.
 */
function securityHeaders(isTls: boolean): FastifyHelmetOptions {
  const ownSockets = (request: IncomingMessage) => {
    const host = request.headers.host ?? ''
    return /^[\w.:[\]-]+$/.test(host) ? `ws://${host} wss://${host}` : "'self'"
  }
  return {
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'self'"],
        scriptSrc: ["'self'", "'wasm-unsafe-eval'"],
        styleSrc: ["'self'", "'unsafe-inline'"],
        imgSrc: ["'self'", 'data:', 'blob:'],
        mediaSrc: ["'self'", 'blob:'],
        workerSrc: ["'self'", 'blob:'],
        fontSrc: ["'self'", 'data:'],
        connectSrc: ["'self'", ownSockets],
        objectSrc: ["'none'"],
        baseUri: ["'none'"],
        formAction: ["'self'"],
        frameAncestors: ["'none'"],
      },
    },
    strictTransportSecurity: isTls,
    referrerPolicy: { policy: 'no-referrer' },
    crossOriginEmbedderPolicy: false,
  }
}
