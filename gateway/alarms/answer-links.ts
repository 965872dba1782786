import { createHmac, timingSafeEqual } from 'node:crypto'
import type { Refusal } from '../core/alarm.ts'
import type { AnswerLinks } from '../core/ports.ts'
import { refuse } from '../core/refusal.ts'

export interface AnswerLinksOptions {
  /** Key of the signature; random and long. */
  secret: string
  /** Where people outside reach the gateway; without it there are no links. */
  baseUrl?: string
  now: () => number
}

/** An alarm that nobody has settled by then is another day's. */
const validMs = 24 * 3600_000

/**
 * Links that let one person answer one alarm without logging in. The token names alarm, person and expiry, signed by
 * HMAC-SHA256; it needs no table and stays good after a restart. Each of its buttons works once: the alarm's own
 * record knows who has answered, arrived and resolved.
 */
export function createAnswerLinks({ secret, baseUrl, now }: AnswerLinksOptions): AnswerLinks & {
  linkFor(alarm: { id: string; raisedAt: number }, person: string): string | undefined
} {
  const sign = (payload: string) => createHmac('sha256', secret).update(`answer\n${payload}`).digest('base64url')
  return {
    linkFor(alarm, person) {
      if (baseUrl === undefined) return undefined
      const expiresAt = Math.ceil((alarm.raisedAt + validMs) / 1000)
      const payload = Buffer.from(JSON.stringify([alarm.id, person, expiresAt])).toString('base64url')
      return `${baseUrl.replace(/\/$/, '')}/answer/${payload}.${sign(payload)}`
    },
    read(token): { alarm: string; person: string } | Refusal {
      const [payload = '', signature = '', ...rest] = token.split('.')
      const expected = Buffer.from(sign(payload))
      const given = Buffer.from(signature)
      if (rest.length > 0 || given.length !== expected.length || !timingSafeEqual(given, expected))
        return refuse('link-foreign')
      const [alarm, person, expiresAt] = JSON.parse(Buffer.from(payload, 'base64url').toString()) as [
        string,
        string,
        number,
      ]
      return now() >= expiresAt * 1000 ? refuse('link-expired') : { alarm, person }
    },
  }
}
