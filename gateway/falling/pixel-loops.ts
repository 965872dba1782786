import { readFileSync } from 'node:fs'

/*
 * The loops over every pixel of a picture, twice: in WebAssembly with SIMD (pixel-loops.wat), and in plain TypeScript for
 * processors whose WebAssembly knows no SIMD, for what is left of a row, and as the definition the other is held to. Both
 * give the same bytes.
 */

/** How a background follows the picture: brightness in 1/256 of a luma level. */
export interface Adaptation {
  /** What counts at most of one difference, and by 1/2^shift of it mean and spread move. */
  meanClip: number
  meanShift: number
  spreadClip: number
  spreadShift: number
  /** Threshold = max(least, margin + factor · spread), luma levels. */
  margin: number
  factor: number
  least: number
}

/** Weights of a pixel, its right neighbour and the two below them; 256 in sum. */
export type Weights = readonly [number, number, number, number]

/** Pictures of one camera and what is known of each pixel, all in one memory; row by row. */
export interface PixelLoops {
  /** The picture that came, and the one that was brought into place. */
  readonly picture: Uint8Array
  readonly aligned: Uint8Array
  readonly mean: Uint16Array
  readonly spread: Uint16Array
  /** A pixel stands out below `low` and above `high`. */
  readonly low: Uint8Array
  readonly high: Uint8Array
  /** 255 where nothing ever stands out, else 0. */
  readonly closed: Uint8Array
  /** Brightness after a change of exposure, by brightness before. */
  readonly table: Uint8Array
  /**
   * @param luma `picture` or `aligned`
   * @param slack added to every threshold, luma levels
   * @returns index of the first pixel from `from` on that stands out; that after the last when none does
   */
  nextStanding(luma: Uint8Array, from: number, slack: number): number
  /** Brings `count` pixels from `from` on up to date. @param luma `picture` or `aligned` */
  adapt(luma: Uint8Array, from: number, count: number, how: Adaptation): void
  /** Writes `count` pixels of `aligned` from `to` on, taken from `picture` from `from` on, then from `table` if told so. */
  resample(from: number, to: number, count: number, weights: Weights, byTable: boolean): void
}

/** Room for `width` · `height` pixels. */
export function createPixelLoops(width: number, height: number, module = compiled()): PixelLoops {
  if (!module) return createPlainLoops(width, height)
  const memory = new WebAssembly.Memory({ initial: Math.ceil(bytesFor(width, height) / 65_536) })
  const places = layOut(memory.buffer, width, height)
  const plain = plainLoops(places, width)
  const { picture, mean, spread, low, high, closed, aligned, table } = places
  const wasm = new WebAssembly.Instance(module, { picture: { memory } }).exports as unknown as Exports
  return {
    ...places,
    nextStanding: (luma, from, slack) =>
      wasm.nextStanding(luma.byteOffset, low.byteOffset, high.byteOffset, from, picture.length, slack),
    adapt(luma, from, count, how) {
      const most = count & ~7
      wasm.adapt(
        luma.byteOffset + from,
        mean.byteOffset + 2 * from,
        spread.byteOffset + 2 * from,
        low.byteOffset + from,
        high.byteOffset + from,
        closed.byteOffset + from,
        most,
        how.meanClip,
        how.meanShift,
        how.spreadClip,
        how.spreadShift,
        how.margin,
        how.factor,
        how.least,
      )
      if (most < count) plain.adapt(luma, from + most, count - most, how)
    },
    resample(from, to, count, weights, byTable) {
      const most = count & ~15
      const at = byTable ? table.byteOffset : 0
      wasm.resample(picture.byteOffset + from, aligned.byteOffset + to, width, most, ...weights, at)
      if (most < count) plain.resample(from + most, to + most, count - most, weights, byTable)
    },
  }
}

/** The same without WebAssembly. */
export function createPlainLoops(width: number, height: number): PixelLoops {
  const places = layOut(new ArrayBuffer(bytesFor(width, height)), width, height)
  return { ...places, ...plainLoops(places, width) }
}

type Places = Omit<PixelLoops, 'nextStanding' | 'adapt' | 'resample'>

function plainLoops(
  { picture, aligned, mean, spread, low, high, closed, table }: Places,
  width: number,
): Pick<PixelLoops, 'nextStanding' | 'adapt' | 'resample'> {
  return {
    nextStanding(luma, from, slack) {
      for (let i = from; i < picture.length; i++)
        if (luma[i]! < low[i]! - slack || luma[i]! > high[i]! + slack) return i
      return picture.length
    },
    adapt(luma, from, count, { meanClip, meanShift, spreadClip, spreadShift, margin, factor, least }) {
      for (let i = from; i < from + count; i++) {
        const before = mean[i]!
        const difference = (luma[i]! << 8) - before
        const size = difference < 0 ? -difference : difference
        const step = (size < meanClip ? size : meanClip) >> meanShift
        const after = difference < 0 ? before - step : before + step
        mean[i] = after
        const usual = spread[i]!
        const varies = usual + (((size < spreadClip ? size : spreadClip) - usual) >> spreadShift)
        spread[i] = varies
        let threshold = margin + ((factor * varies) >> 8)
        if (threshold < least) threshold = least
        const level = after >> 8
        const isClosed = closed[i] !== 0
        low[i] = level <= threshold || isClosed ? 0 : level - threshold
        high[i] = level + threshold > 255 || isClosed ? 255 : level + threshold
      }
    },
    resample(from, to, count, [w00, w10, w01, w11], byTable) {
      for (let k = 0, i = from; k < count; k++, i++) {
        // Beyond the last pixel nothing is known and nothing is weighed.
        const right = w10 * (picture[i + 1] ?? 0)
        const under = w01 * (picture[i + width] ?? 0) + w11 * (picture[i + width + 1] ?? 0)
        const value = (w00 * picture[i]! + right + under + 128) >> 8
        aligned[to + k] = byTable ? table[value]! : value
      }
    },
  }
}

/** The last row of a picture is read together with the one below it, however little that weighs. */
const below = (width: number) => width + 32

function bytesFor(width: number, height: number): number {
  return 9 * (width * height + below(width)) + 512
}

function layOut(buffer: ArrayBuffer, width: number, height: number): Places {
  const size = width * height
  // Address 0 stays unused: it says that there is no table.
  let at = 256
  const take = (bytes: number) => {
    const from = at
    at += (bytes + 15) & ~15
    return from
  }
  const bytes = () => new Uint8Array(buffer, take(size + below(width)), size)
  const words = () => new Uint16Array(buffer, take(2 * size), size)
  return {
    table: new Uint8Array(buffer, take(256), 256),
    picture: bytes(),
    aligned: bytes(),
    mean: words(),
    spread: words(),
    low: bytes(),
    high: bytes().fill(255),
    closed: bytes(),
  }
}

interface Exports {
  nextStanding(luma: number, low: number, high: number, from: number, count: number, slack: number): number
  adapt(...numbers: number[]): void
  resample(...numbers: number[]): void
}

/** Of the JavaScript API of WebAssembly, what is used here: Node's types leave it to those of browsers. */
declare const WebAssembly: {
  Memory: new (size: { initial: number }) => { buffer: ArrayBuffer }
  Module: new (bytes: Uint8Array) => object
  Instance: new (module: object, imports: object) => { exports: object }
  validate(bytes: Uint8Array): boolean
}

/** @returns undefined where the processor lacks what SIMD needs */
function compiled(): object | undefined {
  const bytes = readFileSync(new URL('./pixel-loops.wasm', import.meta.url))
  return WebAssembly.validate(bytes) ? new WebAssembly.Module(bytes) : undefined
}
