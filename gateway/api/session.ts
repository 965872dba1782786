import { randomBytes } from 'node:crypto'
import { Type } from 'typebox'
import { everyone, people, whoOf } from './access.ts'
import type { Audit } from './audit.ts'
import type { LoginLimiter } from './login-limiter.ts'
import { problems } from './openapi.ts'
import type { ApiApp, ApiOptions } from './options.ts'
import { Problem, tooMany } from './problem.ts'
import { Login, SessionView, sessionCookie, toInstant } from './schemas/index.ts'
import { csrfTokenOf, type SessionKeeper } from './session-keeper.ts'

/** `/session`: logging in and out, and who one is. */
export function sessionRoutes(
  app: ApiApp,
  { store, passwords, now, tls }: ApiOptions,
  sessions: SessionKeeper,
  limiter: LoginLimiter,
  audit: Audit,
): void {
  const tags = ['session']
  /** What an unknown name is checked against, so that it takes as long as a known one. */
  const decoy = passwords.hash(randomBytes(16).toString('hex'))
  decoy.catch(() => {})

  app.post(
    '/session',
    {
      config: { access: 'public' },
      schema: {
        summary: 'Log in',
        description: 'Sets the session cookie; the CSRF token goes into X-CSRF-Token of every change.',
        tags,
        body: Login,
        response: { 200: SessionView, ...problems(429) },
      },
    },
    async (request, reply) => {
      const { name, password } = request.body
      const attempt = limiter.attempt(name, request.ip, now())
      if (typeof attempt === 'number') throw tooMany('too many attempts: wait a little', attempt)
      const user = store.userWithHash(name)
      let isRight = false
      try {
        const isPassword = await passwords.verify(password, user?.passwordHash ?? (await decoy))
        isRight = isPassword && user !== undefined && !user.isDisabled
      } finally {
        attempt(isRight)
      }
      const actor = { type: 'user', id: user?.id ?? 'unknown' } as const
      if (!isRight || !user) {
        // An unknown name is not written down: people type passwords into the wrong field.
        audit.write('login-failed', actor.id, actor, { address: request.ip })
        throw new Problem(401, 'unauthenticated', 'name or password is wrong')
      }
      const { token, session } = sessions.open(user)
      audit.write('login-succeeded', user.id, actor, { address: request.ip })
      reply.setCookie(sessionCookie, token, {
        path: '/',
        httpOnly: true,
        sameSite: 'strict',
        secure: tls !== undefined || request.protocol === 'https',
        expires: new Date(session.expiresAt),
      })
      return {
        user: {
          ...{ id: user.id, name: user.name, role: user.role },
          ...(user.person === undefined ? {} : { person: user.person }),
        },
        csrfToken: csrfTokenOf(token),
        expiresAt: toInstant(session.expiresAt),
      }
    },
  )

  app.get(
    '/session',
    { config: { access: everyone }, schema: { summary: 'Who I am', tags, response: { 200: SessionView } } },
    async (request) => {
      const { id, name, role, person, session } = whoOf(request)
      return {
        user: {
          ...{ id, name, role: role as Exclude<typeof role, 'metrics'> },
          ...(person === undefined ? {} : { person }),
        },
        csrfToken: session?.csrfToken ?? '',
        ...(session ? { expiresAt: toInstant(session.expiresAt) } : {}),
      }
    },
  )

  app.delete(
    '/session',
    {
      config: { access: people },
      schema: { summary: 'Log out', tags, response: { 204: Type.Null({ description: 'logged out' }) } },
    },
    async (request, reply) => {
      const { session, actor, id } = whoOf(request)
      if (session) sessions.end(session.tokenHash)
      audit.write('logged-out', id, actor)
      return reply.clearCookie(sessionCookie, { path: '/' }).code(204).send(null)
    },
  )
}
