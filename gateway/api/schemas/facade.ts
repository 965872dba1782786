import { type Static, Type } from 'typebox'
import type { KnownCalibration } from '../../core/facade.ts'
import { facadeCalibration } from '../../core/facade-calibration.ts'
import { Instant, withInstants } from './instant.ts'
import { Id } from './place.ts'

/** Body of `PUT /cameras/:id/calibration`. */
export const CalibrationRequest = facadeCalibration

/** The calibration of one facade camera, and where it comes from. */
export const Calibration = Type.Object(
  {
    camera: Id,
    calibration: Type.Optional(facadeCalibration),
    source: Type.Enum(['none', 'site-file', 'drawn'], {
      description: 'drawn: by a person on the console; stands over the site file’s',
    }),
    drawnAt: Type.Optional(Instant),
    drawnBy: Type.Optional(Type.String({ description: 'user id' })),
  },
  { title: 'Calibration' },
)
export type Calibration = Static<typeof Calibration>

export function calibrationToWire(known: KnownCalibration): Calibration {
  return withInstants(known, 'drawnAt')
}
