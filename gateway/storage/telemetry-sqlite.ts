import type { Measurement } from '../core/measurement.ts'
import type { Telemetry } from '../core/ports.ts'
import { atomically, closeDatabase, type Database, openDatabase } from './database.ts'
import { storageError } from './storage-error.ts'
import { type Arrival, packBatch, unpackBatch } from './telemetry-blob.ts'
import { createTelemetryHours } from './telemetry-hours.ts'
import { moveRows } from './telemetry-move.ts'
import { createPending, hourOf, type Pending } from './telemetry-pending.ts'
import { instantOf, isStorable } from './telemetry-point.ts'
import { readSeries } from './telemetry-series.ts'

export interface TelemetrySqliteOptions {
  /** Path of the SQLite file, not the store's; `:memory:` for a test that needs no disk. */
  file: string
  /** Values older than this are removed; Infinity keeps them. */
  retentionMs: number
  /** The same for what each minute and each hour came to. */
  minuteRetentionMs?: number
  hourRetentionMs?: number
  /** Epoch ms. */
  now: () => number
  /** While false nothing is removed for its age. Default always true. */
  mayDelete?: () => boolean
}

export interface TelemetrySqlite extends Telemetry {
  /** Measurements that were none (NaN, no name) since the start. */
  droppedPoints(): number
}

/** "GrGm" in ASCII. */
const applicationId = 0x4772476d

const migrations = ['001-measurements.sql', '002-hours.sql'].map(
  (name) => new URL(`./migrations/telemetry/${name}`, import.meta.url),
)

const types = ['number', 'boolean', 'string'] as const

/** Arrivals are sorted into hours after so long or so many, whichever comes first; until then memory holds them too. */
const generationMs = 5 * 60_000
const generationSize = 500_000
/** Time that tidying may take from each batch: the event loop has other things to do. */
const tidyMs = 4
/** An hour is rolled up so long after its end, when stragglers are in. */
const graceMs = 2 * 60_000

/**
 * Opens the telemetry store on SQLite. A batch is one transaction of one row; a power cut may cost the last moments
 * (synchronous NORMAL), a killed process costs nothing. Sorting into hours, rolling up and retention ride along with the
 * batches, a few milliseconds each.
 *
 *   write ─▶ batch + active generation ──5 min──▶ frozen generation ──series by series──▶ chunks of hours ──▶ rollups
 *
 * Every step may be done twice: after a crash batches are read again, and of two values for one instant one counts.
 * @throws StartError when the file cannot be opened, with the cure
 */
