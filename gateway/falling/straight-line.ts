/** A value at an instant, seconds. */
export interface Point {
  t: number
  y: number
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

/** Root of the mean square. */
export function rms(values: readonly number[]): number {
  return Math.sqrt(mean(values.map((value) => value ** 2)))
}

/** Slope of the straight line through the points, by least squares; 0 where all are of one instant. */
export function slopeOf(points: readonly Point[]): number {
  const n = points.length
  const [st, sy] = points.reduce(([a, b], { t, y }) => [a + t, b + y], [0, 0])
  const [mt, my] = [st / n, sy / n]
  let [above, below] = [0, 0]
  for (const { t, y } of points) {
    above += (t - mt) * (y - my)
    below += (t - mt) ** 2
  }
  return below > 0 ? above / below : 0
}

/** How far each point lies off the straight line through all of them. */
export function offLine(points: readonly Point[]): number[] {
  const slope = slopeOf(points)
  const [meanT, meanY] = [mean(points.map(({ t }) => t)), mean(points.map(({ y }) => y))]
  return points.map(({ t, y }) => y - meanY - slope * (t - meanT))
}
