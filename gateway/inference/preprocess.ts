/** How a model wants its picture; the `input` object of model.json. */
export interface InputSpecification {
  name: string
  width: number
  height: number
  layout: 'nchw'
  /** Order of the colour planes. */
  color: 'rgb' | 'bgr'
  /** `letterbox` keeps the aspect ratio and pads; `stretch` fills the input. */
  resize: 'letterbox' | 'stretch'
  /** Grey of the padding, 0…255. */
  pad: number
  anchor: 'center' | 'top-left'
  /** Per plane, in the order of `color`: value = (pixel − mean) / std, pixel 0…255. */
  mean: number[]
  std: number[]
}

/** Pixels as cameras deliver them: planar YUV 4:2:0, BT.601, limited range. */
export interface YuvPicture {
  width: number
  height: number
  data: Uint8Array
}

/** Where the camera's picture lies inside the model's input, pixels. */
export interface Placement {
  x: number
  y: number
  width: number
  height: number
}

export interface Preprocessor {
  /** The model's input, overwritten by every `fill`. */
  readonly tensor: Float32Array
  /** Scales, places, converts and normalises one picture into `tensor`, in one pass. */
  fill(picture: YuvPicture): Placement
}

/** Bytes of a planar 4:2:0 picture; odd sizes round their chroma planes up. */
export function yuvBytes(width: number, height: number): number {
  return width * height + 2 * Math.ceil(width / 2) * Math.ceil(height / 2)
}

/** Left (or upper) neighbour, right (or lower) neighbour and the latter's weight, for every output column or row. */
interface Taps {
  first: Int32Array
  second: Int32Array
  weight: Float32Array
}

/**
 * Sampling taps along one axis. `position(i)` is output pixel i's centre on the source's sample axis.
 * @param step multiplied into the indices, so that rows become offsets
 */
function tapsFor(count: number, size: number, step: number, position: (i: number) => number): Taps {
  const taps = { first: new Int32Array(count), second: new Int32Array(count), weight: new Float32Array(count) }
  for (let i = 0; i < count; i++) {
    const at = Math.min(Math.max(position(i), 0), size - 1)
    const first = Math.floor(at)
    taps.first[i] = first * step
    taps.second[i] = Math.min(first + 1, size - 1) * step
    taps.weight[i] = at - first
  }
  return taps
}

/** Everything that depends only on the picture's size. */
interface Plan {
  width: number
  height: number
  placement: Placement
  /** Source pixels averaged into one beforehand, per axis: two-tap sampling would alias beyond a factor of two. */
  reduction: number
  /** The picture that is sampled: the camera's own, or the reduced one. */
  reduced: { luma: Uint8Array; u: Uint8Array; v: Uint8Array } | undefined
  lumaX: Taps
  lumaY: Taps
  chromaX: Taps
  chromaY: Taps
}

function planFor(width: number, height: number, input: InputSpecification): Plan {
  const isStretched = input.resize === 'stretch'
  const scale = Math.min(input.width / width, input.height / height)
  const placedWidth = isStretched ? input.width : Math.max(1, Math.round(width * scale))
  const placedHeight = isStretched ? input.height : Math.max(1, Math.round(height * scale))
  const isCentred = input.anchor === 'center'
  const placement = {
    x: isCentred ? Math.floor((input.width - placedWidth) / 2) : 0,
    y: isCentred ? Math.floor((input.height - placedHeight) / 2) : 0,
    width: placedWidth,
    height: placedHeight,
  }
  const k = Math.max(1, Math.floor(Math.min(width / placedWidth, height / placedHeight)))
  const lumaWidth = Math.max(1, Math.floor(width / k))
  const lumaHeight = Math.max(1, Math.floor(height / k))
  const chromaWidth = Math.max(1, Math.floor(Math.ceil(width / 2) / k))
  const chromaHeight = Math.max(1, Math.floor(Math.ceil(height / 2) / k))
  const stepX = width / placedWidth
  const stepY = height / placedHeight
  return {
    width,
    height,
    placement,
    reduction: k,
    reduced:
      k === 1
        ? undefined
        : {
            luma: new Uint8Array(lumaWidth * lumaHeight),
            u: new Uint8Array(chromaWidth * chromaHeight),
            v: new Uint8Array(chromaWidth * chromaHeight),
          },
    lumaX: tapsFor(placedWidth, lumaWidth, 1, (i) => ((i + 0.5) * stepX) / k - 0.5),
    lumaY: tapsFor(placedHeight, lumaHeight, lumaWidth, (i) => ((i + 0.5) * stepY) / k - 0.5),
    // H.264 and H.265 put a chroma sample beside the left of its two columns and between its two rows.
    chromaX: tapsFor(placedWidth, chromaWidth, 1, (i) => (((i + 0.5) * stepX - 0.5) / 2 + 0.5) / k - 0.5),
    chromaY: tapsFor(placedHeight, chromaHeight, chromaWidth, (i) => ((i + 0.5) * stepY) / 2 / k - 0.5),
  }
}

