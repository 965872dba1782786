export { type FacadeCalibration, facadeCalibration } from '../core/facade-calibration.ts'
export { createFacadeMap, type FacadeMap, type FacadePoint } from '../core/facade-map.ts'
