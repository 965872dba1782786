import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import type { Session, Store, User } from '../core/ports.ts'
import type { ApiLimits } from './options.ts'

/** Which sessions ended: one, or all of a user. */
export type Ended = { tokenHash: string } | { userId: string }

export interface SessionKeeper {
  /** A new session; the token is told once, to its holder. */
  open(user: User): { token: string; session: Session }
  /** The live session of this token hash, counted as used now; an expired or disabled one is deleted. */
  use(tokenHash: string): (Session & { user: User }) | undefined
  end(tokenHash: string): void
  endAllOf(userId: string): void
  onEnded(listener: (ended: Ended) => void): () => void
}

/** SHA-256 as hex: what is stored of a token. Tokens have 256 random bits, so no salt and no slow hash is needed. */
export const hashToken = (token: string): string => createHash('sha256').update(token).digest('hex')

/** The CSRF token of a session: derived from its token, so it need not be stored and dies with it. */
export const csrfTokenOf = (token: string): string => createHmac('sha256', token).update('csrf').digest('base64url')

/** Compares secrets without telling by time how much of them is right. */
export function isSameSecret(a: string, b: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(a), digest(b))
}

/**
 * Sessions: opened by a login, slid by use, ended by logout, by a new password, by disabling the user, when idle for
 * `sessionIdleMs` or `sessionLifetimeMs` after the login.
 */
export function createSessionKeeper(
  store: Store,
  now: () => number,
  limits: Pick<ApiLimits, 'sessionIdleMs' | 'sessionLifetimeMs'>,
): SessionKeeper {
  const listeners = new Set<(ended: Ended) => void>()
  const tell = (ended: Ended) => {
    for (const listener of listeners) listener(ended)
  }
  /** Use is written down this often: every request would cost an fsync. */
  const slideEveryMs = Math.min(60_000, limits.sessionIdleMs / 10)

  return {
    open(user) {
      const token = randomBytes(32).toString('base64url')
      const at = now()
      const session: Session = {
        tokenHash: hashToken(token),
        userId: user.id,
        createdAt: at,
        lastUsedAt: at,
        expiresAt: at + limits.sessionLifetimeMs,
      }
      store.putSession(session)
      return { token, session }
    },
    use(tokenHash) {
      const found = store.session(tokenHash)
      if (!found) return undefined
      const at = now()
      if (found.user.isDisabled || at >= found.expiresAt || at - found.lastUsedAt >= limits.sessionIdleMs) {
        store.deleteSession(tokenHash)
        return undefined
      }
      if (at - found.lastUsedAt < slideEveryMs) return found
      const { user, ...session } = found
      store.putSession({ ...session, lastUsedAt: at })
      return { ...session, lastUsedAt: at, user }
    },
    end(tokenHash) {
      store.deleteSession(tokenHash)
      tell({ tokenHash })
    },
    endAllOf(userId) {
      store.deleteSessionsOf(userId)
      tell({ userId })
    },
    onEnded(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}
