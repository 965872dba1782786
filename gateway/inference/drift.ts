/** Camera alarms before and after a switch of models. */
export interface AlarmRates {
  /** Alarms in the time before, and how long that was. */
  baselineAlarms: number
  baselineMs: number
  alarms: number
  elapsedMs: number
}

export interface DriftRule {
  factor: number
  /** So many alarms must have come (or have been due) before anything is concluded. */
  minimumAlarms: number
}

/**
 * Whether alarms come so many times as often, or as rarely, as before. Of a site without alarms in the baseline one is
 * assumed, so that a model that floods a quiet site is noticed.
 */
export function driftOf(rates: AlarmRates, { factor, minimumAlarms }: DriftRule): 'flood' | 'silence' | undefined {
  const { baselineAlarms, baselineMs, alarms, elapsedMs } = rates
  if (baselineMs <= 0 || elapsedMs <= 0) return undefined
  const due = (Math.max(1, baselineAlarms) * elapsedMs) / baselineMs
  if (alarms >= minimumAlarms && alarms > due * factor) return 'flood'
  if (baselineAlarms >= minimumAlarms && due >= minimumAlarms * factor && alarms * factor < due) return 'silence'
  return undefined
}