export function openTelemetrySqlite(options: TelemetrySqliteOptions): TelemetrySqlite {
  const { file, now, mayDelete = () => true } = options
  const database = openDatabase({ file, migrations, applicationId, synchronous: 'NORMAL' })
  moveRows(database)
  const series = readSeries(database)
  const hours = createTelemetryHours(database, {
    rawMs: options.retentionMs,
    minuteMs: options.minuteRetentionMs ?? options.retentionMs,
    hourMs: options.hourRetentionMs ?? options.retentionMs,
  })
  const addBatch = database.prepare('INSERT INTO batch (generation, data) VALUES (?, ?)')
  const dropBatches = database.prepare('DELETE FROM batch WHERE generation <= ?')
  const nextGeneration = database.prepare('INSERT INTO generation DEFAULT VALUES RETURNING id')
  const forgetGenerations = database.prepare('DELETE FROM generation WHERE id < ?')
  const putLatest = database.prepare(`
    INSERT INTO latest (series_id, at, device_at, ingested_at, clock_trusted, type, value) VALUES (?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET
      at = excluded.at, device_at = excluded.device_at, ingested_at = excluded.ingested_at,
      clock_trusted = excluded.clock_trusted, type = excluded.type, value = excluded.value
    WHERE excluded.at >= latest.at`)

  /** Newest arrival of each series: as many as the site has metrics. */
  const latest = readLatest(database)
  let frozen: Pending | undefined = readBatches(database)
  let active = createPending(newGeneration())
  let activeSince = now()
  let dropped = 0

  function newGeneration(): number {
    const { id } = nextGeneration.get() as { id: number }
    forgetGenerations.run(id)
    return id
  }

  function readBatches(from: Database): Pending | undefined {
    let pending: Pending | undefined
    const newest = from.prepare('SELECT max(generation) AS generation FROM batch').get() as {
      generation: number | null
    }
    if (newest.generation === null) return undefined
    for (const { data } of from.prepare('SELECT data FROM batch ORDER BY id').iterate() as Iterable<{
      data: Uint8Array
    }>) {
      pending ??= createPending(newest.generation)
      for (const arrival of unpackBatch(data)) {
        pending.add(arrival)
        remember(arrival)
      }
    }
    return pending
  }

  function remember(arrival: Arrival): void {
    const before = latest.get(arrival.series)
    if (!before) latest.set(arrival.series, arrival)
    else if (instantOf(arrival) >= instantOf(before)) {
      // Kept in one place: what is replaced soon after it was made costs the garbage collector a copy each.
      before.value = arrival.value
      before.deviceAt = arrival.deviceAt
      before.ingestedAt = arrival.ingestedAt
      before.clockTrusted = arrival.clockTrusted
    }
  }

  function store(measurements: readonly Measurement[]): void {
    const arrivals: Arrival[] = new Array(measurements.length)
    atomically(database, () => {
      for (let n = 0; n < measurements.length; n++) {
        const { device, metric, value, deviceAt, ingestedAt, clockTrusted } = measurements[n]!
        arrivals[n] = { series: series.id(device, metric), value, deviceAt, ingestedAt, clockTrusted }
      }
      addBatch.run(active.generation, packBatch(arrivals))
    })
    series.commit()
    for (const arrival of arrivals) {
      active.add(arrival)
      remember(arrival)
    }
  }

  const isDue = () => active.count >= generationSize || (active.count > 0 && now() - activeSince >= generationMs)

  /** Sorts waiting series into hours, rolls up, expires: as much as fits into a few milliseconds. */
  function tidy(): void {
    const deadline = performance.now() + tidyMs
    if (!frozen && isDue()) {
      const next = createPending(newGeneration())
      frozen = active
      active = next
      activeSince = now()
    }
    const sorted: number[] = []
    const pending = frozen
    let isSorted = true
    atomically(database, () => {
      for (const id of pending?.series() ?? []) {
        hours.add(id, pending!.generation, pending!.points(id)!)
        const newest = latest.get(id)
        if (newest) putLatest.run(id, ...latestRow(newest))
        sorted.push(id)
        isSorted = performance.now() <= deadline
        if (!isSorted) return
      }
      if (pending) dropBatches.run(pending.generation)
      hours.rollUp(hourOf(now() - graceMs), deadline)
      if (mayDelete()) hours.expire(series.next(), now())
    })
    for (const id of sorted) pending!.drop(id)
    if (isSorted) frozen = undefined
  }

  const waiting = (id: number) => [frozen?.points(id), active.points(id)].filter((points) => points !== undefined)

  return {
    async write(measurements) {
      const storable = measurements.filter(isStorable)
      dropped += measurements.length - storable.length
      if (storable.length === 0) return
      try {
        store(storable)
        tidy()
      } catch (error) {
        series.rollBack()
        throw storageError(file, error)
      }
    },
    async query({ device, metric, from, to, limit, resolution = 'raw' }) {
      const id = series.find(device, metric)
      if (id === undefined) return []
      return resolution === 'raw'
        ? hours.values(id, waiting(id), from, to, limit)
        : hours.summaries(id, waiting(id), from, to, limit, resolution)
    },
    async latest(device) {
      return [...series.of(device)]
        .flatMap(([metric, id]): Measurement[] => {
          const newest = latest.get(id)
          if (!newest) return []
          const { series: _, value, ...clocks } = newest
          return [{ device, metric, value, ...clocks }]
        })
        .sort((a, b) => (a.metric < b.metric ? -1 : 1))
    },
    droppedPoints: () => dropped,
    async close() {
      closeDatabase(database)
    },
  }
}

interface LatestRow {
  series_id: number
  device_at: number
  ingested_at: number
  clock_trusted: 0 | 1
  type: 0 | 1 | 2
  value: number | string
}

function readLatest(database: Database): Map<number, Arrival> {
  const rows: LatestRow[] = database
    .prepare('SELECT series_id, device_at, ingested_at, clock_trusted, type, value FROM latest')
    .all()
  return new Map(
    rows.map(({ series_id, device_at, ingested_at, clock_trusted, type, value }) => [
      series_id,
      {
        series: series_id,
        deviceAt: device_at,
        ingestedAt: ingested_at,
        clockTrusted: clock_trusted === 1,
        value: types[type] === 'boolean' ? value === 1 : value,
      },
    ]),
  )
}

function latestRow(arrival: Arrival): [number, number, number, 0 | 1, number, number | string] {
  const { deviceAt, ingestedAt, clockTrusted, value } = arrival
  return [
    instantOf(arrival),
    Math.round(deviceAt),
    Math.round(ingestedAt),
    clockTrusted ? 1 : 0,
    types.indexOf(typeof value as (typeof types)[number]),
    typeof value === 'boolean' ? Number(value) : value,
  ]
}
