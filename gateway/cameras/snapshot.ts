import sharp, { type Sharp } from 'sharp'
import type { Box, Detection } from '../core/detection.ts'
import type { Frame } from '../core/ports.ts'

/** Squares across a masked picture: a person on a balcony is less than one of them. */
const maskColumns = 40

/**
 * A frame as JPEG (quality 80) with the boxes of detections drawn on it. The pixels are taken before the first await:
 * the frame need only be held until the call returns.
 * @param options.maxWidth scales down to this width, never up
 * @param options.isMasked shows coarse squares instead
 */
export async function encodeSnapshot(
  frame: Pick<Frame, 'data' | 'width' | 'height'>,
  options: { boxes?: readonly Detection[]; maxWidth?: number; isMasked?: boolean } = {},
): Promise<Uint8Array> {
  const { width, height } = frame
  const pixels = toRgb(frame.data, width, height)
  const scale = Math.min(1, (options.maxWidth ?? width) / width)
  const size = { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) }
  const clear = sharp(pixels, { raw: { width, height, channels: 3 } })
  const picture = options.isMasked ? await masked(clear, size) : clear
  if (scale < 1 && !options.isMasked) picture.resize(size.width, size.height)
  if (options.boxes?.length) picture.composite([{ input: Buffer.from(drawBoxes(options.boxes, size)) }])
  return picture.jpeg({ quality: 80 }).toBuffer()
}

/** The picture in coarse squares, at the size asked for. */
async function masked(clear: Sharp, size: { width: number; height: number }): Promise<Sharp> {
  const small = { width: maskColumns, height: Math.max(1, Math.round((maskColumns * size.height) / size.width)) }
  // Two steps: sharp takes one resize for each picture.
  const coarse = await clear
    .resize({ ...small, fit: 'fill' })
    .raw()
    .toBuffer()
  return sharp(coarse, { raw: { ...small, channels: 3 } }).resize({ ...size, fit: 'fill', kernel: 'nearest' })
}

/** Part of a frame as JPEG (quality 90, for training): `box` in fractions of the picture, at least one pixel. */
export async function encodeCrop(frame: Pick<Frame, 'data' | 'width' | 'height'>, box: Box): Promise<Uint8Array> {
  const { width, height } = frame
  const pixels = toRgb(frame.data, width, height)
  const left = Math.min(width - 1, Math.floor(box.x * width))
  const top = Math.min(height - 1, Math.floor(box.y * height))
  const area = {
    ...{ left, top },
    width: Math.max(1, Math.min(width, Math.ceil((box.x + box.width) * width)) - left),
    height: Math.max(1, Math.min(height, Math.ceil((box.y + box.height) * height)) - top),
  }
  return sharp(pixels, { raw: { width, height, channels: 3 } })
    .extract(area)
    .jpeg({ quality: 90 })
    .toBuffer()
}

/** BT.601 limited range to RGB, in 16-bit fixed point. */
function toRgb(data: Uint8Array, width: number, height: number): Buffer {
  const rgb = Buffer.allocUnsafe(width * height * 3)
  const halfWidth = width >> 1
  const u = width * height
  const v = u + halfWidth * (height >> 1)
  let at = 0
  for (let y = 0; y < height; y++) {
    const chromaRow = (y >> 1) * halfWidth
    for (let x = 0; x < width; x++) {
      const chroma = chromaRow + (x >> 1)
      const luma = 76_309 * (data[y * width + x]! - 16) + 32_768
      const blue = data[u + chroma]! - 128
      const red = data[v + chroma]! - 128
      rgb[at++] = clamp((luma + 104_597 * red) >> 16)
      rgb[at++] = clamp((luma - 25_675 * blue - 53_279 * red) >> 16)
      rgb[at++] = clamp((luma + 132_201 * blue) >> 16)
    }
  }
  return rgb
}

function clamp(value: number): number {
  return Math.max(0, Math.min(255, value))
}

function drawBoxes(boxes: readonly Detection[], { width, height }: { width: number; height: number }): string {
  const stroke = Math.max(2, Math.round(width / 240))
  const text = Math.max(11, Math.round(width / 40))
  const drawn = boxes.map(({ label, score, box }) => {
    const x = box.x * width
    const y = box.y * height
    const words = `${label} ${Math.round(score * 100)} %`
    // Above the box where there is room, inside it otherwise.
    const top = y >= text * 1.4 ? y - text * 1.4 : y
    const textWidth = words.length * text * 0.62
    return [
      `<rect x="${x}" y="${y}" width="${box.width * width}" height="${box.height * height}" fill="none" stroke="#ff3b30" stroke-width="${stroke}"/>`,
      `<rect x="${x}" y="${top}" width="${textWidth}" height="${text * 1.4}" fill="#ff3b30"/>`,
      `<text x="${x + text * 0.2}" y="${top + text * 1.05}" font-family="sans-serif" font-size="${text}" fill="#fff">${asText(words)}</text>`,
    ].join('')
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">${drawn.join('')}</svg>`
}

function asText(text: string): string {
  return text.replace(/[<>&"'\p{Cc}]/gu, (c) => (/\p{Cc}/u.test(c) ? ' ' : `&#${c.charCodeAt(0)};`))
}
