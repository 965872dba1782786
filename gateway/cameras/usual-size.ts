/** Enough pictures to know a spread by; at 15 a second they come in eight seconds. */
const keptSizes = 128
const leastSizes = 20

/** Pictures of a still scene of a few bytes each may vary by several times. */
const slackBytes = 160
const slackShare = 0.25

/**
 * How large a camera's pictures between key pictures are while nothing moves, and what is clearly more. Grain, night
 * and a codec's layers of pictures make sizes vary: what the largest twentieth exceeds the median by is allowed twice.
 */
export function createUsualSize() {
  let sizes: Array<{ ptsMs: number; bytes: number }> = []
  return {
    add(ptsMs: number, bytes: number): void {
      sizes.push({ ptsMs, bytes })
      if (sizes.length > keptSizes) sizes.shift()
    },
    /** What came before says nothing about a still scene. */
    forgetBefore(ptsMs: number): void {
      sizes = sizes.filter((each) => each.ptsMs >= ptsMs)
    },
    /** Bytes above which something moves; undefined while too few are known. */
    limit(): number | undefined {
      if (sizes.length < leastSizes) return undefined
      const sorted = sizes.map(({ bytes }) => bytes).sort((a, b) => a - b)
      const median = sorted[Math.floor(sorted.length / 2)]!
      const high = sorted[Math.floor(sorted.length * 0.95)]!
      return high + (high - median) + slackShare * median + slackBytes
    },
  }
}
