import { createHash, randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import process from 'node:process'
import { isDeepStrictEqual } from 'node:util'
import { addCredential, readCredentials, setKeptFirst } from './broker/credentials.ts'
import type { SiteConfig } from './config/site.ts'
import { ConfigError } from './core/errors.ts'

/** Files of the data directory that the gateway's own processes share; each readable by its owner only. */
export function secretFiles(dataDir: string) {
  return {
    credentials: join(dataDir, 'broker', 'credentials'),
    gatewaySecret: join(dataDir, 'broker', 'gateway-secret'),
    bridgeToken: join(dataDir, 'bridge-token'),
    answerLinkSecret: join(dataDir, 'answer-link-secret'),
  }
}

/** MQTT user of the gateway itself. */
export const gatewayClient = 'gateway'

/** Topic filters beyond `site/<site>/#` that the gateway itself needs. */
export interface GatewayTopics {
  publish: string[]
  subscribe: string[]
  /** Whose messages the broker keeps first: those of life-safety devices. */
  first?: string[]
}

/**
 * The gateway's own MQTT secret; made, with its line in the broker's credentials, by whoever starts first. Its further
 * topics are those of the site file: where they have changed, the line is written anew with the same secret.
 */
export async function ensureGatewaySecret(dataDir: string, topics: GatewayTopics): Promise<string> {
  const files = secretFiles(dataDir)
  mkdirSync(dirname(files.credentials), { recursive: true, mode: 0o700 })
  const known = existsSync(files.credentials) ? await readCredentials(files.credentials) : []
  const own = known.find(({ id }) => id === gatewayClient)
  if (own && existsSync(files.gatewaySecret)) {
    const kept = readFileSync(files.gatewaySecret, 'utf8').trim()
    const { publish = [], subscribe = [] } = own
    // What an administrator has added stays.
    const wanted = {
      publish: [...new Set([...publish, ...topics.publish])],
      subscribe: [...new Set([...subscribe, ...topics.subscribe])],
    }
    const { first = own.first ?? [] } = topics
    if (!isDeepStrictEqual(wanted, { publish, subscribe }))
      await addCredential(files.credentials, {
        ...{ id: gatewayClient, role: 'gateway', secret: kept, isMade: true, first },
        ...wanted,
      })
    else await setKeptFirst(files.credentials, gatewayClient, first)
    return kept
  }
  const { secret } = await addCredential(files.credentials, { id: gatewayClient, role: 'gateway', ...topics })
  writeFileSync(files.gatewaySecret, `${secret}\n`, { mode: 0o600 })
  return secret
}

/** The bearer token cloud-bridge uses; made at the first start. */
export function ensureBridgeToken(dataDir: string): string {
  return ensureSecret(secretFiles(dataDir).bridgeToken)
}

/** Signs answer links; made at the first start. Deleting the file makes every link that was sent worthless. */
export function ensureAnswerLinkSecret(dataDir: string): string {
  return ensureSecret(secretFiles(dataDir).answerLinkSecret)
}

function ensureSecret(file: string): string {
  if (!existsSync(file)) writeFileSync(file, `${randomBytes(32).toString('base64url')}\n`, { mode: 0o600 })
  return readFileSync(file, 'utf8').trim()
}

/** SHA-256 as hex, for tokens that are random and long: only the hash is kept in memory and compared. */
export function tokenHash(token: string): string {
  return createHash('sha256').update(token).digest('hex')
}

/**
 * A secret that the site file refers to; files lie relative to it.
 * @throws ConfigError when it is not there
 */
export function readSecret(config: SiteConfig, reference: { env: string } | { file: string }): string {
  if ('env' in reference) {
    const value = process.env[reference.env]
    if (value) return value
    throw new ConfigError(config.file, [{ path: reference.env, message: 'environment variable is not set' }])
  }
  return readFileSync(resolve(dirname(config.file), reference.file), 'utf8').trim()
}
