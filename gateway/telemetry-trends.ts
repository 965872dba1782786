import type { Telemetry } from './core/ports.ts'

/** How a value moved: the newest hours against the oldest within thirty days. */
export interface Trend {
  change: number
  /** Between the two, in whole days. */
  days: number
}

export interface Trends {
  /** What is known; asks for what is not known yet, or was found long ago. */
  of(device: string, metric: string): Trend | undefined
}

const dayMs = 24 * 3600_000
const spanMs = 30 * dayMs
/** A battery does not move within an hour. */
const freshMs = 3600_000
/** Less than this apart says nothing of a trend. */
const leastDays = 1
/** Devices of a large compound, with two metrics each; the one longest not asked for goes. */
const maxKnown = 40_000

/**
 * Trends of slow values from the hours of telemetry, found one after the other in the background when somebody looks:
 * a list of thousands of devices must not wait for thousands of queries.
 */
export function createTrends(options: {
  telemetry: Pick<Telemetry, 'query'>
  now: () => number
  onError(error: unknown, what: string): void
}): Trends {
  const { telemetry, now } = options
  const known = new Map<string, { trend: Trend | undefined; foundAt: number }>()
  const waiting = new Map<string, { device: string; metric: string }>()
  let isWorking = false

  async function find(device: string, metric: string): Promise<Trend | undefined> {
    const to = now()
    const hours = await telemetry.query({ device, metric, from: to - spanMs, to, limit: 24 * 30, resolution: 'hour' })
    const numbers = hours.flatMap(({ at, value }) => (typeof value === 'number' ? [{ at, value }] : []))
    const [first, last] = [numbers[0], numbers.at(-1)]
    if (!first || !last) return undefined
    if (last.at - first.at < leastDays * dayMs) return undefined
    const days = Math.round((last.at - first.at) / dayMs)
    // A day's mean at each end: one cold night is not a trend.
    const mean = (from: number) => {
      const inside = numbers.filter(({ at }) => at >= from && at < from + dayMs)
      return inside.reduce((sum, { value }) => sum + value, 0) / inside.length
    }
    return { change: Math.round((mean(last.at - dayMs + 1) - mean(first.at)) * 10) / 10, days }
  }

  async function work(): Promise<void> {
    isWorking = true
    for (const [key, { device, metric }] of waiting) {
      try {
        const trend = await find(device, metric)
        known.delete(key)
        known.set(key, { trend, foundAt: now() })
        if (known.size > maxKnown) known.delete(known.keys().next().value!)
      } catch (error) {
        waiting.clear()
        options.onError(error, 'the trends of devices could not be read')
      }
      // Only now: who looks meanwhile need not have it found again.
      waiting.delete(key)
      // SQLite answers at once: others get their turn in between.
      await new Promise((resolve) => setImmediate(resolve))
    }
    isWorking = false
  }

  return {
    of(device, metric) {
      const key = `${device}\0${metric}`
      const found = known.get(key)
      if (!found || now() - found.foundAt > freshMs) {
        waiting.set(key, { device, metric })
        if (!isWorking) void work()
      }
      return found?.trend
    },
  }
}
