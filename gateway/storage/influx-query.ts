import { fluxDateTime, fluxExpression, fluxInteger, flux as fluxQuery, HttpError } from '@influxdata/influxdb-client'
import { DeliveryError } from '../core/errors.ts'
import type { Telemetry, TelemetryPoint } from '../core/ports.ts'
import { hintFor, type InfluxRequests, type InfluxServer, withoutSecrets } from './influx-requests.ts'

/**
 * The fields a value is written to, by its type: a field of one series can never change its type, a device's firmware can.
 */
export const influxFields = { number: 'value', boolean: 'state', string: 'text' } as const

export type InfluxQuery = Telemetry['query']

export interface InfluxqlOptions extends InfluxServer {
  requestTimeoutMs: number
  fetch: typeof fetch
}

/** 2200-01-01: later than any measurement, earlier than the end of nanoseconds in 64 bits (2262). */
const maxInstant = 7_258_118_400_000

const spanOf = (from: number, to: number): [start: number, stop: number] => [
  Math.max(0, Math.round(from)),
  Math.min(maxInstant, Math.round(to)),
]

/** Length of a window, as both languages write it. */
const windows = { minute: '1m', hour: '1h' } as const

const atLeastOne = (limit: number): number => Math.max(1, Math.floor(limit))

/** The newest `limit` points, oldest first. */
const newestOf = (points: TelemetryPoint[], limit: number): TelemetryPoint[] =>
  points.sort((a, b) => a.at - b.at).slice(-atLeastOne(limit))

/**
 * Reads points by Flux (`POST /api/v2/query`, annotated CSV): InfluxDB 2. Of minutes and hours it tells the mean only.
 * @throws DeliveryError when the server cannot be asked
 */
export function createFluxQuery(options: InfluxServer & { requests: InfluxRequests }): InfluxQuery {
  const { bucket, requests } = options
  return async ({ device, metric, from, to, limit, resolution = 'raw' }) => {
    const [start, stop] = spanOf(from, to)
    if (start >= stop) return []
    const summed =
      resolution === 'raw'
        ? fluxExpression('')
        : fluxExpression(`|> filter(fn: (r) => r._field == "${influxFields.number}")
      |> aggregateWindow(every: ${windows[resolution]}, fn: mean, createEmpty: false, timeSrc: "_start")`)
    // The tables stay apart by _field: Flux refuses to join values of different types.
    const query = fluxQuery`from(bucket: ${bucket})
      |> range(start: ${fluxDateTime(new Date(start).toISOString())}, stop: ${fluxDateTime(new Date(stop).toISOString())})
      |> filter(fn: (r) => r._measurement == ${metric} and r.device == ${device})
      ${summed}
      |> tail(n: ${fluxInteger(atLeastOne(limit))})
      |> keep(columns: ["_time", "_value", "_field"])`
    try {
      const rows = await requests.query<{ _time: string; _value: TelemetryPoint['value'] }>(query.toString())
      return newestOf(
        rows.map(({ _time, _value }) => ({ at: Date.parse(_time), value: _value })),
        limit,
      )
    } catch (error) {
      throw queryError(error as Error, options)
    }
  }
}

interface InfluxqlAnswer {
  error?: string
  results?: Array<{
    error?: string
    series?: Array<{ columns: string[]; values: Array<Array<number | boolean | string | null>> }>
  }>
}

/**
 * Reads points by InfluxQL (`GET /query`): InfluxDB 1, InfluxDB 3, and InfluxDB 2 with a database mapped to the bucket.
 * @throws DeliveryError when the server cannot be asked
 */
export function createInfluxqlQuery(options: InfluxqlOptions): InfluxQuery {
  const { url, token, bucket, requestTimeoutMs } = options
  const fields = Object.values(influxFields)
    .map((column) => `"${column}"`)
    .join(', ')
  const summaries = ['mean', 'count', 'min', 'max'].map((name) => `${name}("${influxFields.number}")`).join(', ')
  return async ({ device, metric, from, to, limit, resolution = 'raw' }) => {
    const [start, stop] = spanOf(from, to)
    if (start >= stop) return []
    const parameters = new URLSearchParams({
      db: bucket,
      epoch: 'ms',
      q: `SELECT ${resolution === 'raw' ? fields : summaries} FROM "${escaped(metric, '"')}"
        WHERE "device" = '${escaped(device, "'")}' AND time >= ${start}ms AND time < ${stop}ms
        ${resolution === 'raw' ? '' : `GROUP BY time(${windows[resolution]}) fill(none)`}
        ORDER BY time DESC LIMIT ${atLeastOne(limit)}`,
    })
    const base = new URL(url)
    const address = `${base.origin}${base.pathname.replace(/\/$/, '')}/query?${parameters}`
    try {
      const response = await options.fetch(address, {
        headers: token ? { authorization: `Token ${token}` } : {},
        signal: AbortSignal.timeout(requestTimeoutMs),
      })
      const text = await response.text()
      if (!response.ok) throw new HttpError(response.status, response.statusText, text)
      const answer = JSON.parse(text) as InfluxqlAnswer
      const problem = answer.error ?? answer.results?.find(({ error }) => error)?.error
      if (problem) throw new Error(problem)
      return newestOf(resolution === 'raw' ? pointsOf(answer) : summariesOf(answer), limit)
    } catch (error) {
      throw queryError(error as Error, options)
    }
  }
}

function pointsOf(answer: InfluxqlAnswer): TelemetryPoint[] {
  const points: TelemetryPoint[] = []
  for (const { columns, values } of answer.results?.flatMap(({ series }) => series ?? []) ?? []) {
    const time = columns.indexOf('time')
    for (const row of values) {
      const at = row[time]
      for (const [column, value] of row.entries())
        if (column !== time && value !== null && value !== undefined && typeof at === 'number')
          points.push({ at, value })
    }
  }
  return points
}

function summariesOf(answer: InfluxqlAnswer): TelemetryPoint[] {
  return (answer.results?.flatMap(({ series }) => series ?? []) ?? []).flatMap(({ columns, values }) =>
    values.map((row) => {
      const cell = (name: string) => row[columns.indexOf(name)] as number
      return { at: cell('time'), value: cell('mean'), count: cell('count'), minimum: cell('min'), maximum: cell('max') }
    }),
  )
}

/** Text between quotes of InfluxQL. */
function escaped(text: string, quote: '"' | "'"): string {
  return text.replaceAll('\\', '\\\\').replaceAll(quote, `\\${quote}`).replaceAll('\n', '\\n')
}

function queryError(error: Error, server: InfluxServer): DeliveryError {
  const status = error instanceof HttpError ? error.statusCode : undefined
  // fetch hides what went wrong in the cause.
  const cause = error.cause instanceof Error ? `: ${error.cause.message}` : ''
  return new DeliveryError(`telemetry cannot be read: ${withoutSecrets(error.message + cause, server)}`, {
    retryable: status === undefined || status === 429 || status >= 500,
    hint:
      status === 400 || status === 404 || status === 405
        ? `${hintFor(error, server)}; InfluxDB 1 and 3 need the query language influxql`
        : hintFor(error, server),
    cause: error,
  })
}
