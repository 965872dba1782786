import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { ConfigProblem } from '../gateway/core/errors.ts'

type Section = Record<string, unknown>

/** Whether this is the gateway's site file, from which the bridge takes its own part. */
export function isSiteFile(document: Section): boolean {
  return isRecord(document.site)
}

/**
 * The bridge's configuration out of a site file: site, upstreams, bridge, and where the gateway listens and keeps its
 * data. Everything else in the file is the gateway's.
 * @param folder folder of the file: relative paths of secrets count from here
 */
export function fromSiteFile(
  document: Section,
  folder: string,
  environment: Record<string, string | undefined>,
  problems: ConfigProblem[],
): Section {
  const site = record(document.site)
  const http = record(document.http)
  const bridge = record(document.bridge)
  const dataDir = resolve(typeof document.dataDir === 'string' ? document.dataDir : './data')
  const own = `${http.tls ? 'https' : 'http'}://${http.host ?? '127.0.0.1'}:${http.port ?? 8080}`
  const tokenFile = join(dataDir, 'bridge-token')
  const token = environment.GRIDGATE_BRIDGE_TOKEN ?? read(tokenFile)
  if (token === undefined)
    problems.push({
      path: 'dataDir',
      message: `${tokenFile} is not there: start the gateway once, or set GRIDGATE_BRIDGE_TOKEN`,
    })
  const upstreams = Array.isArray(document.upstreams) ? document.upstreams : []
  return {
    site: site.id,
    dataDir: join(dataDir, 'bridge'),
    gateway: { url: bridge.gatewayUrl ?? own, token: token ?? '' },
    upstreams: upstreams.map((written: unknown, index) => {
      const { secret, pollSeconds, ...rest } = record(written)
      return {
        ...(site.region ? { regionCode: site.region } : {}),
        ...rest,
        secret: readSecret(record(secret), folder, environment, `upstreams[${index}].secret`, problems),
        ...(typeof pollSeconds === 'number' ? { pollMs: Math.round(pollSeconds * 1000) } : {}),
        ...(site.gridCell ? { gridCell: site.gridCell } : {}),
      }
    }),
    ...(bridge.evidence ? { evidence: bridge.evidence } : {}),
    http: { host: bridge.host ?? '127.0.0.1', port: bridge.port ?? 8081 },
  }
}

function readSecret(
  { env, file }: Section,
  folder: string,
  environment: Record<string, string | undefined>,
  path: string,
  problems: ConfigProblem[],
): string {
  const value =
    typeof env === 'string' ? environment[env] : typeof file === 'string' ? read(resolve(folder, file)) : undefined
  if (value !== undefined) return value
  const from = typeof env === 'string' ? `environment variable ${env} is not set` : `secret file ${file} cannot be read`
  problems.push({ path, message: from })
  return ''
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').trim()
  } catch {
    return undefined
  }
}

function record(value: unknown): Section {
  return isRecord(value) ? value : {}
}

function isRecord(value: unknown): value is Section {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
