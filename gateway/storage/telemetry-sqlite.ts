import type { Measurement } from '../core/measurement.ts'
import type { Telemetry, TelemetryPoint } from '../core/ports.ts'
import { atomically, closeDatabase, openDatabase } from './database.ts'
import { storageError } from './storage-error.ts'
import { instantOf, isStorable } from './telemetry-point.ts'

export interface TelemetrySqliteOptions {
  /** Path of the SQLite file, not the store's; `:memory:` for a test that needs no disk. */
  file: string
  /** Values older than this are removed; Infinity keeps them. */
  retentionMs: number
  /** Epoch ms. */
  now: () => number
}

export interface TelemetrySqlite extends Telemetry {
  /** Measurements that were none (NaN, no name) since the start. */
  droppedPoints(): number
}

/** "GrGm" in ASCII. */
const applicationId = 0x4772476d

const migrations = ['001-measurements.sql'].map((name) => new URL(`./migrations/telemetry/${name}`, import.meta.url))

/** At most so many expired values go with one batch, so that retention never holds the event loop up. */
const prunedPerWrite = 2000

const types = ['number', 'boolean', 'string'] as const

interface ValueRow {
  type: 0 | 1 | 2
  value: number | string
}

/**
 * Opens the telemetry store on SQLite. A batch is one transaction; a power cut may cost the last moments (synchronous
 * NORMAL), a killed process costs nothing. Retention rides along with the batches: each also removes what has expired in
 * the series whose turn it is.
 * @throws StartError when the file cannot be opened, with the cure
 */
export function openTelemetrySqlite({ file, retentionMs, now }: TelemetrySqliteOptions): TelemetrySqlite {
  const database = openDatabase({ file, migrations, applicationId, synchronous: 'NORMAL' })
  const addSeries = database.prepare('INSERT INTO series (device, metric) VALUES (?, ?) RETURNING id')
  const insert = database.prepare(`
    INSERT INTO measurement (series_id, at, type, value) VALUES (?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET type = excluded.type, value = excluded.value`)
  const putLatest = database.prepare(`
    INSERT INTO latest (series_id, at, device_at, ingested_at, clock_trusted, type, value) VALUES (?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET
      at = excluded.at, device_at = excluded.device_at, ingested_at = excluded.ingested_at,
      clock_trusted = excluded.clock_trusted, type = excluded.type, value = excluded.value
    WHERE excluded.at >= latest.at`)
  const prune = database.prepare(`
    DELETE FROM measurement WHERE series_id = ?1 AND at <=
      (SELECT max(at) FROM (SELECT at FROM measurement WHERE series_id = ?1 AND at < ?2 ORDER BY at LIMIT ?3))`)
  const points = database.prepare(`
    SELECT at, type, value FROM measurement JOIN series ON series.id = series_id
    WHERE device = ? AND metric = ? AND at >= ? AND at < ? ORDER BY at DESC LIMIT ?`)
  const newest = database.prepare(`
    SELECT metric, device_at, ingested_at, clock_trusted, type, value
    FROM latest JOIN series ON series.id = series_id WHERE device = ? ORDER BY metric`)

  /** Ids by device and metric: as many as the site has. */
  const seriesIds = new Map<string, number>()
  const keyOf = (device: string, metric: string) => `${device}\0${metric}`
  const known: Array<{ id: number; device: string; metric: string }> = database.prepare('SELECT * FROM series').all()
  for (const { id, device, metric } of known) seriesIds.set(keyOf(device, metric), id)
  const turns = known.map(({ id }) => id)
  let turn = 0
  let dropped = 0

  function store(measurements: readonly Measurement[]): void {
    const latest = new Map<number, Measurement>()
    const added = new Map<string, number>()
    atomically(database, () => {
      for (const measurement of measurements) {
        const { device, metric } = measurement
        const key = keyOf(device, metric)
        let id = seriesIds.get(key) ?? added.get(key)
        if (id === undefined) {
          id = (addSeries.get(device, metric) as { id: number }).id
          added.set(key, id)
        }
        const [type, value] = encode(measurement.value)
        insert.run(id, instantOf(measurement), type, value)
        const before = latest.get(id)
        if (!before || instantOf(measurement) >= instantOf(before)) latest.set(id, measurement)
      }
      for (const [id, measurement] of latest) {
        const { deviceAt, ingestedAt, clockTrusted } = measurement
        putLatest.run(
          id,
          instantOf(measurement),
          Math.round(deviceAt),
          Math.round(ingestedAt),
          clockTrusted ? 1 : 0,
          ...encode(measurement.value),
        )
      }
      const due = turns[turn++ % turns.length]
      if (due !== undefined && Number.isFinite(retentionMs)) prune.run(due, now() - retentionMs, prunedPerWrite)
    })
    for (const [key, id] of added) {
      seriesIds.set(key, id)
      turns.push(id)
    }
  }

  return {
    async write(measurements) {
      const storable = measurements.filter(isStorable)
      dropped += measurements.length - storable.length
      if (storable.length === 0) return
      try {
        store(storable)
      } catch (error) {
        throw storageError(file, error)
      }
    },
    async query({ device, metric, from, to, limit }) {
      const rows: Array<ValueRow & { at: number }> = points.all(device, metric, from, to, limit)
      return rows.reverse().map((row): TelemetryPoint => ({ at: row.at, value: decode(row) }))
    },
    async latest(device) {
      const rows: Array<ValueRow & { metric: string; device_at: number; ingested_at: number; clock_trusted: 0 | 1 }> =
        newest.all(device)
      return rows.map((row) => ({
        device,
        metric: row.metric,
        value: decode(row),
        deviceAt: row.device_at,
        ingestedAt: row.ingested_at,
        clockTrusted: row.clock_trusted === 1,
      }))
    },
    droppedPoints: () => dropped,
    async close() {
      closeDatabase(database)
    },
  }
}

function encode(value: Measurement['value']): [type: number, value: number | string] {
  return [types.indexOf(typeof value as (typeof types)[number]), typeof value === 'boolean' ? Number(value) : value]
}

function decode({ type, value }: ValueRow): Measurement['value'] {
  return types[type] === 'boolean' ? value === 1 : value
}
