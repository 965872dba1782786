import type { Run } from './background.ts'

/** Something that stands out, pixels of the analysed picture. */
export interface Blob {
  /** Middle, weighted by how much each pixel stands out. */
  x: number
  y: number
  width: number
  height: number
  /** Pixels. */
  area: number
  /** Sum of the differences from the background, luma levels. */
  weight: number
  /** −1 darker than what is behind it … 1 brighter. */
  polarity: number
}

/** Joins runs that touch, diagonally too, into blobs. @param runs sorted as `Background.standOut` gives them */
export function joinRuns(runs: readonly Run[], count: number): Blob[] {
  const parent = new Int32Array(count)
  for (let i = 0; i < count; i++) parent[i] = i
  const root = (i: number): number => {
    let at = i
    while (parent[at] !== at) {
      parent[at] = parent[parent[at]!]!
      at = parent[at]!
    }
    return at
  }
  let above = 0
  for (let i = 0; i < count; i++) {
    const run = runs[i]!
    while (above < i && runs[above]!.y < run.y - 1) above++
    for (let j = above; j < i && runs[j]!.y < run.y; j++) {
      const other = runs[j]!
      if (other.y !== run.y - 1 || other.from > run.to || other.to < run.from) continue
      parent[root(i)] = root(j)
    }
  }
  const sums = new Map<
    number,
    Blob & { y0: number; y1: number; x0: number; x1: number; sumX: number; sumY: number; sum: number }
  >()
  for (let i = 0; i < count; i++) {
    const run = runs[i]!
    const key = root(i)
    let blob = sums.get(key)
    if (!blob) {
      blob = {
        ...{ x: 0, y: 0, width: 0, height: 0, area: 0, weight: 0, polarity: 0, sumX: 0, sumY: 0, sum: 0 },
        ...{ x0: run.from, x1: run.to, y0: run.y, y1: run.y + 1 },
      }
      sums.set(key, blob)
    }
    blob.x0 = Math.min(blob.x0, run.from)
    blob.x1 = Math.max(blob.x1, run.to)
    blob.y1 = run.y + 1
    blob.area += run.to - run.from
    blob.weight += run.weight
    blob.sum += run.difference
    blob.sumX += run.weightedX
    blob.sumY += run.weight * run.y
  }
  return [...sums.values()].map((blob) => ({
    x: blob.sumX / blob.weight + 0.5,
    y: blob.sumY / blob.weight + 0.5,
    width: blob.x1 - blob.x0,
    height: blob.y1 - blob.y0,
    area: blob.area,
    weight: blob.weight,
    polarity: blob.sum / blob.weight,
  }))
}
