/** How fast a value changes: the slope of a straight line through what was measured lately (least squares). */
export interface Rate {
  /** Takes a value. One that is older than the newest is passed over. */
  add(at: number, value: number): void
  /** Per hour, in the value's unit; undefined while too little is known. */
  perHour(): number | undefined
  /** So long until the value reaches a limit if it goes on like this, ms; Infinity when it does not rise to it. */
  msUntil(limit: number): number
}

export interface RateOptions {
  /** Only values of so long a time count. */
  windowMs: number
  /** Values kept; more frequent ones are thinned out. */
  maxSamples?: number
  /** Values must cover so long a time before anything is said. */
  minSpanMs?: number
}

const hourMs = 3600_000

export function createRate({ windowMs, maxSamples = 30, minSpanMs = windowMs / 6 }: RateOptions): Rate {
  let times: number[] = []
  let values: number[] = []
  const spacingMs = windowMs / maxSamples

  function perHour(): number | undefined {
    const count = times.length
    if (count < 3 || times[count - 1]! - times[0]! < minSpanMs) return undefined
    const meanTime = times.reduce((sum, at) => sum + at, 0) / count
    const meanValue = values.reduce((sum, value) => sum + value, 0) / count
    let covariance = 0
    let variance = 0
    for (let i = 0; i < count; i++) {
      covariance += (times[i]! - meanTime) * (values[i]! - meanValue)
      variance += (times[i]! - meanTime) ** 2
    }
    return (covariance / variance) * hourMs
  }

  return {
    add(at, value) {
      const last = times.at(-1)
      if (last !== undefined && at <= last) {
        // A clock that was set back far: what was before can no longer be compared.
        if (last - at > windowMs) [times, values] = [[at], [value]]
        return
      }
      const isDense = times.length >= 2 && at - times.at(-2)! < spacingMs
      if (isDense) {
        times.pop()
        values.pop()
      }
      times.push(at)
      values.push(value)
      while (at - times[0]! > windowMs) {
        times.shift()
        values.shift()
      }
    },
    perHour,
    msUntil(limit) {
      const slope = perHour()
      const last = values.at(-1)
      if (slope === undefined || last === undefined) return Number.POSITIVE_INFINITY
      const missing = limit - last
      if (missing <= 0) return 0
      return slope > 0 ? (missing / slope) * hourMs : Number.POSITIVE_INFINITY
    },
  }
}
