import type { TelemetryPoint } from '../core/ports.ts'
import type { Database } from './database.ts'
import {
  byMinute,
  type Points,
  packChunk,
  packMinutes,
  summarise,
  unpackChunk,
  unpackMinutes,
} from './telemetry-blob.ts'
import { byHour, hourMs, hourOf } from './telemetry-pending.ts'

/** How long values, minutes and hours are kept, ms; Infinity keeps them. */
export interface TelemetryRetention {
  rawMs: number
  minuteMs: number
  hourMs: number
}

interface ChunkRow {
  hour: number
  data: Uint8Array
}

interface RollupRow {
  hour: number
  count: number
  minimum: number
  maximum: number
  mean: number
  minutes: Uint8Array | null
}

/** Hours rolled up at once, between two looks at the clock. */
const rolledAtOnce = 20

/**
 * The hours of each series: values in chunks, and what minutes and hours came to. The caller opens transactions. `more`
 * are points that have no place among the hours yet; they are newer than every chunk.
 */
export function createTelemetryHours(database: Database, retention: TelemetryRetention) {
  const putChunk = database.prepare('INSERT OR REPLACE INTO chunk (series_id, hour, part, data) VALUES (?, ?, ?, ?)')
  const partsOf = database.prepare('SELECT hour, data FROM chunk WHERE series_id = ? AND hour = ? ORDER BY part')
  const dropParts = database.prepare('DELETE FROM chunk WHERE series_id = ? AND hour = ? AND part > 0')
  const newestFirst = database.prepare(`
    SELECT hour, data FROM chunk WHERE series_id = ? AND hour BETWEEN ? AND ? ORDER BY hour DESC, part DESC`)
  const markUnrolled = database.prepare('INSERT OR IGNORE INTO unrolled (hour, series_id) VALUES (?, ?)')
  const nextUnrolled = database.prepare('SELECT hour, series_id FROM unrolled WHERE hour < ? LIMIT ?')
  const dropUnrolled = database.prepare('DELETE FROM unrolled WHERE hour = ? AND series_id = ?')
  const unrolledOf = database.prepare('SELECT hour FROM unrolled WHERE series_id = ? AND hour BETWEEN ? AND ?')
  const putRollup = database.prepare(`
    INSERT OR REPLACE INTO rollup (series_id, hour, count, minimum, maximum, mean, minutes) VALUES (?, ?, ?, ?, ?, ?, ?)`)
  const rollups = database.prepare(`
    SELECT hour, count, minimum, maximum, mean, minutes FROM rollup WHERE series_id = ? AND hour BETWEEN ? AND ?
    ORDER BY hour DESC`)
  const hasChunk = database.prepare('SELECT 1 FROM chunk WHERE series_id = ? AND hour < ? LIMIT 1')
  const expireChunks = database.prepare('DELETE FROM chunk WHERE series_id = ? AND hour < ?')
  const expireMinutes = database.prepare(
    'UPDATE rollup SET minutes = NULL WHERE series_id = ? AND hour < ? AND minutes IS NOT NULL',
  )
  const expireHours = database.prepare('DELETE FROM rollup WHERE series_id = ? AND hour < ?')

  function roll(series: number, hour: number): void {
    const parts = (partsOf.all(series, hour) as ChunkRow[]).map(({ data }) => unpackChunk(data))
    const points = byHour(parts).get(hour)
    dropUnrolled.run(hour, series)
    if (!points) return
    dropParts.run(series, hour)
    putChunk.run(series, hour, 0, packChunk(points))
    const summary = summarise(points)
    if (!summary) return
    const { count, minimum, maximum, mean } = summary
    putRollup.run(series, hour, count, minimum, maximum, mean, packMinutes(byMinute(points)))
  }

  /** Values of the hours that `isWanted`, newest hour first, one hour at a time. */
  function* hoursOf(
    series: number,
    more: readonly Points[],
    first: number,
    last: number,
    isWanted: (hour: number) => boolean = () => true,
  ): Generator<[hour: number, points: Points]> {
    const waiting = byHour(more)
    const ahead = [...waiting.keys()].filter((hour) => hour >= first && hour <= last).sort((a, b) => a - b)
    let current: number | undefined
    let parts: Points[] = []
    const flush = function* (): Generator<[number, Points]> {
      if (current === undefined) return
      const own = waiting.get(current)
      const points = byHour(own ? [...parts, own] : parts).get(current)
      if (points && isWanted(current)) yield [current, points]
      if (own) ahead.splice(ahead.indexOf(current), 1)
      parts = []
    }
    const waitingAbove = function* (hour: number): Generator<[number, Points]> {
      for (let next = ahead.at(-1); next !== undefined && next > hour; next = ahead.at(-1)) {
        ahead.pop()
        if (isWanted(next)) yield [next, waiting.get(next)!]
      }
    }
    for (const { hour, data } of newestFirst.iterate(series, first, last) as Iterable<ChunkRow>) {
      if (hour !== current) {
        yield* flush()
        current = hour
        yield* waitingAbove(hour)
      }
      // Parts come newest first and are merged oldest first.
      if (isWanted(hour)) parts.unshift(unpackChunk(data))
    }
    yield* flush()
    yield* waitingAbove(Number.NEGATIVE_INFINITY)
  }

  return {
    /** Puts points of one series into their hours, as the part of this generation. */
    add(series: number, generation: number, points: Points): void {
      for (const [hour, ofHour] of byHour([points])) {
        putChunk.run(series, hour, generation, packChunk(ofHour))
        markUnrolled.run(hour, series)
      }
    },
    /** Rolls up hours before this one until the time (performance.now()) is up. */
    rollUp(before: number, deadline: number): void {
      while (performance.now() < deadline) {
        const due = nextUnrolled.all(before, rolledAtOnce) as Array<{ hour: number; series_id: number }>
        for (const { hour, series_id } of due) roll(series_id, hour)
        if (due.length < rolledAtOnce) return
      }
    },
    /** Removes what of this series has outlived its retention. */
    expire(series: number | undefined, now: number): void {
      if (series === undefined) return
      const before = (ms: number) => hourOf(now - ms)
      if (Number.isFinite(retention.rawMs) && hasChunk.get(series, before(retention.rawMs)))
        expireChunks.run(series, before(retention.rawMs))
      if (Number.isFinite(retention.minuteMs)) expireMinutes.run(series, before(retention.minuteMs))
      if (Number.isFinite(retention.hourMs)) expireHours.run(series, before(retention.hourMs))
    },
    /** The newest `limit` values from `from` up to before `to`, oldest first. */
    values(series: number, more: readonly Points[], from: number, to: number, limit: number): TelemetryPoint[] {
      const newest: TelemetryPoint[] = []
      for (const [, { at, values }] of hoursOf(series, more, hourOf(from), hourOf(to - 1))) {
        for (let n = at.length - 1; n >= 0; n--) {
          if (at[n]! < from || at[n]! >= to) continue
          newest.push({ at: at[n]!, value: values[n]! })
          if (newest.length >= limit) return newest.reverse()
        }
      }
      return newest.reverse()
    },
    /** What the newest `limit` minutes or hours that begin in the span came to, oldest first; `value` is the mean. */
    summaries(
      series: number,
      more: readonly Points[],
      from: number,
      to: number,
      limit: number,
      resolution: 'minute' | 'hour',
    ): TelemetryPoint[] {
      const [first, last] = [hourOf(from), hourOf(to - 1)]
      const stale = new Set((unrolledOf.all(series, first, last) as Array<{ hour: number }>).map(({ hour }) => hour))
      for (const points of more) for (const at of points.at) stale.add(hourOf(at))
      const found = new Map<number, TelemetryPoint[]>()
      const rolled = new Set<number>()
      for (const { hour, minutes, ...summary } of rollups.iterate(series, first, last) as Iterable<RollupRow>) {
        if (stale.has(hour)) continue
        if (resolution === 'hour') found.set(hour, [point({ at: hour * hourMs, ...summary })])
        else if (minutes) found.set(hour, unpackMinutes(minutes, hour).map(point))
        rolled.add(hour)
      }
      for (const [hour, points] of hoursOf(series, more, first, last, (hour) => !rolled.has(hour))) {
        const summary = summarise(points)
        if (!summary) continue
        found.set(
          hour,
          resolution === 'hour' ? [point({ at: hour * hourMs, ...summary })] : byMinute(points).map(point),
        )
      }
      return [...found]
        .sort(([a], [b]) => a - b)
        .flatMap(([, points]) => points)
        .filter(({ at }) => at >= from && at < to)
        .slice(-limit)
    },
  }
}

function point(summary: { at: number; count: number; minimum: number; maximum: number; mean: number }): TelemetryPoint {
  const { at, mean, count, minimum, maximum } = summary
  return { at, value: mean, count, minimum, maximum }
}
