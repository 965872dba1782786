import type { CodecDevice, Reading } from './codec.ts'

/** A gauge that looks down says how far away the water or the waste is; what that means depends on where it hangs. */
export interface Mounting {
  /** From the gauge down to the ground of the pit, road or bin, cm. */
  mountedAtCentimeters?: number
}

/** Readings of a downward distance in metres for the kind of device: level, filling, or just the distance. */
export function readDistance(distance: number, device: CodecDevice | undefined): Reading[] {
  const readings: Reading[] = [{ metric: 'distanceMeters', value: distance }]
  const { mountedAtCentimeters: height } = (device?.options ?? {}) as Mounting
  if (height === undefined || !device) return readings
  const level = height - distance * 100
  if (device.kind === 'water-level' || device.kind === 'manhole')
    readings.push({ metric: 'waterLevelCentimeters', value: Math.round(level * 10) / 10 })
  if (device.kind === 'bin')
    readings.push({ metric: 'fillPercent', value: Math.min(100, Math.max(0, Math.round((level * 100) / height))) })
  return readings
}
