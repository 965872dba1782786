import sharp, { type OverlayOptions } from 'sharp'
import type { Box } from '../../gateway/core/detection.ts'

/** One picture of a contact sheet. */
export interface SheetTile {
  /** File, or encoded picture. */
  picture: string | Uint8Array
  caption: string
  boxes: ReadonlyArray<{ box: Box; color: string; text: string }>
}

const tile = { width: 320, height: 240, caption: 22, gap: 6 }
const columns = 5

/** Draws pictures with boxes and captions side by side, row by row, as PNG. Pictures that cannot be read stay grey. */
export async function drawContactSheet(tiles: readonly SheetTile[]): Promise<Uint8Array> {
  const rows = Math.max(1, Math.ceil(tiles.length / columns))
  const [stepX, stepY] = [tile.width + tile.gap, tile.height + tile.caption + tile.gap]
  const drawn = await Promise.all(
    tiles.map(async (each, i) => ({
      input: await drawTile(each),
      left: tile.gap + (i % columns) * stepX,
      top: tile.gap + Math.floor(i / columns) * stepY,
    })),
  )
  const size = { width: tile.gap + columns * stepX, height: tile.gap + rows * stepY }
  return sharp({ create: { ...size, channels: 3, background: '#202428' } })
    .composite(drawn)
    .png()
    .toBuffer()
}

async function drawTile({ picture, caption, boxes }: SheetTile): Promise<Buffer> {
  const { width, height } = tile
  const canvas = sharp({ create: { width, height: height + tile.caption, channels: 3, background: '#3a3f45' } })
  const layers: OverlayOptions[] = []
  let area = { left: 0, top: 0, width, height }
  try {
    const { data, info } = await sharp(picture)
      .rotate()
      .resize({ width, height, fit: 'inside' })
      .flatten({ background: '#000' })
      .toColourspace('srgb')
      .png()
      .toBuffer({ resolveWithObject: true })
    area = {
      ...{ left: Math.floor((width - info.width) / 2), top: Math.floor((height - info.height) / 2) },
      ...{ width: info.width, height: info.height },
    }
    layers.push({ input: data, left: area.left, top: area.top })
  } catch {
    // The caption still names it.
  }
  const shapes = boxes.map(({ box, color, text }) => {
    const x = area.left + box.x * area.width
    const y = area.top + box.y * area.height
    return (
      `<rect x="${x}" y="${y}" width="${box.width * area.width}" height="${box.height * area.height}" fill="none" stroke="${color}" stroke-width="2"/>` +
      `<text x="${x + 3}" y="${Math.max(12, y + 13)}" font-size="12" fill="${color}" stroke="#000" stroke-width="3" paint-order="stroke">${asText(text)}</text>`
    )
  })
  const words = `<text x="4" y="${height + 15}" font-size="12" fill="#fff">${asText(caption)}</text>`
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height + tile.caption}" font-family="sans-serif">${shapes.join('')}${words}</svg>`
  return canvas
    .composite([...layers, { input: Buffer.from(svg) }])
    .png()
    .toBuffer()
}

function asText(text: string): string {
  return text.replace(/[<>&"'\p{Cc}]/gu, (c) => (/\p{Cc}/u.test(c) ? ' ' : `&#${c.charCodeAt(0)};`))
}