/** Averages k×k source pixels into one; a remainder at the right and bottom edge is left out. */
function reduce(source: Uint8Array, start: number, stride: number, rows: number, k: number, target: Uint8Array): void {
  const columns = Math.max(1, Math.floor(stride / k))
  const lines = Math.max(1, Math.floor(rows / k))
  const share = 1 / (k * k)
  for (let y = 0, out = 0; y < lines; y++) {
    for (let x = 0; x < columns; x++, out++) {
      let sum = 0
      for (let dy = 0; dy < k; dy++) {
        const from = start + (y * k + dy) * stride + x * k
        for (let dx = 0; dx < k; dx++) sum += source[from + dx]!
      }
      target[out] = sum * share + 0.5
    }
  }
}

/**
 * Makes the model's input from camera pictures: bilinear scaling, placement, BT.601 → RGB, normalisation and plane
 * order in one pass over precomputed tables. Nothing is allocated while the picture's size stays the same.
 */
export function createPreprocessor(input: InputSpecification): Preprocessor {
  const plane = input.width * input.height
  const tensor = new Float32Array(3 * plane)
  const order = input.color === 'rgb' ? [0, 1, 2] : [2, 1, 0]
  const [atR, atG, atB] = order.map((position) => position * plane) as [number, number, number]
  const scales = input.std.map((std) => 1 / std)
  const offsets = input.mean.map((mean, i) => -mean / input.std[i]!)
  const [scaleR, scaleG, scaleB] = order.map((position) => scales[position]!) as [number, number, number]
  const [offsetR, offsetG, offsetB] = order.map((position) => offsets[position]!) as [number, number, number]
  let plan: Plan | undefined

  function prepare(width: number, height: number): Plan {
    if (plan?.width === width && plan.height === height) return plan
    plan = planFor(width, height, input)
    for (let i = 0; i < 3; i++) tensor.fill(input.pad * scales[i]! + offsets[i]!, i * plane, (i + 1) * plane)
    return plan
  }

  return {
    tensor,
    fill({ width, height, data }) {
      const { placement, reduction, reduced, lumaX, lumaY, chromaX, chromaY } = prepare(width, height)
      const chromaWidth = Math.ceil(width / 2)
      const chromaHeight = Math.ceil(height / 2)
      const uStart = width * height
      const vStart = uStart + chromaWidth * chromaHeight
      if (reduced) {
        reduce(data, 0, width, height, reduction, reduced.luma)
        reduce(data, uStart, chromaWidth, chromaHeight, reduction, reduced.u)
        reduce(data, vStart, chromaWidth, chromaHeight, reduction, reduced.v)
      }
      const luma = reduced?.luma ?? data
      const u = reduced?.u ?? data
      const v = reduced?.v ?? data
      const uAt = reduced ? 0 : uStart
      const vAt = reduced ? 0 : vStart

      for (let row = 0; row < placement.height; row++) {
        const y0 = lumaY.first[row]!
        const y1 = lumaY.second[row]!
        const wy = lumaY.weight[row]!
        const c0 = chromaY.first[row]!
        const c1 = chromaY.second[row]!
        const wc = chromaY.weight[row]!
        const u0 = uAt + c0
        const u1 = uAt + c1
        const v0 = vAt + c0
        const v1 = vAt + c1
        let out = (placement.y + row) * input.width + placement.x
        for (let column = 0; column < placement.width; column++, out++) {
          const x0 = lumaX.first[column]!
          const x1 = lumaX.second[column]!
          const wx = lumaX.weight[column]!
          const upper = luma[y0 + x0]! + (luma[y0 + x1]! - luma[y0 + x0]!) * wx
          const lower = luma[y1 + x0]! + (luma[y1 + x1]! - luma[y1 + x0]!) * wx
          const i0 = chromaX.first[column]!
          const i1 = chromaX.second[column]!
          const wi = chromaX.weight[column]!
          const uUpper = u[u0 + i0]! + (u[u0 + i1]! - u[u0 + i0]!) * wi
          const uLower = u[u1 + i0]! + (u[u1 + i1]! - u[u1 + i0]!) * wi
          const vUpper = v[v0 + i0]! + (v[v0 + i1]! - v[v0 + i0]!) * wi
          const vLower = v[v1 + i0]! + (v[v1 + i1]! - v[v1 + i0]!) * wi
          // ITU-R BT.601, limited range: luma 16…235, chroma 16…240 around 128.
          const grey = 1.164383 * (upper + (lower - upper) * wy - 16)
          const blue = uUpper + (uLower - uUpper) * wc - 128
          const red = vUpper + (vLower - vUpper) * wc - 128
          const r = grey + 1.596027 * red
          const g = grey - 0.391762 * blue - 0.812968 * red
          const b = grey + 2.017232 * blue
          tensor[atR + out] = Math.min(Math.max(r, 0), 255) * scaleR + offsetR
          tensor[atG + out] = Math.min(Math.max(g, 0), 255) * scaleG + offsetG
          tensor[atB + out] = Math.min(Math.max(b, 0), 255) * scaleB + offsetB
        }
      }
      return placement
    },
  }
}
