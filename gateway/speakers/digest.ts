import { createHash, randomBytes } from 'node:crypto'

/*
 * HTTP Digest Access Authentication, client side (RFC 7616, and RFC 2069 for devices that offer no `qop`).
 * Offered `auth-int` alone is not taken: the body of a stream is not known when its header is sent.
 */

/** A server's challenge, ready to be answered. */
export interface DigestChallenge {
  realm: string
  nonce: string
  opaque?: string
  algorithm: 'MD5' | 'MD5-sess' | 'SHA-256' | 'SHA-256-sess'
  hasQop: boolean
  isStale: boolean
  wantsUserHash: boolean
}

/** Best first: a client uses the strongest it knows (RFC 7616 §3.7). */
const algorithms = ['SHA-256', 'SHA-256-sess', 'MD5', 'MD5-sess'] as const

/**
 * The strongest challenge of a WWW-Authenticate header that can be answered; undefined where there is none.
 * @param header several challenges may stand in one header, with commas between and inside them
 */
export function readDigestChallenge(header: string): DigestChallenge | undefined {
  const challenges = header.split(/(?:^|,)\s*(?=Digest\s)/i).filter((part) => /^Digest\s/i.test(part))
  const known = challenges.map(readChallenge).filter((challenge) => challenge !== undefined)
  return algorithms
    .map((algorithm) => known.find((challenge) => challenge.algorithm === algorithm))
    .find((challenge) => challenge !== undefined)
}

function readChallenge(text: string): DigestChallenge | undefined {
  const parameters = new Map<string, string>()
  for (const [, name, quoted, plain] of text.matchAll(/([a-z-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,]+))/gi))
    parameters.set(name!.toLowerCase(), quoted?.replace(/\\(.)/g, '$1') ?? plain ?? '')
  const given = parameters.get('algorithm') ?? 'MD5'
  const algorithm = algorithms.find((name) => name.toLowerCase() === given.toLowerCase())
  const realm = parameters.get('realm')
  const nonce = parameters.get('nonce')
  const qop = parameters
    .get('qop')
    ?.split(',')
    .map((value) => value.trim().toLowerCase())
  if (!algorithm || realm === undefined || nonce === undefined || (qop && !qop.includes('auth'))) return undefined
  const opaque = parameters.get('opaque')
  return {
    realm,
    nonce,
    algorithm,
    hasQop: qop !== undefined,
    isStale: parameters.get('stale')?.toLowerCase() === 'true',
    wantsUserHash: parameters.get('userhash')?.toLowerCase() === 'true',
    ...(opaque === undefined ? {} : { opaque }),
  }
}

/**
 * The Authorization header for one request.
 * @param request.count 1 for the first request with this nonce, then one more each time
 * @param request.cnonce given by tests only
 */
export function digestAuthorization(
  challenge: DigestChallenge,
  credentials: { username: string; password: string },
  request: { method: string; uri: string; count: number; cnonce?: string },
): string {
  const { realm, nonce, algorithm, hasQop, opaque } = challenge
  const hash = (text: string) =>
    createHash(algorithm.startsWith('MD5') ? 'md5' : 'sha256')
      .update(text, 'utf8')
      .digest('hex')
  const cnonce = request.cnonce ?? randomBytes(24).toString('base64')
  const nc = request.count.toString(16).padStart(8, '0')
  const secret = hash(`${credentials.username}:${realm}:${credentials.password}`)
  const a1 = algorithm.endsWith('-sess') ? hash(`${secret}:${nonce}:${cnonce}`) : secret
  const a2 = hash(`${request.method}:${request.uri}`)
  const response = hash(hasQop ? `${a1}:${nonce}:${nc}:${cnonce}:auth:${a2}` : `${a1}:${nonce}:${a2}`)
  const username = challenge.wantsUserHash ? hash(`${credentials.username}:${realm}`) : credentials.username
  const quote = (value: string) => `"${value.replace(/["\\]/g, '\\$&')}"`
  return [
    `Digest username=${quote(username)}`,
    `realm=${quote(realm)}`,
    `nonce=${quote(nonce)}`,
    `uri=${quote(request.uri)}`,
    `algorithm=${algorithm}`,
    `response="${response}"`,
    ...(hasQop
      ? ['qop=auth', `nc=${nc}`, `cnonce=${quote(cnonce)}`]
      : algorithm.endsWith('-sess')
        ? [`cnonce=${quote(cnonce)}`]
        : []),
    ...(opaque === undefined ? [] : [`opaque=${quote(opaque)}`]),
    ...(challenge.wantsUserHash ? ['userhash=true'] : []),
  ].join(', ')
}
