/** How a model wants its picture; the `input` object of model.json. */
export interface InputSpecification {
  name: string
  width: number
  height: number
  layout: 'nchw'
  /** Order of the colour planes. */
  color: 'rgb' | 'bgr'
  /**
   * `letterbox` keeps the aspect ratio and pads; `stretch` fills the input; `window` shows one part of a longer picture
   * at a time, as high (or as wide) as the picture, so that things are larger.
   */
  resize: 'letterbox' | 'stretch' | 'window'
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

/** Part of a camera's picture, whole pixels. */
export interface Region {
  x: number
  y: number
  width: number
  height: number
}

/** Where the camera's whole picture lies inside the model's input, pixels; beyond it where only a part is shown. */
export interface Placement {
  x: number
  y: number
  width: number
  height: number
}

export interface Preprocessor {
  /** The model's input, overwritten by every `fill`. */
  readonly tensor: Float32Array
  /** Scales, places, converts and normalises one picture, or a region of it, into `tensor`, in one pass. */
  fill(picture: YuvPicture, region?: Region): Placement
}

/** Bytes of a planar 4:2:0 picture; odd sizes round their chroma planes up. */
export function yuvBytes(width: number, height: number): number {
  return width * height + 2 * Math.ceil(width / 2) * Math.ceil(height / 2)
}

/** Weights are whole numbers of 2^-11: two of them and a byte fit in 31 bits, and integers are what is fast here. */
const weightBits = 11
const one = 1 << weightBits

/**
 * Where every output column or row takes its two samples from: the index of the left (upper) one, shifted by 12 bits,
 * plus the weight of its neighbour, 0…`one`. Packed, because the inner loop is bound by loads.
 */
function tapsFor(count: number, size: number, position: (i: number) => number): Int32Array {
  return Int32Array.from({ length: count }, (_, i) => {
    const at = Math.min(Math.max(position(i), 0), size - 1)
    const first = Math.max(0, Math.min(Math.floor(at), size - 2))
    return (first << 12) | Math.round((at - first) * one)
  })
}

// ITU-R BT.601, limited range: luma 16…235, chroma 16…240 around 128; the samples carry two weights' worth of bits.
const unit = 2 ** -(2 * weightBits)
const greyGain = 1.164383 * unit
const greyOffset = 1.164383 * 16
const chromaZero = 128 / unit
const redOfRed = 1.596027 * unit
const greenOfBlue = -0.391762 * unit
const greenOfRed = -0.812968 * unit
const blueOfBlue = 2.017232 * unit

/** A plane of samples inside a byte array. */
interface Plane {
  width: number
  height: number
  start: number
}

/** Everything that depends only on the picture's size and the region. */
interface Plan {
  width: number
  height: number
  region: Region
  /** Where the region lies inside the model's input. */
  placement: Placement
  /** The camera's planes: luma, U, V. */
  source: readonly [Plane, Plane, Plane]
  /** Source pixels averaged into one beforehand, per axis: two-tap sampling would alias beyond a factor of two. */
  reduction: number
  /** Where the averaged planes go; empty when nothing is averaged. */
  reduced: Uint8Array
  /** The planes that are sampled: the camera's, or the averaged ones. */
  sampled: readonly [Plane, Plane, Plane]
  lumaX: Int32Array
  lumaY: Int32Array
  chromaX: Int32Array
  chromaY: Int32Array
}

function planesOf(width: number, height: number, chromaWidth: number, chromaHeight: number): [Plane, Plane, Plane] {
  const luma = { width, height, start: 0 }
  const u = { width: chromaWidth, height: chromaHeight, start: width * height }
  return [luma, u, { ...u, start: u.start + chromaWidth * chromaHeight }]
}

function place(width: number, height: number, input: InputSpecification): Placement {
  if (input.resize === 'stretch') return { x: 0, y: 0, width: input.width, height: input.height }
  const scale = Math.min(input.width / width, input.height / height)
  const placedWidth = Math.max(1, Math.round(width * scale))
  const placedHeight = Math.max(1, Math.round(height * scale))
  const share = input.anchor === 'center' ? 0.5 : 0
  return {
    x: Math.floor((input.width - placedWidth) * share),
    y: Math.floor((input.height - placedHeight) * share),
    width: placedWidth,
    height: placedHeight,
  }
}

function planFor(width: number, height: number, region: Region, input: InputSpecification): Plan {
  const placement = place(region.width, region.height, input)
  const stepX = region.width / placement.width
  const stepY = region.height / placement.height
  const k = Math.max(1, Math.ceil(Math.min(stepX, stepY) / 2))
  const shrink = (size: number) => Math.max(1, Math.floor(size / k))
  const source = planesOf(width, height, Math.ceil(width / 2), Math.ceil(height / 2))
  const [luma, chroma] = source
  const sampled =
    k === 1 ? source : planesOf(shrink(luma.width), shrink(luma.height), shrink(chroma.width), shrink(chroma.height))
  return {
    width,
    height,
    region,
    placement,
    source,
    reduction: k,
    reduced: new Uint8Array(k === 1 ? 0 : sampled[2].start + sampled[2].width * sampled[2].height),
    sampled,
    lumaX: tapsFor(placement.width, sampled[0].width, (i) => ((i + 0.5) * stepX + region.x) / k - 0.5),
    lumaY: tapsFor(placement.height, sampled[0].height, (i) => ((i + 0.5) * stepY + region.y) / k - 0.5),
    // H.264 and H.265 put a chroma sample beside the left of its two columns and between its two rows.
    chromaX: tapsFor(placement.width, sampled[1].width, (i) => ((i + 0.5) * stepX + region.x + 0.5) / 2 / k - 0.5),
    chromaY: tapsFor(placement.height, sampled[1].height, (i) => ((i + 0.5) * stepY + region.y) / 2 / k - 0.5),
  }
}

/** Averages k×k samples of one plane into one; a remainder at the right and bottom edge is left out. */
function reduce(data: Uint8Array, from: Plane, k: number, reduced: Uint8Array, to: Plane): void {
  const share = 1 / (k * k)
  let out = to.start
  for (let y = 0; y < to.height; y++) {
    let corner = from.start + y * k * from.width
    for (let x = 0; x < to.width; x++, corner += k) {
      let sum = 0
      for (let dy = 0, at = corner; dy < k; dy++, at += from.width) {
        for (let dx = 0; dx < k; dx++) sum += data[at + dx]!
      }
      reduced[out++] = sum * share + 0.5
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

  function prepare(width: number, height: number, region: Region): Plan {
    if (plan?.width === width && plan.height === height && isSame(plan.region, region)) return plan
    const before = plan?.placement
    plan = planFor(width, height, region, input)
    if (!before || !isSame(before, plan.placement))
      for (let i = 0; i < 3; i++) tensor.fill(input.pad * scales[i]! + offsets[i]!, i * plane, (i + 1) * plane)
    return plan
  }

  function sample(data: Uint8Array, { placement, sampled: [luma, u, v], lumaX, lumaY, chromaX, chromaY }: Plan): void {
    const columns = placement.width
    // To the neighbour below and to the right; a plane of one row or column has none.
    const lumaDown = luma.height > 1 ? luma.width : 0
    const lumaRight = luma.width > 1 ? 1 : 0
    const chromaDown = u.height > 1 ? u.width : 0
    const chromaRight = u.width > 1 ? 1 : 0
    for (let row = 0; row < placement.height; row++) {
      const wy = lumaY[row]! & 4095
      const wc = chromaY[row]! & 4095
      const lumaRow = (lumaY[row]! >> 12) * luma.width
      const uRow = u.start + (chromaY[row]! >> 12) * u.width
      const vRow = v.start + (chromaY[row]! >> 12) * u.width
      const start = (placement.y + row) * input.width + placement.x
      for (let column = 0; column < columns; column++) {
        const lumaTap = lumaX[column]!
        const chromaTap = chromaX[column]!
        const wx = lumaTap & 4095
        const wi = chromaTap & 4095
        const y = lumaRow + (lumaTap >> 12)
        const yLeft = data[y]!
        const yLeftBelow = data[y + lumaDown]!
        const yUpper = (yLeft << weightBits) + (data[y + lumaRight]! - yLeft) * wx
        const yLower = (yLeftBelow << weightBits) + (data[y + lumaDown + lumaRight]! - yLeftBelow) * wx
        const cu = uRow + (chromaTap >> 12)
        const uLeft = data[cu]!
        const uLeftBelow = data[cu + chromaDown]!
        const uUpper = (uLeft << weightBits) + (data[cu + chromaRight]! - uLeft) * wi
        const uLower = (uLeftBelow << weightBits) + (data[cu + chromaDown + chromaRight]! - uLeftBelow) * wi
        const cv = vRow + (chromaTap >> 12)
        const vLeft = data[cv]!
        const vLeftBelow = data[cv + chromaDown]!
        const vUpper = (vLeft << weightBits) + (data[cv + chromaRight]! - vLeft) * wi
        const vLower = (vLeftBelow << weightBits) + (data[cv + chromaDown + chromaRight]! - vLeftBelow) * wi
        const grey = greyGain * (((yUpper << weightBits) + (yLower - yUpper) * wy) | 0) - greyOffset
        const blue = (((uUpper << weightBits) + (uLower - uUpper) * wc) | 0) - chromaZero
        const red = (((vUpper << weightBits) + (vLower - vUpper) * wc) | 0) - chromaZero
        const out = start + column
        tensor[atR + out] = Math.min(Math.max(grey + redOfRed * red, 0), 255) * scaleR + offsetR
        tensor[atG + out] = Math.min(Math.max(grey + greenOfBlue * blue + greenOfRed * red, 0), 255) * scaleG + offsetG
        tensor[atB + out] = Math.min(Math.max(grey + blueOfBlue * blue, 0), 255) * scaleB + offsetB
      }
    }
  }

  return {
    tensor,
    fill({ width, height, data }, region = { x: 0, y: 0, width, height }) {
      const current = prepare(width, height, region)
      const { source, reduction, reduced, sampled } = current
      if (reduction === 1) {
        sample(data, current)
      } else {
        for (let i = 0; i < 3; i++) reduce(data, source[i]!, reduction, reduced, sampled[i]!)
        sample(reduced, current)
      }
      const { placement } = current
      const scaleX = placement.width / region.width
      const scaleY = placement.height / region.height
      return {
        x: placement.x - region.x * scaleX,
        y: placement.y - region.y * scaleY,
        width: width * scaleX,
        height: height * scaleY,
      }
    },
  }
}

const isSame = (a: Region, b: Region): boolean =>
  a.x === b.x && a.y === b.y && a.width === b.width && a.height === b.height
