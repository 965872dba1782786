import type { Measurement } from '../core/measurement.ts'
import type { TargetDevice } from '../core/scene.ts'
import { createLiveness } from './liveness.ts'

/** A sign that somebody is alive and about: inside the home, or at its door. */
export type Sign = 'inside' | 'door'

/** Reads signs of life out of what the devices of one home measure. */
export interface Activity {
  /** Undefined: it says nothing of the kind, or is not news. */
  signOf(measurement: Measurement): Sign | undefined
  /**
   * What was last known before the start, as what later values are held against. Not for scenes to which it matters
   * when the change was: it may have happened at any time since.
   */
  remember(measurement: Measurement): void
  /** Whether the home has a device of that kind of sign. */
  can(sign: Sign): boolean
}

/** Kinds of devices that tell it. */
export const activityKinds = [
  'presence',
  'presence-radar',
  'bed',
  'door',
  'lock',
  'wearable',
  'electricity-meter',
  'water-meter',
] as const

/** Metrics that tell it. */
export const activityMetrics = [
  'isMotion',
  'isOccupied',
  'isInBed',
  'isOpen',
  'lockState',
  'stepCount',
  'powerWatts',
  'flowLitersPerHour',
  'volumeCubicMeters',
] as const

/** A refrigerator switches by 150 W, a kettle or a cooker by more than this. */
const switchedOnWatts = 300
const flowingLitersPerHour = 5
/** Two litres; less may be a dripping tap. */
const drawnCubicMeters = 0.002
/** Turning over in bed makes a step or two. */
const walkedSteps = 5

export function createActivity(devices: readonly TargetDevice[]): Activity {
  const kinds = new Map(devices.map(({ id, kind }) => [id, kind]))
  const liveness = createLiveness()
  const before = new Map<string, Map<string, Measurement['value']>>()

  /** What a metric was before; undefined at first. */
  function swap({ device, metric, value }: Measurement): Measurement['value'] | undefined {
    const metrics = before.get(device) ?? new Map<string, Measurement['value']>()
    if (metrics.size === 0) before.set(device, metrics)
    const known = metrics.get(metric)
    metrics.set(metric, value)
    return known
  }

  function rises(measurement: Measurement, by: number): boolean {
    const known = swap(measurement)
    return typeof known === 'number' && typeof measurement.value === 'number' && measurement.value - known >= by
  }

  function changes(measurement: Measurement): boolean {
    const known = swap(measurement)
    return known !== undefined && known !== measurement.value
  }

  return {
    can: (sign) =>
      devices.some(({ kind }) => (kind === 'door' || kind === 'lock' ? sign === 'door' : sign === 'inside')),
    remember(measurement) {
      if (liveness.isLive(measurement)) swap(measurement)
    },
    signOf(measurement) {
      if (!liveness.isLive(measurement)) return undefined
      const { metric, value, device } = measurement
      switch (metric) {
        case 'isMotion':
          return value === true ? 'inside' : undefined
        case 'isOccupied':
          // A radar goes on seeing somebody who lies still; a motion detector sees movement only.
          if (kinds.get(device) === 'presence') return value === true ? 'inside' : undefined
          return changes(measurement) && value === true ? 'inside' : undefined
        case 'isInBed':
          return changes(measurement) ? 'inside' : undefined
        case 'isOpen':
        case 'lockState':
          return changes(measurement) ? 'door' : undefined
        case 'stepCount':
          return rises(measurement, walkedSteps) ? 'inside' : undefined
        case 'powerWatts':
          return rises(measurement, switchedOnWatts) ? 'inside' : undefined
        case 'volumeCubicMeters':
          return rises(measurement, drawnCubicMeters) ? 'inside' : undefined
        case 'flowLitersPerHour':
          return typeof value === 'number' && value >= flowingLitersPerHour ? 'inside' : undefined
        default:
          return undefined
      }
    },
  }
}
