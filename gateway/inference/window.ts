/** The last values of something measured. */
export interface Window {
  add(value: number): void
  /** 0 and 0 before the first value. */
  spread(): { p50: number; p95: number }
}

/** Keeps the last `size` values in a ring; percentiles are worked out only when asked for. */
export function createWindow(size = 512): Window {
  const values = new Float64Array(size)
  let added = 0
  return {
    add(value) {
      values[added++ % size] = value
    },
    spread() {
      const count = Math.min(added, size)
      if (count === 0) return { p50: 0, p95: 0 }
      const sorted = values.slice(0, count).sort()
      const at = (share: number) => sorted[Math.min(count - 1, Math.floor(share * count))]!
      return { p50: at(0.5), p95: at(0.95) }
    },
  }
}
