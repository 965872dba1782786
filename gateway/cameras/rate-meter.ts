const windowSeconds = 5

/** Counts per second over the last whole seconds, in a few numbers whatever the rate. */
export function createRateMeter(now: () => number) {
  const buckets = new Array<{ second: number; count: number }>(windowSeconds + 1)
  for (let i = 0; i <= windowSeconds; i++) buckets[i] = { second: 0, count: 0 }
  let firstSecond: number | undefined
  return {
    count(): void {
      const second = Math.floor(now() / 1000)
      firstSecond ??= second
      const bucket = buckets[second % buckets.length]!
      if (bucket.second !== second) {
        bucket.second = second
        bucket.count = 0
      }
      bucket.count++
    },
    /** One decimal; 0 before the first whole second. */
    perSecond(): number {
      const second = Math.floor(now() / 1000)
      const seconds = Math.min(windowSeconds, second - (firstSecond ?? second))
      if (seconds < 1) return 0
      let sum = 0
      for (const bucket of buckets) if (bucket.second < second && bucket.second >= second - seconds) sum += bucket.count
      return Math.round((sum / seconds) * 10) / 10
    },
  }
}
