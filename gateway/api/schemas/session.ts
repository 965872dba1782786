import { type Static, Type } from 'typebox'
import { type User as CoreUser, roles } from '../../core/ports.ts'
import { Instant, withInstants } from './instant.ts'
import { Id } from './place.ts'

export const Role = Type.Enum([...roles])
export type Role = Static<typeof Role>

/** Name of the session cookie. */
export const sessionCookie = 'gridgate_session'
/** Header that every mutation of a cookie session carries, lower case. */
export const csrfHeader = 'x-csrf-token'

export const Login = Type.Object(
  { name: Type.String({ minLength: 1, maxLength: 64 }), password: Type.String({ minLength: 1, maxLength: 256 }) },
  { additionalProperties: false, title: 'Login' },
)
export type Login = Static<typeof Login>

/** Answer of `POST /session` and `GET /session`. `csrfToken` is empty for machines, which need none. */
export const SessionView = Type.Object(
  {
    user: Type.Object({
      id: Id,
      name: Type.String(),
      role: Role,
      person: Type.Optional(Type.String({ description: 'the person of the site file whose account it is' })),
    }),
    csrfToken: Type.String(),
    expiresAt: Type.Optional(Instant),
  },
  { title: 'Session' },
)
export type SessionView = Static<typeof SessionView>

export const User = Type.Object(
  {
    id: Id,
    name: Type.String(),
    role: Role,
    isDisabled: Type.Boolean(),
    createdAt: Instant,
    person: Type.Optional(Type.String({ description: 'the person of the site file whose account it is' })),
  },
  { title: 'User' },
)
export type User = Static<typeof User>

export const UserList = Type.Object({ items: Type.Array(User) }, { title: 'UserList' })
export type UserList = Static<typeof UserList>

/** Names to the ids under which people acknowledge, shelve and release; closed accounts too. */
export const UserNames = Type.Object(
  { items: Type.Array(Type.Object({ id: Id, name: Type.String() })) },
  { title: 'UserNames' },
)
export type UserNames = Static<typeof UserNames>

/** Twelve characters and no rules of composition: length is what helps. */
export const NewPassword = Type.String({ minLength: 12, maxLength: 256 })

/** Body of `POST /users`. Machines are not users: the bridge has its token. */
export const NewUser = Type.Object(
  {
    name: Type.String({ minLength: 1, maxLength: 64, pattern: '^\\S(.*\\S)?$' }),
    role: Type.Enum(['admin', 'operator', 'caregiver']),
    password: NewPassword,
    person: Type.Optional(Type.String({ minLength: 1, maxLength: 128, description: 'a person of the site file' })),
  },
  { additionalProperties: false, title: 'NewUser' },
)
export type NewUser = Static<typeof NewUser>

/** Body of `POST /users/:id/person`; null takes the account from its person. */
export const UserPerson = Type.Object(
  { person: Type.Union([Type.String({ minLength: 1, maxLength: 128 }), Type.Null()]) },
  { additionalProperties: false, title: 'UserPerson' },
)
export type UserPerson = Static<typeof UserPerson>

/** Body of `POST /users/:id/password`; people changing their own password give the current one. */
export const PasswordChange = Type.Object(
  { password: NewPassword, currentPassword: Type.Optional(Type.String({ minLength: 1, maxLength: 256 })) },
  { additionalProperties: false, title: 'PasswordChange' },
)
export type PasswordChange = Static<typeof PasswordChange>

export function userToWire(user: CoreUser): User {
  const { id, name, role, isDisabled, createdAt, person } = user
  const wire = { id, name, role, isDisabled, createdAt, ...(person === undefined ? {} : { person }) }
  return withInstants(wire, 'createdAt')
}
