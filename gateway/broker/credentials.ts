import { createHmac, randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto'
import { open, readFile, rename, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { type Role, roles } from './access.ts'
import { isTopicFilter } from './topic-filter.ts'

/** One client of the broker: one line of the credentials file. */
export interface Credential {
  /** User name; for a device also its client id and its name in topics. */
  id: string
  /** `scrypt$N$r$p$salt$key`, salt and key base64url. */
  hash: string
  role: Role
  /** Topic filters beyond the role's, that the client may publish to. */
  publish?: string[]
  /** Topic filters beyond the role's, that the client may subscribe to. */
  subscribe?: string[]
  /** Of the gateway: topic filters whose messages are kept first, beside those the broker was started with. */
  first?: string[]
}

/** What is asked of {@link addCredential}. Without `secret` one of 192 random bits is made. */
export interface NewCredential {
  id: string
  role: Role
  publish?: string[]
  subscribe?: string[]
  first?: string[]
  secret?: string
  /** `secret` is one that was made here before. */
  isMade?: boolean
}

export interface ScryptCost {
  N: number
  r: number
  p: number
}

/** For secrets a person chose, which can be guessed: about 32 MB and 0.2 s per guess (OWASP Password Storage, scrypt). */
export const chosenSecretCost: ScryptCost = { N: 2 ** 15, r: 8, p: 3 }

/**
 * For secrets made by {@link addCredential}. Slow hashing protects what can be guessed; 192 random bits cannot be, at any
 * price per guess, and a compound that comes back after a power cut logs in by the thousand.
 */
export const madeSecretCost: ScryptCost = { N: 64, r: 8, p: 1 }

/** Up to this cost a check takes about a millisecond. */
const cheapN = 1024
/** Of the four threads that hash: guesses at chosen secrets never keep the devices of the compound waiting. */
const costlyAtOnce = 2

const keyBytes = 32
// Highest cost accepted from a file: a mistyped one would otherwise take the machine's memory at the first login.
const maxCostBytes = 256 * 1024 * 1024

/** Hashes a secret for the credentials file. */
export async function hashSecret(secret: string, cost: ScryptCost = chosenSecretCost): Promise<string> {
  const salt = randomBytes(16)
  const key = await derive(secret, salt, cost)
  return ['scrypt', cost.N, cost.r, cost.p, salt.toString('base64url'), key.toString('base64url')].join('$')
}

/** True when `secret` is the one `hash` was made of, compared in constant time. A malformed hash matches nothing. */
export async function verifySecret(secret: string, hash: string): Promise<boolean> {
  const parsed = parseHash(hash)
  if (!parsed) return false
  const key = await derive(secret, parsed.salt, parsed.cost)
  return timingSafeEqual(key, parsed.key)
}

/**
 * Reads a credentials file: one JSON object per line, blank lines and lines starting with `#` skipped.
 * @throws Error naming the file and every bad line
 */
export async function readCredentials(path: string): Promise<Credential[]> {
  const problems: string[] = []
  const credentials = new Map<string, Credential>()
  for (const [index, line] of (await readFile(path, 'utf8')).split('\n').entries()) {
    if (line.trim() === '' || line.startsWith('#')) continue
    const result = parseCredential(line)
    if (typeof result === 'string') problems.push(`  line ${index + 1}: ${result}`)
    else if (credentials.has(result.id)) problems.push(`  line ${index + 1}: id ${result.id} is there twice`)
    else credentials.set(result.id, result)
  }
  if (problems.length > 0) throw new Error(`${path} is not a credentials file:\n${problems.join('\n')}`)
  return [...credentials.values()]
}

/**
 * Adds or replaces one client and returns its secret, which is kept nowhere else.
 * The file has one writer at a time; readers see the old or the new one, never a part.
 */
export async function addCredential(path: string, entry: NewCredential): Promise<{ id: string; secret: string }> {
  const [added] = await addCredentials(path, [entry])
  return added!
}

/** {@link addCredential} for many clients in one write. */
export async function addCredentials(
  path: string,
  entries: readonly NewCredential[],
): Promise<Array<{ id: string; secret: string }>> {
  const existing = await readCredentials(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw error
  })
  const credentials = new Map(existing.map((credential) => [credential.id, credential]))
  const added: Array<{ id: string; secret: string }> = []
  for (const { secret: chosen, isMade = chosen === undefined, ...rest } of entries) {
    const secret = chosen ?? randomBytes(24).toString('base64url')
    const hash = await hashSecret(secret, isMade ? madeSecretCost : chosenSecretCost)
    const credential = parseCredential(JSON.stringify({ ...rest, hash }))
    if (typeof credential === 'string') throw new Error(`client ${rest.id}: ${credential}`)
    credentials.set(credential.id, credential)
    added.push({ id: credential.id, secret })
  }
  await writeCredentials(path, credentials.values())
  return added
}

/** Takes clients away; a running broker cuts them off when it reads the file again. */
export async function removeCredentials(path: string, ids: readonly string[]): Promise<void> {
  const existing = await readCredentials(path)
  const kept = existing.filter(({ id }) => !ids.includes(id))
  if (kept.length < existing.length) await writeCredentials(path, kept)
}

/** Sets which messages are kept first; the client stays as it is, and stays connected. */
export async function setKeptFirst(path: string, id: string, first: readonly string[]): Promise<void> {
  const existing = await readCredentials(path)
  const own = existing.find((credential) => credential.id === id)
  if (!own || isDeepStrictEqual(own.first ?? [], first)) return
  await writeCredentials(
    path,
    existing.map((credential) => (credential === own ? { ...own, first: [...first] } : credential)),
  )
}

async function writeCredentials(path: string, credentials: Iterable<Credential>): Promise<void> {
  const lines = Array.from(credentials, (credential) => `${JSON.stringify(credential)}\n`)
  await replaceFile(path, lines.join(''))
}

/**
 * The credentials of a running broker: the file's content and the memory of secrets already verified.
 *
 * A secret is hashed with scrypt once; after that a keyed hash of (id, stored hash, secret) is remembered, so that a
 * storm of reconnecting clients costs microseconds each. The key is random per process, so the memory is worth nothing
 * outside it, and a changed credential has another stored hash and is verified anew.
 */
export class CredentialBook {
  readonly #path: string
  readonly #key = randomBytes(32)
  readonly #verified = new Set<string>()
  readonly #maxWaiting: number
  #credentials = new Map<string, Credential>()
  /** Costly checks under way, and those whose turn has not come. */
  #checking = 0
  readonly #waiting: Array<() => void> = []

  /** `maxWaiting`: logins that wait for a costly check. */
  constructor(path: string, maxWaiting = Number.POSITIVE_INFINITY) {
    this.#path = path
    this.#maxWaiting = maxWaiting
  }

  get size(): number {
    return this.#credentials.size
  }

  get(id: string): Credential | undefined {
    return this.#credentials.get(id)
  }

  /** Topic filters whose messages are kept first. */
  get first(): string[] {
    return [...this.#credentials.values()].flatMap(({ first = [] }) => first)
  }

  /** Reads the file and returns the ids whose line changed or is gone. On an error the content stays as it was. */
  async reload(): Promise<string[]> {
    const next = new Map((await readCredentials(this.#path)).map((credential) => [credential.id, credential]))
    const rights = (credential: Credential | undefined) => credential && JSON.stringify({ ...credential, first: [] })
    const changed = [...this.#credentials.values()].filter((old) => rights(next.get(old.id)) !== rights(old))
    this.#credentials = next
    return changed.map((credential) => credential.id)
  }

  /** The client's credential when the secret is right, else undefined; `busy` when too many wait for a costly check. */
  async verify(id: string, secret: string): Promise<Credential | 'busy' | undefined> {
    const credential = this.#credentials.get(id)
    if (!credential) return undefined
    const mark = createHmac('sha256', this.#key).update(`${id}\0${credential.hash}\0`).update(secret).digest('base64')
    if (this.#verified.has(mark)) return credential
    const isCostly = (parseHash(credential.hash)?.cost.N ?? 0) > cheapN
    if (isCostly && !(await this.#turn())) return 'busy'
    const isRight = await verifySecret(secret, credential.hash).finally(() => isCostly && this.#next())
    if (!isRight) return undefined
    // Forgetting all is harmless (they are verified again) and keeps the memory bounded over years of changed secrets.
    if (this.#verified.size >= 20_000) this.#verified.clear()
    this.#verified.add(mark)
    return credential
  }

  /** Waits for the turn of a costly check; false when the line is full. */
  async #turn(): Promise<boolean> {
    if (this.#checking < costlyAtOnce) {
      this.#checking++
      return true
    }
    if (this.#waiting.length >= this.#maxWaiting) return false
    await new Promise<void>((resolve) => this.#waiting.push(resolve))
    return true
  }

  #next(): void {
    const next = this.#waiting.shift()
    if (next) next()
    else this.#checking--
  }
}

function parseCredential(line: string): Credential | string {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch {
    return 'not JSON'
  }
  if (typeof value !== 'object' || value === null) return 'not an object'
  const { id, hash, role, publish, subscribe, first } = value as Record<string, unknown>
  // The id is a level of the client's topics: a wildcard or a slash in it would open other clients' topics.
  if (typeof id !== 'string' || !/^[^/+#$\s\p{C}][^/+#\s\p{C}]{0,63}$/u.test(id)) {
    return 'id must be 1 to 64 characters without space, /, + or #, not starting with $'
  }
  if (typeof hash !== 'string' || !parseHash(hash)) return `hash of ${id} is not scrypt$N$r$p$salt$key`
  if (!roles.includes(role as Role)) return `role of ${id} must be one of ${roles.join(', ')}`
  const credential: Credential = { id, hash, role: role as Role }
  for (const [name, filters] of Object.entries({ publish, subscribe, first })) {
    if (filters === undefined) continue
    if (!Array.isArray(filters) || !filters.every((f) => typeof f === 'string' && isTopicFilter(f))) {
      return `${name} of ${id} must be a list of MQTT topic filters`
    }
    credential[name as 'publish' | 'subscribe' | 'first'] = filters as string[]
  }
  return credential
}

function parseHash(hash: string): { cost: ScryptCost; salt: Buffer; key: Buffer } | undefined {
  const match = /^scrypt\$(\d+)\$(\d+)\$(\d+)\$([\w-]+)\$([\w-]+)$/.exec(hash)
  if (!match) return undefined
  const cost = { N: Number(match[1]), r: Number(match[2]), p: Number(match[3]) }
  const key = Buffer.from(match[5]!, 'base64url')
  const powerOfTwo = cost.N > 1 && Number.isInteger(Math.log2(cost.N))
  const affordable = 128 * cost.N * cost.r <= maxCostBytes && cost.r > 0 && cost.p > 0 && cost.p <= 16
  if (!powerOfTwo || !affordable || key.length !== keyBytes) return undefined
  return { cost, salt: Buffer.from(match[4]!, 'base64url'), key }
}

function derive(secret: string, salt: Buffer, cost: ScryptCost): Promise<Buffer> {
  // Node refuses at exactly 128·N·r bytes, hence the allowance.
  const options: ScryptOptions = { ...cost, maxmem: 128 * cost.N * cost.r + 1024 * 1024 }
  return new Promise((resolve, reject) => {
    scrypt(secret, salt, keyBytes, options, (error, key) => (error ? reject(error) : resolve(key)))
  })
}

async function replaceFile(path: string, content: string): Promise<void> {
  const temporary = `${path}.new`
  const file = await open(temporary, 'w', 0o600)
  try {
    await file.chmod(0o600)
    await file.writeFile(content)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(temporary, path)
  // The rename itself is durable only when the directory is.
  const directory = await open(dirname(path), 'r')
  await directory.sync().finally(() => directory.close())
}

/** What tells one version of a file from the next; undefined while the file is not there. */
export async function fileVersion(path: string): Promise<string | undefined> {
  const found = await stat(path).catch(() => undefined)
  return found && `${found.ino}:${found.size}:${found.mtimeMs}`
}
