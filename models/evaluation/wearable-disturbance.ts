import type { AccelerationBatch } from '../../gateway/core/acceleration.ts'
import { UsageError } from './evaluator.ts'
import type { WearableRecording } from './wearable-recordings.ts'

/** What another sensor, mounting or link would have made of a recording. Times are ms from its start. */
export type Disturbance = (samples: AccelerationBatch) => AccelerationBatch

/** Samples of a recording as its own sensor sent them. */
export function samplesOf({ values, rateHz }: WearableRecording): AccelerationBatch {
  return { times: Float64Array.from({ length: values.length / 3 }, (_, i) => (i * 1000) / rateHz), values }
}

const forms = 'clip:<g>, rate:<Hz>, drop:<percent>, jitter:<ms>, axes:<for example -zxy>, offset:<g>, gain:<percent>'

/**
 * Reads `clip:2,rate:25,drop:10,axes:-zxy`; several are applied in the order given.
 * @throws UsageError
 */
export function parseDisturbance(texts: readonly string[]): Disturbance {
  const steps = texts.map((text) => {
    const [kind = '', value = ''] = text.split(':')
    const number = Number(value)
    const maker = Object.hasOwn(makers, kind) ? makers[kind] : undefined
    if (kind === 'axes' && isAxes(value)) return axes(value)
    if (!maker || value === '' || !(number > 0 && number <= 1000))
      throw new UsageError(`--disturb "${text}": known are ${forms}`)
    return maker(number)
  })
  return (samples) => steps.reduce((changed, step) => step(changed), samples)
}

const makers: Record<string, (value: number) => Disturbance> = {
  clip: (g) => each((value) => Math.min(g, Math.max(-g, value))),
  offset: (g) => each((value, axis) => value + (axis === 1 ? -g : g)),
  gain: (percent) => each((value, axis) => value * (1 + (axis === 1 ? -1 : 1) * (percent / 100))),
  rate,
  drop(percent) {
    const random = randomOf(1)
    return ({ times, values }) => keep(times, values, () => random() >= percent / 100)
  },
  jitter(ms) {
    const random = randomOf(2)
    return ({ times, values }) => ({ times: Float64Array.from(times, (at) => at + (random() - 0.5) * 2 * ms), values })
  },
}

function each(change: (value: number, axis: number) => number): Disturbance {
  return ({ times, values }) => ({ times, values: Float32Array.from(values, (value, i) => change(value, i % 3)) })
}

/** Samples the line between samples at another rate: a slower sensor without a low pass, or a faster one. */
function rate(hz: number): Disturbance {
  return ({ times, values }) => {
    const end = times[times.length - 1]!
    // Never exactly on the samples there are.
    const at = Float64Array.from({ length: Math.floor(((end - 7) / 1000) * hz) }, (_, i) => 7 + (i * 1000) / hz)
    const changed = new Float32Array(at.length * 3)
    let right = 1
    for (const [i, time] of at.entries()) {
      while (right < times.length - 1 && times[right]! < time) right++
      const share = (time - times[right - 1]!) / (times[right]! - times[right - 1]!)
      for (let axis = 0; axis < 3; axis++) {
        const left = values[3 * (right - 1) + axis]!
        changed[3 * i + axis] = left + (values[3 * right + axis]! - left) * share
      }
    }
    return { times: at, values: changed }
  }
}

function isAxes(text: string): boolean {
  return /^(-?[xyz]){3}$/.test(text) && new Set(text.replaceAll('-', '')).size === 3
}

function axes(text: string): Disturbance {
  const order = [...text.matchAll(/(-?)([xyz])/g)].map(([, sign, axis]) => ({
    from: 'xyz'.indexOf(axis!),
    sign: sign ? -1 : 1,
  }))
  return ({ times, values }) => ({
    times,
    values: Float32Array.from({ length: values.length }, (_, i) => {
      const { from, sign } = order[i % 3]!
      return sign * values[i - (i % 3) + from]!
    }),
  })
}

function keep(times: ArrayLike<number>, values: ArrayLike<number>, isKept: () => boolean): AccelerationBatch {
  const rows = Array.from({ length: times.length }, (_, i) => i).filter(isKept)
  return {
    times: Float64Array.from(rows, (row) => times[row]!),
    values: Float32Array.from({ length: rows.length * 3 }, (_, i) => values[3 * rows[Math.floor(i / 3)]! + (i % 3)]!),
  }
}

/** The same numbers in every run (mulberry32). */
function randomOf(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}
