import { atomically, type Database } from './database.ts'
import { type Points, packChunk } from './telemetry-blob.ts'
import { hourOf } from './telemetry-pending.ts'

interface Row {
  series_id: number
  at: number
  type: 0 | 1 | 2
  value: number | string
}

/** Moves values that the first schema kept as rows into chunks, once; a crash in between leaves all of them as rows. */
export function moveRows(database: Database): void {
  const isThere = database.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'measurement'").get() !== undefined
  if (!isThere) return
  const put = database.prepare('INSERT INTO chunk (series_id, hour, part, data) VALUES (?, ?, 0, ?)')
  const mark = database.prepare('INSERT INTO unrolled (hour, series_id) VALUES (?, ?)')
  let series: number | undefined
  let hour: number | undefined
  let points: Points = { at: [], values: [] }
  const flush = () => {
    if (points.at.length === 0) return
    put.run(series, hour, packChunk(points))
    mark.run(hour, series)
    points = { at: [], values: [] }
  }
  atomically(database, () => {
    const rows = database.prepare('SELECT series_id, at, type, value FROM measurement ORDER BY series_id, at')
    for (const row of rows.all() as Row[]) {
      if (row.series_id !== series || hourOf(row.at) !== hour) flush()
      series = row.series_id
      hour = hourOf(row.at)
      points.at.push(row.at)
      points.values.push(row.type === 1 ? row.value === 1 : row.value)
    }
    flush()
    database.exec('DROP TABLE measurement')
  })
}
