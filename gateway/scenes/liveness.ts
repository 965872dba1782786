import type { Measurement } from '../core/measurement.ts'

/** Tells news from what is told again or too late. */
export interface Liveness {
  /**
   * Whether a value says how things are now: its time is believed, and no newer value of the same metric was there
   * before. A device clock that runs ahead does not make later values old.
   */
  isLive(measurement: Measurement): boolean
}

/** Of one device, or of several when `device` is part of what is compared; as many instants as they have metrics. */
export function createLiveness(): Liveness {
  const newest = new Map<string, Map<string, number>>()
  return {
    isLive({ device, metric, clockTrusted, deviceAt, ingestedAt }) {
      if (!clockTrusted) return false
      const at = Math.min(deviceAt, ingestedAt)
      const metrics = newest.get(device) ?? new Map<string, number>()
      newest.set(device, metrics)
      const known = metrics.get(metric)
      // Far back it is no late message: the gateway's own clock was set back.
      if (known !== undefined && at < known && known - ingestedAt < setBackMs) return false
      metrics.set(metric, at)
      return true
    },
  }
}

/** A late message is received after the newer one; only a clock that was set back makes it be received before. */
const setBackMs = 2000
