/** Rows of a window and where the impact lies in it: 2 s before, 2 s from it on, at 50 Hz. */
export const windowRows = 200
export const impactRow = 100
/** In the order of the model's channels. */
export const fallChannels = ['vertical', 'horizontal', 'norm', 'verticalAfter', 'jerk'] as const

type Vector = readonly [number, number, number]

/**
 * What the fall models see: `windowRows` samples (x y z interleaved, g with gravity, 50 Hz, impact in `impactRow`)
 * become five channels of `windowRows` values. All of them are lengths or projections on gravity, so that how the
 * sensor is mounted, which axis is which and which way it points make no difference:
 *
 *   vertical       along gravity before the impact
 *   horizontal     length of what is across it
 *   norm           length of the sample
 *   verticalAfter  along gravity after the impact
 *   jerk           length of the step from the sample before
 *
 * each as asinh(g), which leaves small values alone and keeps a 16 g sensor's peaks near those of a 2 g sensor.
 * Must give what `features` in models/train/fall_data.py gives; features.golden.json holds both to it.
 */
export function fallFeatures(window: ArrayLike<number>): Float32Array<ArrayBuffer> {
  const before = direction(gravityBefore(window))
  const after = direction(gravityAfter(window))
  const features = new Float32Array(fallChannels.length * windowRows)
  let [lastX, lastY, lastZ] = [window[0]!, window[1]!, window[2]!]
  for (let row = 0; row < windowRows; row++) {
    const x = window[3 * row]!
    const y = window[3 * row + 1]!
    const z = window[3 * row + 2]!
    const square = x * x + y * y + z * z
    const vertical = x * before[0] + y * before[1] + z * before[2]
    const verticalAfter = x * after[0] + y * after[1] + z * after[2]
    const jerk = Math.sqrt((x - lastX) ** 2 + (y - lastY) ** 2 + (z - lastZ) ** 2)
    features[row] = Math.asinh(vertical)
    features[windowRows + row] = Math.asinh(Math.sqrt(Math.max(0, square - vertical * vertical)))
    features[2 * windowRows + row] = Math.asinh(Math.sqrt(square))
    features[3 * windowRows + row] = Math.asinh(verticalAfter)
    features[4 * windowRows + row] = Math.asinh(jerk)
    ;[lastX, lastY, lastZ] = [x, y, z]
  }
  return features
}

/** Gravity before the impact, g: the median of 1.5 s that end half a second before it, which steps do not sway. */
export function gravityBefore(window: ArrayLike<number>): Vector {
  return medianOf(window, 0, 75)
}

/** Gravity after the impact, g: the median of the window's last 1.02 s. */
export function gravityAfter(window: ArrayLike<number>): Vector {
  return medianOf(window, 149, windowRows)
}

/** Median per axis of an odd number of rows. */
function medianOf(window: ArrayLike<number>, from: number, to: number): Vector {
  const column = new Float64Array(to - from)
  const median = (axis: number) => {
    for (let row = from; row < to; row++) column[row - from] = window[3 * row + axis]!
    return column.sort()[(to - from - 1) / 2]!
  }
  return [median(0), median(1), median(2)]
}

/** Unit vector; in free fall and with a dead sensor nothing says where down is. */
function direction([x, y, z]: Vector): Vector {
  const length = Math.sqrt(x * x + y * y + z * z)
  return length < 0.1 ? [0, 0, 1] : [x / length, y / length, z / length]
}

/** Angle between two directions, degrees; NaN where one of them has no length. */
export function angleBetween(a: Vector, b: Vector): number {
  const lengths = Math.hypot(...a) * Math.hypot(...b)
  if (lengths < 0.01) return Number.NaN
  const cosine = (a[0] * b[0] + a[1] * b[1] + a[2] * b[2]) / lengths
  return (Math.acos(Math.min(1, Math.max(-1, cosine))) * 180) / Math.PI
}
