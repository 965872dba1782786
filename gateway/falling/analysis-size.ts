/** Pictures wider than this are analysed at half their width: the decoder's averaging is a matched filter for 2 × 2 pixels. */
const widestWhole = 1280

/** Size at which a stream is analysed, pixels: 1080p at 960 × 540, 4K at 1920 × 1080, smaller ones as they are. */
export function analysisSize({ width, height }: { width: number; height: number }): { width: number; height: number } {
  const share = width > widestWhole ? 2 : 1
  const even = (value: number) => 2 * Math.floor(value / share / 2)
  return { width: even(width), height: even(height) }
}
