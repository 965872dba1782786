import { randomUUID } from 'node:crypto'
import { Type } from 'typebox'
import type { User } from '../core/ports.ts'
import { refuse } from '../core/refusal.ts'
import { admins, people, staff, whoOf } from './access.ts'
import type { Audit } from './audit.ts'
import type { LoginLimiter } from './login-limiter.ts'
import { problems } from './openapi.ts'
import type { ApiApp, ApiOptions } from './options.ts'
import { invalid, notFound, Problem, refused, tooMany } from './problem.ts'
import { Params } from './query.ts'
import {
  NewUser,
  PasswordChange,
  UserList,
  UserNames,
  UserPerson,
  User as UserWire,
  userToWire,
} from './schemas/index.ts'
import type { SessionKeeper } from './session-keeper.ts'

/** `/users`: accounts. An admin manages them; everyone may change the own password. */
export function userRoutes(
  app: ApiApp,
  { store, passwords, now, people: { persons } }: ApiOptions,
  sessions: SessionKeeper,
  limiter: LoginLimiter,
  audit: Audit,
): void {
  const tags = ['users']
  const existing = (id: string): User & { passwordHash: string } => {
    const listed = store.users().find((user) => user.id === id)
    const user = listed && store.userWithHash(listed.name)
    if (!user) throw notFound('user', id)
    return user
  }
  const requirePerson = (person: string | null | undefined) => {
    if (typeof person === 'string' && !persons.some(({ id }) => id === person))
      throw invalid('body.person', 'is no person of the site file', { key: 'no-person' })
  }
  const refuseEasy = (password: string, name: string) => {
    if (password.toLowerCase().includes(name.toLowerCase()) && password.length < name.length + 8)
      throw invalid('body.password', 'must be more than the name', { key: 'password-is-name' })
  }

  app.get(
    '/users',
    { config: { access: admins }, schema: { summary: 'Accounts', tags, response: { 200: UserList } } },
    async () => ({ items: store.users().map(userToWire) }),
  )

  app.get(
    '/users/names',
    {
      config: { access: staff },
      schema: { summary: 'Who the ids in alarms, cases and journal are', tags, response: { 200: UserNames } },
    },
    async () => ({ items: store.users().map(({ id, name }) => ({ id, name })) }),
  )

  app.post(
    '/users',
    {
      config: { access: admins },
      schema: { summary: 'Create an account', tags, body: NewUser, response: { 201: UserWire, ...problems(409) } },
    },
    async (request, reply) => {
      const { name, role, password, person } = request.body
      requirePerson(person)
      refuseEasy(password, name)
      const passwordHash = await passwords.hash(password)
      if (store.userWithHash(name)) throw refused(refuse('user-name-taken', { name }))
      const account = { id: randomUUID(), name, role, isDisabled: false, createdAt: now() }
      const user: User = { ...account, ...(person === undefined ? {} : { person }) }
      store.putUser({ ...user, passwordHash })
      audit.write('user-created', user.id, whoOf(request).actor, {
        name,
        role,
        ...(person === undefined ? {} : { person }),
      })
      return reply.code(201).send(userToWire(user))
    },
  )

  app.post(
    '/users/:id/password',
    {
      config: { access: people },
      schema: {
        summary: 'Set a new password',
        description: 'An admin for anyone; others for themselves, with the current one. Ends all sessions of the user.',
        tags,
        params: Params,
        body: PasswordChange,
        response: { 204: Type.Null({ description: 'set; log in anew' }), ...problems(404, 429) },
      },
    },
    async (request, reply) => {
      const who = whoOf(request)
      const { password, currentPassword } = request.body
      if (who.id !== request.params.id && who.role !== 'admin')
        throw new Problem(403, 'forbidden', 'only an admin sets the password of someone else')
      const user = existing(request.params.id)
      if (who.id === user.id) {
        const attempt = limiter.attempt(user.name, request.ip, now())
        if (typeof attempt === 'number') throw tooMany('too many attempts: wait a little', attempt)
        let isRight = false
        try {
          isRight = await passwords.verify(currentPassword ?? '', user.passwordHash)
        } finally {
          attempt(isRight)
        }
        if (!isRight) throw invalid('body.currentPassword', 'is not your current password', { key: 'wrong-password' })
      }
      refuseEasy(password, user.name)
      const passwordHash = await passwords.hash(password)
      store.putUser({ ...existing(user.id), passwordHash })
      sessions.endAllOf(user.id)
      audit.write('password-changed', user.id, who.actor)
      return reply.code(204).send(null)
    },
  )

  app.post(
    '/users/:id/person',
    {
      config: { access: admins },
      schema: {
        summary: 'Say whose account it is: what a caregiver may see',
        tags,
        params: Params,
        body: UserPerson,
        response: { 200: UserWire, ...problems(404) },
      },
    },
    async (request) => {
      const { person } = request.body
      requirePerson(person)
      const { person: _, ...user } = existing(request.params.id)
      const changed = { ...user, ...(person === null ? {} : { person }) }
      store.putUser(changed)
      audit.write('user-person-set', user.id, whoOf(request).actor, { person })
      return userToWire(changed)
    },
  )

  const setDisabled = (isDisabled: boolean) =>
    app.post(
      `/users/:id/${isDisabled ? 'disable' : 'enable'}`,
      {
        config: { access: admins },
        schema: {
          summary: isDisabled ? 'Close an account and end its sessions' : 'Open a closed account again',
          tags,
          params: Params,
          response: { 200: UserWire, ...problems(404, 409) },
        },
      },
      async (request) => {
        const user = existing(request.params.id)
        const isLastAdmin = !store.users().some((u) => u.role === 'admin' && !u.isDisabled && u.id !== user.id)
        if (isDisabled && isLastAdmin) throw refused(refuse('last-admin'))
        store.putUser({ ...user, isDisabled })
        if (isDisabled) sessions.endAllOf(user.id)
        audit.write(isDisabled ? 'user-disabled' : 'user-enabled', user.id, whoOf(request).actor)
        return userToWire({ ...user, isDisabled })
      },
    )
  setDisabled(true)
  setDisabled(false)
}
