/** A luma picture that convex shapes are painted into with partial cover at their edges. */
export interface Canvas {
  readonly width: number
  readonly height: number
  readonly data: Uint8ClampedArray
  /**
   * Blends shapes of one object into the picture, one per moment of the exposure: each counts 1/n of the cover.
   * @returns the box it touched with a cover of at least 1/16, pixels; undefined when it is out of sight
   */
  paint(moments: ReadonlyArray<Shape>, luma: number, opacity?: number): Touched | undefined
}

/** Corners of a convex polygon, x and y in turn, pixels. */
export type Shape = readonly number[]

export interface Touched {
  x0: number
  y0: number
  x1: number
  y1: number
}

const leastCover = 1 / 16

/** @param data luma, row by row; a new black picture when absent */
export function createCanvas(width: number, height: number, data = new Uint8ClampedArray(width * height)): Canvas {
  let cover = new Float32Array(64 * 64)
  return {
    width,
    height,
    data,
    paint(moments, luma, opacity = 1) {
      const bounds = boundsOf(moments)
      const x0 = Math.max(0, Math.floor(bounds.x0))
      const y0 = Math.max(0, Math.floor(bounds.y0))
      const x1 = Math.min(width, Math.ceil(bounds.x1))
      const y1 = Math.min(height, Math.ceil(bounds.y1))
      if (x1 <= x0 || y1 <= y0) return undefined
      const stride = x1 - x0
      const size = stride * (y1 - y0)
      if (cover.length < size) cover = new Float32Array(size)
      cover.fill(0, 0, size)
      for (const shape of moments) addCover(shape, cover, { x0, y0, x1, y1 }, 1 / moments.length)
      const touched = { x0: x1, y0: y1, x1: x0, y1: y0 }
      for (let y = y0, at = 0; y < y1; y++) {
        for (let x = x0; x < x1; x++, at++) {
          const share = cover[at]! * opacity
          if (share === 0) continue
          const pixel = y * width + x
          data[pixel] = data[pixel]! + (luma - data[pixel]!) * share
          if (share < leastCover) continue
          if (x < touched.x0) touched.x0 = x
          if (x + 1 > touched.x1) touched.x1 = x + 1
          if (y < touched.y0) touched.y0 = y
          if (y + 1 > touched.y1) touched.y1 = y + 1
        }
      }
      return touched.x1 > touched.x0 ? touched : undefined
    },
  }
}

function boundsOf(shapes: readonly Shape[]): Touched {
  const box = { x0: 1e9, y0: 1e9, x1: -1e9, y1: -1e9 }
  for (const shape of shapes)
    for (let i = 0; i < shape.length; i += 2) {
      box.x0 = Math.min(box.x0, shape[i]!)
      box.x1 = Math.max(box.x1, shape[i]!)
      box.y0 = Math.min(box.y0, shape[i + 1]!)
      box.y1 = Math.max(box.y1, shape[i + 1]!)
    }
  return box
}

/** Exact in x, sampled in y: more rows for small shapes, so that half a pixel is still half a pixel. */
function addCover(shape: Shape, cover: Float32Array, box: Touched, weight: number): void {
  const own = boundsOf([shape])
  const rows = own.y1 - own.y0 < 8 ? 8 : 2
  const stride = box.x1 - box.x0
  const corners = shape.length / 2
  const first = Math.max(box.y0, Math.floor(own.y0))
  const last = Math.min(box.y1, Math.ceil(own.y1))
  for (let y = first; y < last; y++) {
    for (let row = 0; row < rows; row++) {
      const at = y + (row + 0.5) / rows
      let left = 1e9
      let right = -1e9
      for (let i = 0, j = corners - 1; i < corners; j = i++) {
        const yi = shape[2 * i + 1]!
        const yj = shape[2 * j + 1]!
        if (yi > at === yj > at) continue
        const x = shape[2 * i]! + ((at - yi) / (yj - yi)) * (shape[2 * j]! - shape[2 * i]!)
        if (x < left) left = x
        if (x > right) right = x
      }
      left = Math.max(left, box.x0)
      right = Math.min(right, box.x1)
      if (right <= left) continue
      const base = (y - box.y0) * stride - box.x0
      const share = weight / rows
      const from = Math.floor(left)
      const to = Math.ceil(right)
      for (let x = from; x < to; x++) cover[base + x]! += share * (Math.min(right, x + 1) - Math.max(left, x))
    }
  }
}

/** An ellipse or rectangle around (x, y), turned by `angle` (radians). */
export function shapeAround(
  x: number,
  y: number,
  across: number,
  along: number,
  angle: number,
  isRound: boolean,
): number[] {
  const [sin, cos] = [Math.sin(angle), Math.cos(angle)]
  const points = isRound ? roundPoints : squarePoints
  return points.flatMap(([u, v]) => {
    const [a, b] = [(u * across) / 2, (v * along) / 2]
    return [x + a * cos - b * sin, y + a * sin + b * cos]
  })
}

const squarePoints = [
  [-1, -1],
  [1, -1],
  [1, 1],
  [-1, 1],
] as const

/** Ten corners with the area of the ellipse. */
const roundPoints = Array.from({ length: 10 }, (_, i) => {
  const angle = (i / 10) * 2 * Math.PI
  const grow = Math.sqrt(Math.PI / (5 * Math.sin(Math.PI / 5)))
  return [Math.cos(angle) * grow, Math.sin(angle) * grow] as const
})

/** Area of a polygon, pixels². */
export function areaOf(shape: Shape): number {
  let twice = 0
  for (let i = 0, j = shape.length - 2; i < shape.length; j = i, i += 2)
    twice += shape[j]! * shape[i + 1]! - shape[i]! * shape[j + 1]!
  return Math.abs(twice) / 2
}
