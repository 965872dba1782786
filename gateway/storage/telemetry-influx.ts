import { Point } from '@influxdata/influxdb-client'
import { type Clock, systemClock } from '../core/clock.ts'
import type { Measurement } from '../core/measurement.ts'
import type { Telemetry } from '../core/ports.ts'
import { createFluxQuery, createInfluxqlQuery, influxFields } from './influx-query.ts'
import { createInfluxRequests, type InfluxServer } from './influx-requests.ts'
import { createInfluxSender, type InfluxLogger, type InfluxStatus } from './influx-sender.ts'
import { createMemoryBuffer, openDiskBuffer } from './line-buffer.ts'
import { instantOf, isStorable } from './telemetry-point.ts'

export interface TelemetryInfluxOptions extends InfluxServer {
  /** How the server is asked: `flux` for InfluxDB 2, `influxql` for InfluxDB 1 and 3. Default flux. */
  queryLanguage?: 'flux' | 'influxql'
  /** Points kept while the server is away, about 150 bytes each; beyond it the oldest go. Default 200,000. */
  maxBufferedPoints?: number
  /** SQLite file in which they wait; in memory, and lost with the process, where absent. */
  bufferFile?: string
  /** Default 2,000. */
  batchPoints?: number
  /** How long a point waits for company. Default 1 s. */
  flushMs?: number
  /** Default 10 s. */
  requestTimeoutMs?: number
  /** How long close() tries to send what is left. Default 2 s. */
  closeMs?: number
  /** Default 1 s to 60 s. */
  retry?: { minMs: number; maxMs: number }
  clock?: Clock
  random?: () => number
  fetch?: typeof fetch
  logger?: InfluxLogger
}

export interface TelemetryInflux extends Telemetry {
  /** Sends what waits, now; rejects when the server does not take it, and keeps it then. */
  flush(): Promise<void>
  status(): InfluxStatus
}

/**
 * Telemetry in InfluxDB: the metric is the measurement, the device a tag, the value a field by its type. Points wait in a
 * bounded buffer, on disk where it has a file, until the server has taken them; the newest value of each metric is kept in memory, so that
 * `latest` starts empty after a restart.
 */
export function createTelemetryInflux(options: TelemetryInfluxOptions): TelemetryInflux {
  const requestTimeoutMs = options.requestTimeoutMs ?? 10_000
  const requests = createInfluxRequests({ ...options, requestTimeoutMs })
  const { maxBufferedPoints = 200_000, bufferFile } = options
  const sender = createInfluxSender({
    buffer: bufferFile ? openDiskBuffer(bufferFile, maxBufferedPoints) : createMemoryBuffer(maxBufferedPoints),
    isDurable: bufferFile !== undefined,
    batchPoints: 2000,
    flushMs: 1000,
    closeMs: 2000,
    retry: { minMs: 1000, maxMs: 60_000 },
    clock: systemClock,
    random: Math.random,
    ...options,
    requests,
  })
  const query =
    options.queryLanguage === 'influxql'
      ? createInfluxqlQuery({ ...options, requestTimeoutMs, fetch: options.fetch ?? fetch })
      : createFluxQuery({ ...options, requests })
  /** By device and metric: as many as the site has. */
  const latest = new Map<string, Map<string, Measurement>>()
  let unstorable = 0

  function remember(measurement: Measurement): void {
    const metrics = latest.get(measurement.device) ?? new Map<string, Measurement>()
    latest.set(measurement.device, metrics)
    const before = metrics.get(measurement.metric)
    if (!before || instantOf(measurement) >= instantOf(before)) metrics.set(measurement.metric, measurement)
  }

  return {
    async write(measurements) {
      const storable = measurements.filter(isStorable)
      unstorable += measurements.length - storable.length
      for (const measurement of storable) remember(measurement)
      sender.add(storable.map(lineOf))
    },
    query,
    latest: async (device) => [...(latest.get(device)?.values() ?? [])],
    flush: sender.flush,
    status() {
      const status = sender.status()
      return { ...status, droppedPoints: status.droppedPoints + unstorable }
    },
    async close() {
      await sender.close()
      requests.close()
    },
  }
}

const milliseconds = { convertTime: String }

function lineOf(measurement: Measurement): string {
  const { device, metric, value } = measurement
  const point = new Point(metric).tag('device', device).timestamp(instantOf(measurement))
  if (typeof value === 'number') point.floatField(influxFields.number, value)
  else if (typeof value === 'boolean') point.booleanField(influxFields.boolean, value)
  else point.stringField(influxFields.string, value)
  return point.toLineProtocol(milliseconds) ?? ''
}
