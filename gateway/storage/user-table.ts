import type { Role, Session, User } from '../core/ports.ts'
import { atomically, type Database } from './database.ts'
import { StorageError, sqliteFailure } from './storage-error.ts'

interface UserRow {
  id: string
  name: string
  role: Role
  is_disabled: 0 | 1
  created_at: number
  person: string | null
  password_hash: string
}

interface SessionRow {
  token_hash: string
  user_id: string
  session_created_at: number
  last_used_at: number
  expires_at: number
}

/** Who may log in, and who is logged in. */
export interface UserTable {
  users(): User[]
  /** Names are told apart without regard to case. */
  userWithHash(name: string): (User & { passwordHash: string }) | undefined
  /** Adds or changes. A new password or a disabling ends the user's sessions in the same commit. */
  putUser(user: User & { passwordHash: string }): void
  /** Undefined as well when the session has expired or its user is disabled. */
  session(tokenHash: string): (Session & { user: User }) | undefined
  /** Adds or prolongs; clears away what has expired. */
  putSession(session: Session): void
  deleteSession(tokenHash: string): void
  /** Returns how many there were. */
  deleteSessionsOf(userId: string): number
}

export function createUserTable(database: Database, now: () => number): UserTable {
  const all = database.prepare('SELECT * FROM user ORDER BY name')
  const byName = database.prepare('SELECT * FROM user WHERE name = ?')
  const byId = database.prepare('SELECT * FROM user WHERE id = ?')
  const upsert = database.prepare(`
    INSERT INTO user (id, name, role, is_disabled, created_at, person, password_hash)
    VALUES (?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (id) DO UPDATE SET
      name = excluded.name, role = excluded.role, is_disabled = excluded.is_disabled, person = excluded.person,
      password_hash = excluded.password_hash`)
  const endSessions = database.prepare('DELETE FROM session WHERE user_id = ?')
  const sessionWithUser = database.prepare(`
    SELECT user.*, token_hash, user_id, session.created_at AS session_created_at, last_used_at, expires_at
    FROM session JOIN user ON user.id = user_id
    WHERE token_hash = ? AND expires_at > ? AND is_disabled = 0`)
  const upsertSession = database.prepare(`
    INSERT INTO session (token_hash, user_id, created_at, last_used_at, expires_at) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (token_hash) DO UPDATE SET last_used_at = excluded.last_used_at, expires_at = excluded.expires_at`)
  const clearExpired = database.prepare('DELETE FROM session WHERE expires_at <= ?')
  const endSession = database.prepare('DELETE FROM session WHERE token_hash = ?')

  return {
    users: () => (all.all() as UserRow[]).map(userOf),
    userWithHash(name) {
      const row: UserRow | undefined = byName.get(name)
      return row && { ...userOf(row), passwordHash: row.password_hash }
    },
    putUser(user) {
      atomically(database, () => {
        const before: UserRow | undefined = byId.get(user.id)
        try {
          upsert.run(
            user.id,
            user.name,
            user.role,
            user.isDisabled ? 1 : 0,
            Math.round(user.createdAt),
            user.person ?? null,
            user.passwordHash,
          )
        } catch (error) {
          const isTaken = sqliteFailure(error) === 'constraint' && byName.get(user.name)
          throw isTaken ? new StorageError(`the name ${user.name} is taken`, { cause: error }) : error
        }
        if (before && (user.isDisabled || before.password_hash !== user.passwordHash)) endSessions.run(user.id)
      })
    },
    session(tokenHash) {
      const row: (UserRow & SessionRow) | undefined = sessionWithUser.get(tokenHash, now())
      return (
        row && {
          tokenHash: row.token_hash,
          userId: row.user_id,
          createdAt: row.session_created_at,
          lastUsedAt: row.last_used_at,
          expiresAt: row.expires_at,
          user: userOf(row),
        }
      )
    },
    putSession({ tokenHash, userId, createdAt, lastUsedAt, expiresAt }) {
      atomically(database, () => {
        clearExpired.run(now())
        upsertSession.run(tokenHash, userId, ...[createdAt, lastUsedAt, expiresAt].map(Math.round))
      })
    },
    deleteSessionsOf: (userId) => Number(endSessions.run(userId).changes),
    deleteSession: (tokenHash) => void endSession.run(tokenHash),
  }
}

function userOf(row: UserRow): User {
  return {
    id: row.id,
    name: row.name,
    role: row.role,
    isDisabled: row.is_disabled === 1,
    createdAt: row.created_at,
    ...(row.person === null ? {} : { person: row.person }),
  }
}
