import type { FacadeCalibration } from '../core/facade-calibration.ts'
import type { Database } from './database.ts'

/** A calibration somebody drew; `at` epoch ms, `by` a user id. */
export interface DrawnCalibration {
  calibration: FacadeCalibration
  at: number
  by: string
}

export interface CalibrationTable {
  get(camera: string): DrawnCalibration | undefined
  put(camera: string, drawn: DrawnCalibration): void
}

/** The calibrations of facade cameras that people drew. */
export function createCalibrationTable(database: Database): CalibrationTable {
  const read = database.prepare('SELECT document, drawn_at, drawn_by FROM facade_calibration WHERE camera = ?')
  const write = database.prepare(
    `INSERT INTO facade_calibration (camera, document, drawn_at, drawn_by) VALUES (?, ?, ?, ?)
     ON CONFLICT (camera) DO UPDATE SET
       document = excluded.document, drawn_at = excluded.drawn_at, drawn_by = excluded.drawn_by`,
  )
  return {
    get(camera) {
      const row: { document: string; drawn_at: number; drawn_by: string } | undefined = read.get(camera)
      return row && { calibration: JSON.parse(row.document) as FacadeCalibration, at: row.drawn_at, by: row.drawn_by }
    },
    put: (camera, { calibration, at, by }) => void write.run(camera, JSON.stringify(calibration), Math.round(at), by),
  }
}
