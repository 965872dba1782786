import type { FastifyRequest } from 'fastify'
import type { Actor } from '../core/alarm.ts'
import type { Role } from '../core/ports.ts'
import type { ApiApp, ApiOptions } from './options.ts'
import { Problem } from './problem.ts'
import { csrfHeader, sessionCookie } from './schemas/index.ts'
import { csrfTokenOf, hashToken, isSameSecret, type SessionKeeper } from './session-keeper.ts'

/*
 * Who may do what. Every route names its roles in `config.access`; a route without is refused at start-up.
 *
 *   person   cookie `gridgate_session`; mutations also carry X-CSRF-Token; pages of other origins are refused
 *   machine  Authorization: Bearer; no cookie, so no CSRF
 */

/** `metrics` is no person: it may read the measurements and nothing else. */
type Caller = Role | 'metrics'
export type Access = 'public' | readonly Caller[]

export const admins: Access = ['admin']
/** The control room. */
export const staff: Access = ['admin', 'operator']
export const staffAndBridge: Access = ['admin', 'operator', 'bridge']
export const bridgeOnly: Access = ['bridge']
export const people: Access = ['admin', 'operator', 'caregiver']
export const everyone: Access = ['admin', 'operator', 'caregiver', 'bridge']
export const scrapers: Access = ['admin', 'operator', 'bridge', 'metrics']

/** The caller of a request. */
export interface Who {
  id: string
  name: string
  role: Caller
  actor: Actor
  /** The person of the site file whose account it is. */
  person?: string
  /** Of people only. */
  session?: { tokenHash: string; csrfToken: string; expiresAt: number }
}

declare module 'fastify' {
  interface FastifyContextConfig {
    access?: Access
  }
  interface FastifyRequest {
    /** Set on every route that is not public. */
    who: Who | null
  }
}

/** The caller, on a route that has one by its access. */
export function whoOf(request: FastifyRequest): Who {
  if (!request.who) throw new Problem(401, 'unauthenticated', 'log in first')
  return request.who
}

const safeMethods = new Set(['GET', 'HEAD', 'OPTIONS'])

/** Whether a page of this origin may act here. Requests without an Origin come from no page of another site. */
export function isOwnOrigin(request: FastifyRequest, origins: readonly string[]): boolean {
  const { origin } = request.headers
  if (origin === undefined || origins.includes(origin)) return true
  return URL.canParse(origin) && new URL(origin).host === request.host.toLowerCase()
}

function machine(token: string, options: ApiOptions): Who | undefined {
  const hash = hashToken(token)
  const isToken = (expected: string | undefined) => expected !== undefined && isSameSecret(hash, expected.toLowerCase())
  if (isToken(options.bridgeTokenHash))
    return { id: 'bridge', name: 'bridge', role: 'bridge', actor: { type: 'bridge', id: 'bridge' } }
  if (isToken(options.metricsTokenHash))
    return { id: 'metrics', name: 'metrics', role: 'metrics', actor: { type: 'bridge', id: 'metrics' } }
  return undefined
}

function person(token: string, sessions: SessionKeeper): Who | undefined {
  const session = sessions.use(hashToken(token))
  if (!session) return undefined
  const { user, tokenHash, expiresAt } = session
  return {
    id: user.id,
    name: user.name,
    role: user.role,
    actor: { type: 'user', id: user.id },
    ...(user.person === undefined ? {} : { person: user.person }),
    session: { tokenHash, csrfToken: csrfTokenOf(token), expiresAt },
  }
}

/** Puts the guard before every route registered on `app` from here on, WebSocket upgrades included. */
export function guard(app: ApiApp, options: ApiOptions, sessions: SessionKeeper): void {
  app.decorateRequest('who', null)

  app.addHook('onRoute', (route) => {
    if (!route.config?.access) throw new Error(`route ${route.method} ${route.url} does not say who may use it`)
  })

  app.addHook('onRequest', async (request) => {
    const access = request.routeOptions.config.access
    const isMutation = !safeMethods.has(request.method)
    if ((isMutation || request.ws) && !isOwnOrigin(request, options.origins ?? []))
      throw new Problem(403, 'forbidden', 'pages of other sites may not act here')
    if (access === undefined || access === 'public') return

    const bearer = request.headers.authorization?.match(/^Bearer +(\S+)$/i)?.[1]
    const cookie = request.cookies[sessionCookie]
    if (request.headers.authorization !== undefined) request.who = bearer ? (machine(bearer, options) ?? null) : null
    else if (cookie) request.who = person(cookie, sessions) ?? null
    const { who } = request
    if (!who) throw new Problem(401, 'unauthenticated', 'log in first')
    if (!access.includes(who.role)) throw new Problem(403, 'forbidden', `role ${who.role} may not do this`)
    if (isMutation && who.session) {
      const given = request.headers[csrfHeader]
      if (typeof given !== 'string' || !isSameSecret(given, who.session.csrfToken))
        throw new Problem(403, 'forbidden', `the ${csrfHeader} header is missing or not of this session`)
    }
  })
}
