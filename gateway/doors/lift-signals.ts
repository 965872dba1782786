import { liftSignals } from '../core/device-kind.ts'
import type { Measurement } from '../core/measurement.ts'

export type LiftSignal = (typeof liftSignals)[number]

/** Each signal's last value and when it was heard, on the clock of the door hold. */
export type LiftState = Partial<Record<LiftSignal, { value: boolean; heardAt: number }>>

/** The signal a measurement carries; undefined where it carries none. */
export function readLiftSignal({ metric, value }: Measurement): { signal: LiftSignal; value: boolean } | undefined {
  const signal = liftSignals.find((name) => name === metric)
  return signal && typeof value === 'boolean' ? { signal, value } : undefined
}

/** Whether a value may carry a hold; what is not known may not. */
const mustBeTrue: ReadonlySet<LiftSignal> = new Set(['isAtLanding', 'isDoorOpen'])

/** Whether this value forbids a hold. */
export function speaksAgainstHold(signal: LiftSignal, value: boolean): boolean {
  return mustBeTrue.has(signal) ? !value : value
}

/**
 * Why the door must not be held in this state, as the signal that speaks against it; undefined where nothing does.
 * @param required signals this lift was commissioned with: unknown or older than `maxAgeMs` forbids the hold
 */
export function reasonAgainstHold(
  state: LiftState,
  at: number,
  rules: { required: ReadonlySet<LiftSignal>; maxAgeMs: number },
): string | undefined {
  for (const signal of liftSignals) {
    const known = state[signal]
    if (known && speaksAgainstHold(signal, known.value)) return mustBeTrue.has(signal) ? `not ${signal}` : signal
    const isNeeded = mustBeTrue.has(signal) || rules.required.has(signal)
    if (isNeeded && !known) return `${signal} unknown`
    if (isNeeded && at - known!.heardAt > rules.maxAgeMs) return `${signal} not heard of`
  }
  return undefined
}
