/** One value of one metric of one device. */
export interface Measurement {
  device: string
  /** camelCase with its unit: `temperatureCelsius`, `batteryPercent`, `isOpen`. */
  metric: string
  value: number | boolean | string
  /** When the device says it was taken, epoch ms; the gateway's receipt time where the device has no clock. */
  deviceAt: number
  /** When the gateway received it, epoch ms. */
  ingestedAt: number
  /** False when deviceAt is in the future, too old to be live, or the message was a retained one; scenes must not fire on it. */
  clockTrusted: boolean
}
