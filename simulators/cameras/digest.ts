import { createHash, timingSafeEqual } from 'node:crypto'

export type DigestAlgorithm = 'MD5' | 'SHA-256'

/** User name → password. */
export type Users = Readonly<Record<string, string>>

/** The value of one `WWW-Authenticate` header (RFC 7616 §3.3). */
export function digestChallenge(realm: string, nonce: string, algorithm: DigestAlgorithm): string {
  return `Digest realm="${realm}", nonce="${nonce}", algorithm=${algorithm}`
}

/**
 * Whether an `Authorization: Digest` header proves knowledge of a user's password for this method (RFC 7616 §3.4),
 * with or without `qop=auth`.
 */
export function isAuthorised(header: string, context: { method: string; nonce: string; users: Users }): boolean {
  if (!/^digest\s/i.test(header)) return false
  const fields = new Map<string, string>()
  for (const match of header.slice(7).matchAll(/(\w+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,]+))/g)) {
    fields.set(match[1]!.toLowerCase(), (match[2] ?? match[3] ?? '').replace(/\\(.)/g, '$1'))
  }
  const name = fields.get('username') ?? ''
  const password = Object.hasOwn(context.users, name) ? context.users[name] : undefined
  if (password === undefined || fields.get('nonce') !== context.nonce) return false
  const algorithm = (fields.get('algorithm') ?? 'MD5').toUpperCase()
  if (algorithm !== 'MD5' && algorithm !== 'SHA-256') return false
  const hash = (value: string) =>
    createHash(algorithm === 'MD5' ? 'md5' : 'sha256')
      .update(value)
      .digest('hex')
  const secret = hash(`${name}:${fields.get('realm')}:${password}`)
  const request = hash(`${context.method}:${fields.get('uri')}`)
  const quality = fields.get('qop')
  const middle = quality ? `${fields.get('nc')}:${fields.get('cnonce')}:${quality}` : undefined
  const expected = hash([secret, context.nonce, ...(middle === undefined ? [] : [middle]), request].join(':'))
  const given = fields.get('response') ?? ''
  return given.length === expected.length && timingSafeEqual(Buffer.from(given), Buffer.from(expected))
}
