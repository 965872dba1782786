import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { type Static, Type } from 'typebox'
import { Value } from 'typebox/value'
import { ConfigError, type ConfigProblem } from '../gateway/core/errors.ts'
import { fromSiteFile, isSiteFile } from './site-file.ts'
import { dialects } from './upstreams/index.ts'

const strict = { additionalProperties: false } as const
const url = '^https?://[^\\s]+$'
const Port = Type.Integer({ minimum: 0, maximum: 65535 })

const Upstream = Type.Object(
  {
    name: Type.String({ pattern: '^[a-z0-9][a-z0-9-]{0,62}$', description: 'Unique; recorded in every case.' }),
    kind: Type.Unsafe<string>(
      Type.Union(
        dialects.map(({ kind }) => Type.Literal(kind)),
        { description: 'The dialect the platform speaks.' },
      ),
    ),
    url: Type.String({ pattern: url, description: 'Base address of the platform, with its base path.' }),
    keyId: Type.String({ minLength: 1, description: 'Names the shared key at the platform.' }),
    secret: Type.String({ minLength: 16, description: 'The shared key; at least 16 characters.' }),
    pollMs: Type.Integer({ minimum: 50, default: 15_000, description: 'How often status is asked for.' }),
    regionCode: Type.Optional(Type.String({ pattern: '^\\d{6}$', description: 'In front of the class code (SXDM).' })),
    gridCell: Type.Optional(Type.String({ pattern: '^\\d{15}$', description: 'For places that name no cell.' })),
    departmentCode: Type.Optional(Type.String({ description: 'ZGBMDM, where the city asks for it.' })),
    departmentName: Type.Optional(Type.String({ description: 'ZGBMMC; default: the unit of the disposal list.' })),
    webhook: Type.Optional(
      Type.Object(
        {
          host: Type.String({ default: '127.0.0.1' }),
          port: Port,
          path: Type.String({ pattern: '^/', default: '/webhook' }),
        },
        { ...strict, description: 'Where the platform may report status to; polling goes on beside it.' },
      ),
    ),
  },
  strict,
)

/** The configuration of the bridge. Durations in ms. */
export const BridgeConfigSchema = Type.Object(
  {
    site: Type.String({ pattern: '^[a-z0-9][a-z0-9-]{0,62}$', description: 'The site id of the gateway.' }),
    dataDir: Type.String({ minLength: 1, description: 'Where the outbox lives.' }),
    gateway: Type.Object(
      {
        url: Type.String({ pattern: url, description: 'Address of the gateway, without /api/v1.' }),
        token: Type.String({ minLength: 1, description: 'Bearer token of a user of role bridge.' }),
      },
      strict,
    ),
    upstreams: Type.Array(Upstream, { default: [], description: 'The first takes cases that name none.' }),
    evidence: Type.Union([Type.Literal('none'), Type.Literal('snapshot'), Type.Literal('all')], {
      default: 'all',
      description: 'What of the cameras may leave the site with a case. Pictures are not masked.',
    }),
    http: Type.Optional(
      Type.Object(
        { host: Type.String({ default: '127.0.0.1' }), port: Port },
        { ...strict, description: '/health, /metrics and /parked.' },
      ),
    ),
    retry: Type.Object(
      {
        minMs: Type.Integer({ minimum: 1, default: 1000 }),
        maxMs: Type.Integer({ minimum: 1, default: 300_000 }),
      },
      { ...strict, default: {}, description: 'Full-jitter back-off of one delivery.' },
    ),
    requestTimeoutMs: Type.Integer({ minimum: 100, default: 30_000 }),
    journalWaitMs: Type.Integer({ minimum: 0, maximum: 30_000, default: 25_000 }),
    stepWorkers: Type.Integer({ minimum: 1, maximum: 32, default: 4, description: 'Cases sent side by side.' }),
    keepDays: Type.Integer({ minimum: 1, default: 90, description: 'How long rows of ended cases are kept.' }),
  },
  strict,
)
export type BridgeConfig = Static<typeof BridgeConfigSchema>

/** What a caller has to give; the rest has defaults. */
type Loose<T> = T extends readonly (infer Item)[]
  ? readonly Loose<Item>[]
  : T extends object
    ? { [K in keyof T]?: Loose<T[K]> }
    : T
export type BridgeConfigInput = Loose<BridgeConfig>

const loopback = /^(localhost|127(\.\d+){3}|\[::1\])$/

/**
 * Fills in the defaults and checks everything.
 * @param source names the file or caller in messages
 * @throws ConfigError with all problems at once
 */
