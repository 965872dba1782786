/** Pictures wider than this are analysed at half their width: the decoder's averaging is a matched filter for 2 × 2 pixels. */
const widestWhole = 1280

/**
 * How a camera reads for the engine: every picture, because what falls is there for a second. A machine that pauses for
 * half a second loses none; twelve megabytes a 1080p camera, fifty a 4K one.
 */
export const facadePictures = {
  fps: 'all',
  width: 1920,
  height: 1080,
  halveAbove: widestWhole,
  heldPictures: 16,
} as const

/** Size at which a stream is analysed, pixels: 1080p at 960 × 540, 4K at 1920 × 1080, smaller ones as they are. */
export function analysisSize({ width, height }: { width: number; height: number }): { width: number; height: number } {
  const share = width > widestWhole ? 2 : 1
  const even = (value: number) => 2 * Math.floor(value / share / 2)
  return { width: even(width), height: even(height) }
}
