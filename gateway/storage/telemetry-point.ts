import type { Measurement } from '../core/measurement.ts'

/** Where a measurement lies in time: the device's instant where its clock is trusted, the receipt otherwise. Epoch ms. */
export function instantOf({
  clockTrusted,
  deviceAt,
  ingestedAt,
}: Pick<Measurement, 'clockTrusted' | 'deviceAt' | 'ingestedAt'>): number {
  return Math.round(clockTrusted ? deviceAt : ingestedAt)
}

/** Whether a store can hold it: NaN and the infinities are no measurement, and a series needs both its names. */
export function isStorable(measurement: Measurement): boolean {
  const { device, metric, value } = measurement
  if (device === '' || metric === '' || !Number.isFinite(instantOf(measurement))) return false
  return typeof value !== 'number' || Number.isFinite(value)
}