export function readBridgeConfig(input: unknown, source: string): BridgeConfig {
  const value = Value.Default(BridgeConfigSchema, Value.Clone(input))
  const problems: ConfigProblem[] = []
  if (!Value.Check(BridgeConfigSchema, value)) {
    for (const error of Value.Errors(BridgeConfigSchema, value)) {
      // Said once, at the key itself.
      if (error.keyword !== 'additionalProperties') problems.push(toProblem(error))
    }
    throw new ConfigError(source, problems)
  }
  value.upstreams.forEach((upstream, index) => {
    const path = `upstreams[${index}]`
    const { protocol, hostname } = new URL(upstream.url)
    if (protocol === 'http:' && !loopback.test(hostname))
      problems.push({ path: `${path}.url`, message: 'must be https: cases and pictures would travel in the clear' })
    if (value.upstreams.findIndex(({ name }) => name === upstream.name) !== index)
      problems.push({ path: `${path}.name`, message: `"${upstream.name}" is used twice` })
  })
  if (value.retry.maxMs < value.retry.minMs) problems.push({ path: 'retry.maxMs', message: 'must not be below minMs' })
  if (problems.length > 0) throw new ConfigError(source, problems)
  return value
}

/**
 * Reads the bridge's part of a YAML file: the gateway's site file, or a file of the bridge's own (the whole document or
 * its key `cloudBridge`). In its own file secrets may stand in files (`tokenFile`, `secretFile`) or in the environment:
 * GRIDGATE_BRIDGE_TOKEN, and GRIDGATE_BRIDGE_SECRET_<NAME> for the upstream of that name (upper case, `_` for `-`).
 * @throws ConfigError
 */
export function loadBridgeConfig(
  file: string,
  parseYaml: (text: string) => unknown,
  environment: Record<string, string | undefined>,
): BridgeConfig {
  let document: unknown
  try {
    document = parseYaml(readFileSync(file, 'utf8'))
  } catch (error) {
    throw new ConfigError(file, [{ path: '', message: (error as Error).message }])
  }
  if (!isRecord(document)) throw new ConfigError(file, [{ path: '', message: 'must be a mapping' }])
  if (isSiteFile(document)) {
    const found: ConfigProblem[] = []
    const own = fromSiteFile(document, dirname(resolve(file)), environment, found)
    if (found.length > 0) throw new ConfigError(file, found)
    return readBridgeConfig(own, file)
  }
  const section = structuredClone(isRecord(document.cloudBridge) ? document.cloudBridge : document)
  const problems: ConfigProblem[] = []
  const gateway = isRecord(section.gateway) ? section.gateway : {}
  fillSecret(gateway, 'token', 'gateway', environment.GRIDGATE_BRIDGE_TOKEN, problems)
  const upstreams = Array.isArray(section.upstreams) ? section.upstreams : []
  upstreams.forEach((upstream: unknown, index) => {
    if (!isRecord(upstream)) return
    const variable = `GRIDGATE_BRIDGE_SECRET_${String(upstream.name).toUpperCase().replaceAll('-', '_')}`
    fillSecret(upstream, 'secret', `upstreams[${index}]`, environment[variable], problems)
  })
  if (problems.length > 0) throw new ConfigError(file, problems)
  return readBridgeConfig(section, file)
}

function fillSecret(
  record: Record<string, unknown>,
  key: 'token' | 'secret',
  path: string,
  fromEnvironment: string | undefined,
  problems: ConfigProblem[],
): void {
  const fileKey = `${key}File`
  const file = record[fileKey]
  delete record[fileKey]
  if (fromEnvironment !== undefined) record[key] = fromEnvironment
  else if (typeof file === 'string') {
    try {
      record[key] = readFileSync(file, 'utf8').trim()
    } catch (error) {
      problems.push({ path: `${path}.${fileKey}`, message: (error as Error).message })
    }
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** JSON pointer and keyword to a path and a sentence people can act on; never the value, which may be a secret. */
function toProblem(error: { instancePath: string; message: string }): ConfigProblem {
  const path = error.instancePath
    .split('/')
    .slice(1)
    .map((part) => (/^\d+$/.test(part) ? `[${part}]` : `.${part}`))
    .join('')
    .replace(/^\./, '')
  if (path.endsWith('.kind')) return { path, message: `must be one of: ${dialects.map(({ kind }) => kind).join(', ')}` }
  return { path, message: error.message === 'schema is false' ? 'there is no such key' : error.message }
}
