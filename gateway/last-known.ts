import type { SiteConfig } from './config/site.ts'
import type { Measurement } from './core/measurement.ts'
import type { Telemetry } from './core/ports.ts'

/** What is older says nothing of now: the device has been silent since, or the gateway was away for long. */
const longestAgeMs = 24 * 3600_000

/**
 * What was last known of every device, for the scenes at the start: a door that was opened before stands open still, and
 * its sensor may not say so again. Values whose time was not believed are left out.
 */
export async function lastKnown(
  devices: SiteConfig['devices'],
  telemetry: Pick<Telemetry, 'latest'>,
  now: number,
): Promise<Measurement[]> {
  const known: Measurement[] = []
  for (const { id } of devices)
    for (const measurement of await telemetry.latest(id))
      if (measurement.clockTrusted && now - measurement.ingestedAt <= longestAgeMs) known.push(measurement)
  return known
}
