import { randomInt, randomUUID } from 'node:crypto'
import type { Store } from '../core/ports.ts'
import type { Passwords } from './options.ts'

/** No characters that are mistaken for each other on paper (0 o, 1 l i). */
const alphabet = 'abcdefghjkmnpqrstuvwxyz23456789'

/** 20 characters in groups of five: 99 random bits a person can copy. */
function readablePassword(): string {
  const group = () => Array.from({ length: 5 }, () => alphabet[randomInt(alphabet.length)]).join('')
  return [group(), group(), group(), group()].join('-')
}

/**
 * Creates the user `admin` where there is no user yet.
 * @returns its password, to be shown once and kept nowhere; undefined where users exist
 */
export async function ensureFirstAdmin(options: {
  store: Store
  passwords: Passwords
  now(): number
}): Promise<string | undefined> {
  const { store, passwords, now } = options
  if (store.users().length > 0) return undefined
  const password = readablePassword()
  const passwordHash = await passwords.hash(password)
  store.putUser({ id: randomUUID(), name: 'admin', role: 'admin', isDisabled: false, createdAt: now(), passwordHash })
  return password
}
