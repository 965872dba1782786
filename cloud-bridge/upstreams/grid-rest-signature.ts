import { createHmac, timingSafeEqual } from 'node:crypto'
import { sha256 } from '../sha256.ts'

/*
 * Signing of grid-rest requests, both ways (docs/reference/grid-rest.md, "Signing").
 * The string to sign is seven lines joined by "\n":
 *   GRID-HMAC-SHA256 · METHOD · path?query · timestamp · nonce · idempotency key or empty · SHA-256 of the body
 */

export interface SignedParts {
  method: string
  /** Path with query, exactly as on the request line. */
  path: string
  /** Epoch ms. */
  timestamp: number
  nonce: string
  idempotencyKey: string
  bodySha256: string
}

/** The value of the header Grid-Signature. */
export function signature(secret: string, parts: SignedParts): string {
  const text = [
    'GRID-HMAC-SHA256',
    parts.method.toUpperCase(),
    parts.path,
    String(parts.timestamp),
    parts.nonce,
    parts.idempotencyKey,
    parts.bodySha256,
  ].join('\n')
  return `v1=${createHmac('sha256', secret).update(text).digest('hex')}`
}

/** How far a timestamp may be from the receiver's clock, and how long a nonce is remembered at least. */
export const replayWindowMs = 300_000

/** Nonces seen within the window. Bounded: signed requests only, so a stranger cannot fill it. */
export interface NonceMemory {
  /** False when the nonce was seen before, or when more than `limit` fresh ones are held (a flood: turn it away). */
  add(nonce: string, at: number): boolean
}

export function createNonceMemory(limit: number): NonceMemory {
  const seen = new Map<string, number>()
  return {
    add(nonce, at) {
      for (const [old, until] of seen) {
        if (until > at) break
        seen.delete(old)
      }
      if (seen.has(nonce) || seen.size >= limit) return false
      // A timestamp may lie one window ahead and is then valid for two.
      seen.set(nonce, at + 2 * replayWindowMs)
      return true
    },
  }
}

export interface VerifyOptions {
  keyId: string
  secret: string
  now: number
  nonces: NonceMemory
}

/** Why a request is not to be believed, or undefined when it is. */
export function whyNotTrusted(
  request: { method: string; path: string; header(name: string): string | undefined; body: Uint8Array },
  options: VerifyOptions,
): string | undefined {
  const timestamp = Number(request.header('grid-timestamp'))
  const nonce = request.header('grid-nonce') ?? ''
  const given = Buffer.from(request.header('grid-signature') ?? '')
  const bodySha256 = sha256(request.body)
  const idempotencyKey = request.header('idempotency-key') ?? ''
  const { method, path } = request
  const expected = Buffer.from(
    signature(options.secret, { method, path, timestamp, nonce, idempotencyKey, bodySha256 }),
  )
  // All of it is compared before answering, so that the answer does not tell which part was right.
  const isSigned = given.length === expected.length && timingSafeEqual(given, expected)
  if (request.header('grid-key-id') !== options.keyId || !isSigned) return 'unknown key or wrong signature'
  if (request.header('grid-content-sha256') !== bodySha256) return 'Grid-Content-SHA256 is not the hash of the body'
  if (!/^[0-9A-Za-z_-]{16,64}$/.test(nonce)) return 'Grid-Nonce must be 16 to 64 letters or digits'
  if (!(Math.abs(timestamp - options.now) <= replayWindowMs))
    return `the timestamp is outside the window of ${replayWindowMs / 1000} s`
  if (!options.nonces.add(nonce, options.now)) return 'the nonce was used before'
  return undefined
}
