import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto'

/* The platform's side of "Signing" in docs/reference/grid-rest.md. */

export const replayWindowMs = 300_000

export function sha256Hex(data: Uint8Array | string): string {
  return createHash('sha256').update(data).digest('hex')
}

function sign(secret: string, lines: readonly string[]): string {
  return `v1=${createHmac('sha256', secret)
    .update(['GRID-HMAC-SHA256', ...lines].join('\n'))
    .digest('hex')}`
}

/** Headers of a request; a webhook has no idempotency key. */
export function signedHeaders(
  key: { keyId: string; secret: string },
  request: { method: string; path: string; body: string },
  now: number,
  idempotencyKey = '',
): Record<string, string> {
  const timestamp = String(now)
  const nonce = randomBytes(16).toString('hex')
  const hash = sha256Hex(request.body)
  return {
    'Grid-Key-Id': key.keyId,
    'Grid-Timestamp': timestamp,
    'Grid-Nonce': nonce,
    'Grid-Content-SHA256': hash,
    'Grid-Signature': sign(key.secret, [request.method, request.path, timestamp, nonce, idempotencyKey, hash]),
  }
}

export interface ReceivedRequest {
  method: string
  path: string
  headers: Record<string, string | string[] | undefined>
  body: Uint8Array
}

export type Verdict = { ok: true; keyId: string; nonce: string } | { ok: false; code: string; message: string }

/** Checks everything but the nonce, which the caller looks up only for requests that are signed. */
export function verify(
  request: ReceivedRequest,
  secretOf: (keyId: string) => string | undefined,
  now: number,
): Verdict {
  const header = (name: string) => {
    const value = request.headers[name]
    return typeof value === 'string' ? value : ''
  }
  const keyId = header('grid-key-id')
  const secret = secretOf(keyId)
  const hash = sha256Hex(request.body)
  const given = Buffer.from(header('grid-signature'))
  const lines = [
    request.method,
    request.path,
    header('grid-timestamp'),
    header('grid-nonce'),
    header('idempotency-key'),
  ]
  const expected = Buffer.from(sign(secret ?? '', [...lines, header('grid-content-sha256')]))
  if (secret === undefined || given.length !== expected.length || !timingSafeEqual(given, expected))
    return { ok: false, code: 'unauthenticated', message: 'unknown key or wrong signature' }
  if (header('grid-content-sha256') !== hash)
    return { ok: false, code: 'unauthenticated', message: 'Grid-Content-SHA256 is not the hash of the body' }
  if (!(Math.abs(Number(header('grid-timestamp')) - now) <= replayWindowMs))
    return { ok: false, code: 'clock-skew', message: `the timestamp is outside ±${replayWindowMs / 1000} s` }
  if (!/^[0-9A-Za-z_-]{16,64}$/.test(header('grid-nonce')))
    return { ok: false, code: 'unauthenticated', message: 'Grid-Nonce must be 16 to 64 letters or digits' }
  return { ok: true, keyId, nonce: header('grid-nonce') }
}
