import type { Actor, Refusal } from './alarm.ts'
import type { FacadeCalibration } from './facade-calibration.ts'

/** The calibration of one facade camera, and where it comes from. */
export interface KnownCalibration {
  camera: string
  /** Absent: nobody has drawn one; throws are told without floor. */
  calibration?: FacadeCalibration
  /** `drawn`: on the calibration page, and stands over the site file's. */
  source: 'none' | 'site-file' | 'drawn'
  /** Of a drawn one, epoch ms and user id. */
  drawnAt?: number
  drawnBy?: string
}

export interface FacadeService {
  /** Undefined: no facade camera of this name. */
  calibration(camera: string): KnownCalibration | undefined
  /** Takes effect at once. Refused where the lines cannot span a facade; says which line to draw again. */
  calibrate(camera: string, calibration: FacadeCalibration, by: Actor): KnownCalibration | Refusal
}
