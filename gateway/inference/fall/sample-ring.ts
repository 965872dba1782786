import type { AccelerationBatch } from '../../core/acceleration.ts'
import { impactRow, windowRows } from './features.ts'

/** Milliseconds between two slots: 50 Hz. */
export const slotMs = 20
/** Samples so far apart are joined by a line; a longer silence is a gap. */
const joinedMs = 250
/** 25.6 s: the window of a candidate and the 20 s after it, in which second evidence is looked for. */
const slots = 1280
/** So many samples in a row that are older than the ring mean that the device's clock was put back. */
const staleBeforeRestart = 500
/** Samples are kept as 1/1024 g in 16 bits, as far as ±32 g: 9 kB a device. */
const unitsPerG = 1024

/** What became of samples that are not in the ring. */
export interface SampleLosses {
  /** Not finite, or without a time. */
  unreadable: number
  /** At a time another sample had already. */
  duplicate: number
  /** Older than everything the ring holds. */
  tooLate: number
  /** Times the ring was emptied: after a silence longer than it holds, or because the device's clock jumped. */
  restarts: number
}

/**
 * The last 25.6 s of one device on a 50 Hz grid, from any rate between 20 and 100 Hz. Slot numbers are epoch
 * ms / 20. A batch that comes late fills what is missing and overwrites nothing. Old slots are overwritten by new ones.
 */
export function createSampleRing() {
  const values = new Int16Array(slots * 3)
  const isPresent = new Uint8Array(slots)
  const losses: SampleLosses = { unreadable: 0, duplicate: 0, tooLate: 0, restarts: 0 }
  /** Newest slot written; the ring holds the `slots` up to it. */
  let last = Number.NaN
  let first = Number.NaN
  /** The newest samples, for the slots between this batch and the next. */
  let tail: Sample[] = []
  /** Samples older than the ring since the last newer one. */
  let stale = 0

  const place = (slot: number) => ((slot % slots) + slots) % slots
  const oldest = () => Math.max(first, last - slots + 1)

  function restart(): void {
    if (!Number.isNaN(last)) losses.restarts++
    isPresent.fill(0)
    first = Number.NaN
    last = Number.NaN
    tail = []
    stale = 0
  }

  function write(slot: number, x: number, y: number, z: number): boolean {
    if (slot > last || Number.isNaN(last)) {
      // What lies between is missing until a late batch fills it.
      for (let skipped = Number.isNaN(last) ? slot : last + 1; skipped <= slot; skipped++) isPresent[place(skipped)] = 0
      if (Number.isNaN(first)) first = slot
      last = slot
    }
    const at = place(slot)
    if (isPresent[at]) return false
    isPresent[at] = 1
    values[3 * at] = toUnits(x)
    values[3 * at + 1] = toUnits(y)
    values[3 * at + 2] = toUnits(z)
    return true
  }

  /** Puts samples in ascending order of time on the grid; returns the oldest slot written. */
  function put(samples: readonly Sample[]): number {
    let oldestWritten = Number.POSITIVE_INFINITY
    let right = 0
    const from = Math.ceil(samples[0]!.at / slotMs)
    const to = Math.floor(samples.at(-1)!.at / slotMs)
    for (let slot = from; slot <= to; slot++) {
      const at = slot * slotMs
      while (samples[right]!.at < at) right++
      const sample = sampleAt(samples, right, at)
      if (!sample || slot < oldest()) continue
      if (write(slot, sample.x, sample.y, sample.z)) oldestWritten = Math.min(oldestWritten, slot)
    }
    return oldestWritten
  }

  return {
    losses,
    /** Newest slot, NaN before the first sample. */
    get last() {
      return last
    },
    /** Oldest slot that is still held. */
    get oldest() {
      return oldest()
    },
    /** @returns the oldest slot that was filled, Infinity when none was: from there on things look different now. */
    add(batch: AccelerationBatch): number {
      const samples = sorted(batch, losses)
      if (samples.length === 0) return Number.POSITIVE_INFINITY
      const newest = samples.at(-1)!.at
      stale = newest < oldest() * slotMs ? stale + samples.length : 0
      if (newest - last * slotMs > slots * slotMs || stale >= staleBeforeRestart) restart()
      const known = tail.at(-1)?.at ?? Number.NEGATIVE_INFINITY
      const isNew = ({ at }: Sample) => at > known
      const late = samples.filter((sample) => !isNew(sample))
      const fresh = samples.filter(isNew)
      let filled = Number.POSITIVE_INFINITY
      if (late.length > 0) {
        const held = late.filter(({ at }) => at >= oldest() * slotMs)
        losses.tooLate += late.length - held.length
        // With its newer neighbours, if the batch goes on where the ring does.
        if (held.length > 0) filled = put(held)
        if (filled === Number.POSITIVE_INFINITY) losses.duplicate += held.length
      }
      if (fresh.length > 0) {
        const joined = [...tail, ...fresh]
        filled = Math.min(filled, put(joined))
        tail = joined.slice(-8)
      }
      return filled
    },
    /** Length of the sample in a slot, g; 0 where there is none. */
    norm(slot: number): number {
      if (!(slot >= oldest() && slot <= last)) return 0
      const at = place(slot)
      if (!isPresent[at]) return 0
      return Math.hypot(values[3 * at]!, values[3 * at + 1]!, values[3 * at + 2]!) / unitsPerG
    },
    /**
     * The window around an impact. Missing rows lie on a line between their neighbours, at the ends they repeat the
     * nearest one.
     */
    window(impact: number): { values: Float64Array; observedShare: number } {
      return this.span(impact - impactRow, windowRows)
    },
    /** `count` rows from a slot on, filled up in the same way. */
    span(from: number, count: number): { values: Float64Array; observedShare: number } {
      const rows = new Float64Array(count * 3)
      let observed = 0
      let before = -1
      for (let row = 0; row < count; row++) {
        const slot = from + row
        if (!(slot >= oldest() && slot <= last) || !isPresent[place(slot)]) continue
        for (let axis = 0; axis < 3; axis++) rows[3 * row + axis] = values[3 * place(slot) + axis]! / unitsPerG
        bridge(rows, before, row)
        before = row
        observed++
      }
      if (before >= 0) bridge(rows, before, count)
      return { values: rows, observedShare: observed / count }
    },
  }
}

