import type { Measurement } from '../core/measurement.ts'

/** Tells news from what is told again or too late. */
export interface Liveness {
  /**
   * Whether a value says how things are now: its time is believed, and no newer value of the same metric was there
   * before. A device clock that runs ahead does not make later values old.
   */
  isLive(measurement: Measurement): boolean
}

/** Of several devices; as many instants are kept as they have metrics. */
export function createLiveness(): Liveness {
  const newest = new Map<string, Map<string, number>>()
  return {
    isLive(measurement) {
      const { device, metric } = measurement
      let metrics = newest.get(device)
      if (!metrics) {
        metrics = new Map()
        newest.set(device, metrics)
      }
      const at = liveAt(measurement, metrics.get(metric))
      if (at === undefined) return false
      metrics.set(metric, at)
      return true
    },
  }
}

/** A late message is received after the newer one; only a clock that was set back makes it be received before. */
const setBackMs = 2000

/**
 * The instant a live value stands for; undefined when it is none.
 * @param newest what this gave for the newest value of the metric so far
 */
export function liveAt(
  { clockTrusted, deviceAt, ingestedAt }: Measurement,
  newest: number | undefined,
): number | undefined {
  if (!clockTrusted) return undefined
  const at = Math.min(deviceAt, ingestedAt)
  return newest !== undefined && at < newest && newest - ingestedAt < setBackMs ? undefined : at
}
