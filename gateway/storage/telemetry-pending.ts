import type { Arrival, Points } from './telemetry-blob.ts'
import { instantOf } from './telemetry-point.ts'

export const hourMs = 3_600_000
export const hourOf = (at: number): number => Math.floor(at / hourMs)

/** Values that are stored as batches and wait for their place among the hours. */
export interface Pending {
  readonly generation: number
  readonly count: number
  add(arrival: Arrival): void
  /** Series that still wait, oldest first. */
  series(): IterableIterator<number>
  points(series: number): Points | undefined
  /** It has found its place. */
  drop(series: number): void
}

export function createPending(generation: number): Pending {
  const waiting = new Map<number, Points>()
  let count = 0
  return {
    generation,
    get count() {
      return count
    },
    add(arrival) {
      const points = waiting.get(arrival.series)
      if (points) {
        points.at.push(instantOf(arrival))
        points.values.push(arrival.value)
      } else waiting.set(arrival.series, { at: [instantOf(arrival)], values: [arrival.value] })
      count++
    },
    series: () => waiting.keys(),
    points: (series) => waiting.get(series),
    drop(series) {
      count -= waiting.get(series)?.at.length ?? 0
      waiting.delete(series)
    },
  }
}

/** One series' points by epoch hour, sorted, one for each instant: of two for the same instant the later given stands. */
export function byHour(parts: readonly Points[]): Map<number, Points> {
  const hours = new Map<number, Map<number, Points['values'][number]>>()
  for (const { at, values } of parts)
    at.forEach((instant, n) => {
      const hour = hourOf(instant)
      let byInstant = hours.get(hour)
      if (!byInstant) {
        byInstant = new Map()
        hours.set(hour, byInstant)
      }
      byInstant.set(instant, values[n]!)
    })
  return new Map(
    [...hours].map(([hour, byInstant]) => {
      const at = [...byInstant.keys()].sort((a, b) => a - b)
      return [hour, { at, values: at.map((instant) => byInstant.get(instant)!) }]
    }),
  )
}
