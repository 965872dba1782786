import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import { HttpError, InfluxDB } from '@influxdata/influxdb-client'

export interface InfluxServer {
  /** Base URL, `http(s)://host:port` with an optional path; credentials in it are never shown. */
  url: string
  org: string
  bucket: string
  /** API token; empty where the server asks for none. */
  token: string
}

export interface InfluxRequests {
  /** Writes lines (milliseconds) in one request. Rejects with the client's HttpError or with what the network said. */
  write(lines: string[], signal: AbortSignal): Promise<void>
  /** Runs a Flux query. */
  query<Row>(flux: string): Promise<Row[]>
  close(): void
}

/**
 * Single requests through the InfluxDB client, over connections kept open. Nothing is retried here, and a request that
 * has had no answer in time is torn down: the client by itself would only stop waiting for it.
 */
export function createInfluxRequests(options: InfluxServer & { requestTimeoutMs: number }): InfluxRequests {
  const { url, org, bucket, token, requestTimeoutMs } = options
  const agent = url.startsWith('https:') ? new HttpsAgent({ keepAlive: true }) : new HttpAgent({ keepAlive: true })

  /** A client for one request: the client knows no signal for a single one. */
  async function withClient<T>(signal: AbortSignal | undefined, use: (client: InfluxDB) => Promise<T>): Promise<T> {
    const timeout = AbortSignal.timeout(requestTimeoutMs)
    const either = signal ? AbortSignal.any([signal, timeout]) : timeout
    try {
      return await use(new InfluxDB({ url, token, transportOptions: { agent, signal: either } }))
    } catch (error) {
      if (timeout.aborted) throw new Error(`no answer within ${requestTimeoutMs} ms`, { cause: error })
      throw error
    }
  }

  return {
    write: (lines, signal) =>
      withClient(signal, async (client) => {
        const writeApi = client.getWriteApi(org, bucket, 'ms', {
          // One request per flush(), never sent by size or by time behind our back.
          batchSize: lines.length + 1,
          maxBatchBytes: Number.MAX_SAFE_INTEGER,
          flushInterval: 0,
          maxRetries: 0,
          // Rejecting here also keeps the client from logging by itself.
          writeFailed: (error) => Promise.reject(error),
        })
        writeApi.writeRecords(lines)
        await writeApi.flush()
      }),
    query: (flux) => withClient(undefined, (client) => client.getQueryApi(org).collectRows(flux)),
    close: () => agent.destroy(),
  }
}

/** A server that asks for more is asked again after this. */
const longestRetryAfterMs = 600_000

/** What the server asks for in its Retry-After header: seconds or a date (RFC 9110 §10.2.3). */
export function retryAfterMs(error: unknown, now: number): number | undefined {
  const header = error instanceof HttpError ? error.headers?.['retry-after'] : undefined
  if (typeof header !== 'string') return undefined
  const asked = /^\d+$/.test(header) ? Number(header) * 1000 : Date.parse(header) - now
  return Number.isNaN(asked) ? undefined : Math.min(Math.max(0, asked), longestRetryAfterMs)
}

/** A message that may be logged: the server's words without token and password, cut short. */
export function withoutSecrets(message: string, { url, token }: InfluxServer): string {
  const { password } = new URL(url)
  return [token, password, decodeURIComponent(password)]
    .filter((secret) => secret !== '')
    .reduce((text, secret) => text.replaceAll(secret, '***'), message)
    .replaceAll(/\s+/g, ' ')
    .slice(0, 300)
}

/** What an operator can do about a failed request. */
export function hintFor(error: Error, { url, org, bucket }: InfluxServer): string {
  const { origin } = new URL(url)
  switch (error instanceof HttpError ? error.statusCode : undefined) {
    case 401:
    case 403:
      return `check the token: it must be allowed to read and write bucket ${bucket}`
    case 404:
      return `check that ${origin} is an InfluxDB with organisation ${org} and bucket ${bucket}`
    case 429:
    case 503:
      return 'the server is busy and is given time'
    case undefined:
      return `check that ${origin} is running and can be reached from here`
    default:
      return `look into the log of ${origin}`
  }
}
