import type { Frame } from '../../core/ports.ts'
import { toYuv } from '../image.ts'

/** A frame that counts who holds it. */
export interface TestFrame extends Frame {
  /** Retained and not released. */
  readonly holders: number
  /** Most that ever held it at once. */
  readonly mostHolders: number
}

/** A 32×32 picture of one colour, as a camera would deliver it. Throws when released more often than retained. */
export function colourFrame(
  camera: string,
  [r, g, b]: readonly [number, number, number],
  firstByte?: number,
): TestFrame {
  const rgb = new Uint8Array(32 * 32 * 3)
  for (let i = 0; i < rgb.length; i += 3) rgb.set([r, g, b], i)
  const { width, height, data } = toYuv(rgb, 32, 32)
  if (firstByte !== undefined) data[0] = firstByte
  let holders = 0
  let mostHolders = 0
  return {
    camera,
    time: { at: 0, mediaMs: 0, session: 'test' },
    width,
    height,
    data: data as Uint8Array<SharedArrayBuffer>,
    retain() {
      holders++
      mostHolders = Math.max(mostHolders, holders)
    },
    release() {
      if (--holders < 0) throw new Error(`a frame of ${camera} was released more often than retained`)
    },
    get holders() {
      return holders
    },
    get mostHolders() {
      return mostHolders
    },
  }
}

export const red = [250, 10, 10] as const
export const blue = [10, 10, 250] as const
export const green = [10, 250, 10] as const
export const grey = [128, 128, 128] as const
