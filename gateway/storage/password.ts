import { type BinaryLike, randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'

const derive = promisify<BinaryLike, BinaryLike, number, ScryptOptions, Buffer>(scrypt)

/**
 * scrypt parameters of new hashes: 32 MiB and some tenths of a second for each guess. RFC 7914; OWASP Password Storage Cheat Sheet
 * (N = 2^15, r = 8, p = 3 is one of its equal settings).
 */
const current = { log2N: 15, r: 8, p: 3 } as const
const saltBytes = 16
const keyBytes = 32

/** What a stored hash may ask of this machine at most: 128·N·r bytes, so that a forged row cannot exhaust it. */
const maxMemoryBytes = 256 * 1024 * 1024

/**
 * Hashes a password for storing: `scrypt$15$8$3$<salt>$<key>`, the two in base64url. The work is done off the event loop.
 * Equal characters give equal hashes however the keyboard composed them (Unicode NFKC).
 */
export async function hashPassword(password: string): Promise<string> {
  const { log2N, r, p } = current
  const salt = randomBytes(saltBytes)
  const key = await derive(password.normalize('NFKC'), salt, keyBytes, costOf(log2N, r, p))
  return ['scrypt', log2N, r, p, salt.toString('base64url'), key.toString('base64url')].join('$')
}

/**
 * Whether this is the password the hash was made of. Takes as long for a wrong one. For a name nobody has, verify against
 * `await hashPassword('')`, made once, so that the time does not tell which names exist.
 * @returns false as well for a text that is no hash of ours
 */
export async function verifyPassword(password: string, stored: string): Promise<boolean> {
  const [, log2N, r, p, salt, key] = stored.match(/^scrypt\$(\d{1,2})\$(\d{1,2})\$(\d{1,2})\$([\w-]+)\$([\w-]+)$/) ?? []
  if (!salt || !key) return false
  const cost = costOf(Number(log2N), Number(r), Number(p))
  if (cost.N < 2 || !cost.r || !cost.p || 128 * cost.N * cost.r > maxMemoryBytes) return false
  const expected = Buffer.from(key, 'base64url')
  const actual = await derive(password.normalize('NFKC'), Buffer.from(salt, 'base64url'), expected.length, cost)
  return timingSafeEqual(actual, expected)
}

/** Whether a hash was made with weaker parameters than today's; hash the password anew at the next login. */
export function isOutdated(stored: string): boolean {
  const { log2N, r, p } = current
  return !stored.startsWith(`scrypt$${log2N}$${r}$${p}$`)
}

const costOf = (log2N: number, r: number, p: number) => ({ N: 2 ** log2N, r, p, maxmem: 2 * maxMemoryBytes })
