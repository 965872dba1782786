/** Trees as `gateway/falling/classifier.ts` reads them. */
export interface Trees {
  bias: number
  trees: Tree[]
}

interface Tree {
  feature: number[]
  threshold: number[]
  missingLeft: number[]
  value: number[]
}

export interface FitOptions {
  rounds?: number
  depth?: number
  rate?: number
  /** Candidate thresholds per feature. */
  bins?: number
  /** Least sum of second derivatives in a leaf, and what is added to it. */
  leastWeight?: number
  smoothing?: number
}

/**
 * Gradient boosting of shallow trees on the logistic loss, second order, by histograms (as XGBoost does it). Both classes
 * weigh the same in sum. Missing values (NaN) go to the side where they lose less.
 */
export function fitTrees(rows: readonly number[][], labels: readonly number[], options: FitOptions = {}): Trees {
  const { rounds = 100, depth = 3, rate = 0.1, bins = 48, leastWeight = 3, smoothing = 2 } = options
  const features = rows[0]!.length
  const positives = labels.reduce((sum, label) => sum + label, 0)
  const weights = labels.map((label) => labels.length / 2 / (label ? positives : labels.length - positives))
  const edges = Array.from({ length: features }, (_, f) =>
    edgesOf(
      rows.map((row) => row[f]!),
      bins,
    ),
  )
  const binned = edges.map((list, f) => Int16Array.from(rows, (row) => binOf(list, row[f]!)))
  const sums = new Float64Array(rows.length)
  const trees: Tree[] = []
  for (let round = 0; round < rounds; round++) {
    const gradient = Float64Array.from(sums, (sum, i) => weights[i]! * (1 / (1 + Math.exp(-sum)) - labels[i]!))
    const curvature = Float64Array.from(sums, (sum, i) => {
      const p = 1 / (1 + Math.exp(-sum))
      return weights[i]! * Math.max(1e-6, p * (1 - p))
    })
    const tree: Tree = { feature: [], threshold: [], missingLeft: [], value: [] }
    const grow = (node: number, members: number[], level: number) => {
      let [g, h] = [0, 0]
      for (const i of members) {
        g += gradient[i]!
        h += curvature[i]!
      }
      const split = level < depth ? bestSplit(members, g, h) : undefined
      tree.feature[node] = split ? split.feature : -1
      tree.threshold[node] = split ? edges[split.feature]![split.bin]! : 0
      tree.missingLeft[node] = split?.missingLeft ? 1 : 0
      tree.value[node] = split ? 0 : (-rate * g) / (h + smoothing)
      if (!split) {
        for (const i of members) sums[i]! += tree.value[node]!
        return
      }
      const isLeft = (i: number) => {
        const bin = binned[split.feature]![i]!
        return bin < 0 ? split.missingLeft : bin <= split.bin
      }
      grow(2 * node + 1, members.filter(isLeft), level + 1)
      grow(
        2 * node + 2,
        members.filter((i) => !isLeft(i)),
        level + 1,
      )
    }
    const bestSplit = (members: readonly number[], g: number, h: number) => {
      let best: { feature: number; bin: number; missingLeft: boolean; gain: number } | undefined
      const whole = (g * g) / (h + smoothing)
      for (let f = 0; f < features; f++) {
        const count = edges[f]!.length
        const gs = new Float64Array(count + 1)
        const hs = new Float64Array(count + 1)
        let [gMissing, hMissing] = [0, 0]
        for (const i of members) {
          const bin = binned[f]![i]!
          if (bin < 0) {
            gMissing += gradient[i]!
            hMissing += curvature[i]!
          } else {
            gs[bin]! += gradient[i]!
            hs[bin]! += curvature[i]!
          }
        }
        let [gLeft, hLeft] = [0, 0]
        for (let bin = 0; bin < count; bin++) {
          gLeft += gs[bin]!
          hLeft += hs[bin]!
          for (const missingLeft of [true, false]) {
            const [gl, hl] = missingLeft ? [gLeft + gMissing, hLeft + hMissing] : [gLeft, hLeft]
            const [gr, hr] = [g - gl, h - hl]
            if (hl < leastWeight || hr < leastWeight) continue
            const gain = (gl * gl) / (hl + smoothing) + (gr * gr) / (hr + smoothing) - whole
            if (gain > (best?.gain ?? 1e-3)) best = { feature: f, bin, missingLeft, gain }
          }
        }
      }
      return best
    }
    grow(0, Array.from(rows.keys()), 0)
    trees.push(packed(tree))
  }
  return { bias: 0, trees }
}

export function scoreOf({ bias, trees }: Trees, row: readonly number[]): number {
  let sum = bias
  for (const tree of trees) {
    let node = 0
    while (tree.feature[node]! >= 0) {
      const value = row[tree.feature[node]!]!
      const isLeft = Number.isNaN(value) ? tree.missingLeft[node] === 1 : value < tree.threshold[node]!
      node = 2 * node + (isLeft ? 1 : 2)
    }
    sum += tree.value[node]!
  }
  return 1 / (1 + Math.exp(-sum))
}

/** Quantiles between which values are told apart: a value below edge k lies in bin k or lower. */
function edgesOf(values: readonly number[], bins: number): number[] {
  const sorted = values.filter((value) => !Number.isNaN(value)).sort((a, b) => a - b)
  const edges = new Set<number>()
  for (let i = 1; i < bins; i++) {
    const edge = sorted[Math.floor((i / bins) * sorted.length)]
    if (edge !== undefined && edge > sorted[0]!) edges.add(Math.round(edge * 1e5) / 1e5)
  }
  return [...edges].sort((a, b) => a - b)
}

function binOf(edges: readonly number[], value: number): number {
  if (Number.isNaN(value)) return -1
  let bin = 0
  while (bin < edges.length && value >= edges[bin]!) bin++
  return bin
}

/** Gaps of nodes that do not exist filled, numbers shortened. */
function packed(tree: Tree): Tree {
  const nodes = tree.feature.length
  const fill = (list: readonly number[], empty: number) =>
    Array.from({ length: nodes }, (_, i) => Math.round((list[i] ?? empty) * 1e5) / 1e5)
  return {
    feature: fill(tree.feature, -1),
    threshold: fill(tree.threshold, 0),
    missingLeft: fill(tree.missingLeft, 0),
    value: fill(tree.value, 0),
  }
}