export type SampleRing = ReturnType<typeof createSampleRing>

interface Sample {
  at: number
  x: number
  y: number
  z: number
}

function sorted({ times, values }: AccelerationBatch, losses: SampleLosses): Sample[] {
  const samples: Sample[] = []
  for (let i = 0; i < times.length; i++) {
    const sample = { at: times[i]!, x: values[3 * i]!, y: values[3 * i + 1]!, z: values[3 * i + 2]! }
    if (Number.isFinite(sample.at + sample.x + sample.y + sample.z)) samples.push(sample)
    else losses.unreadable++
  }
  samples.sort((a, b) => a.at - b.at)
  const different = samples.filter(({ at }, i) => i === 0 || at !== samples[i - 1]!.at)
  losses.duplicate += samples.length - different.length
  return different
}

/**
 * The signal at a time; `right` is the first sample not before it. Samples within a slot's reach are fitted by a line
 * weighted by nearness, so that 100 Hz is not just every second sample; with two that is the line between them.
 */
function sampleAt(samples: readonly Sample[], right: number, at: number): Sample | undefined {
  const next = samples[right]!
  const previous = next.at === at ? next : samples[right - 1]
  if (!previous || next.at - previous.at > joinedMs) return undefined
  if (at - previous.at >= slotMs || next.at - at >= slotMs) {
    const share = (at - previous.at) / (next.at - previous.at)
    return {
      at,
      x: mix(previous.x, next.x, share),
      y: mix(previous.y, next.y, share),
      z: mix(previous.z, next.z, share),
    }
  }
  let first = right
  while ((samples[first - 1]?.at ?? Number.NEGATIVE_INFINITY) > at - slotMs) first--
  let [w, wt, wtt, x, y, z, tx, ty, tz] = [0, 0, 0, 0, 0, 0, 0, 0, 0]
  for (let i = first; i < samples.length && samples[i]!.at < at + slotMs; i++) {
    const sample = samples[i]!
    const t = sample.at - at
    const weight = 1 - Math.abs(t) / slotMs
    w += weight
    wt += weight * t
    wtt += weight * t * t
    x += weight * sample.x
    y += weight * sample.y
    z += weight * sample.z
    tx += weight * t * sample.x
    ty += weight * t * sample.y
    tz += weight * t * sample.z
  }
  const spread = w * wtt - wt * wt
  if (spread < 1e-6) return { at, x: x / w, y: y / w, z: z / w }
  const fit = (sum: number, timed: number) => (wtt * sum - wt * timed) / spread
  return { at, x: fit(x, tx), y: fit(y, ty), z: fit(z, tz) }
}

/** Fills the rows between two that are known; -1 and the row count stand for none. */
function bridge(rows: Float64Array, before: number, after: number): void {
  const count = rows.length / 3
  for (let row = before + 1; row < after; row++) {
    const share = (row - before) / (after - before)
    for (let axis = 0; axis < 3; axis++) {
      const left = rows[3 * (before < 0 ? after : before) + axis]!
      const right = rows[3 * (after === count ? before : after) + axis]!
      rows[3 * row + axis] = mix(left, right, share)
    }
  }
}

function mix(a: number, b: number, share: number): number {
  return a + (b - a) * share
}

function toUnits(g: number): number {
  return Math.max(-32768, Math.min(32767, Math.round(g * unitsPerG)))
}
