import sharp, { type Sharp } from 'sharp'
import type { ThrowReport } from '../core/throw.ts'
import type { FacadeMap } from './calibration.ts'

type Shown = Pick<ThrowReport, 'paths' | 'landing' | 'origin'>

/** Half the width of what stays clear around the path, a share of the picture's width. */
const tubeShare = 0.025
/** Squares of the masked parts, a share of the picture's width: a window becomes one or two of them. */
const squareShare = 1 / 60
/** Balconies and a misdrawn edge, shares of the facade's width and floors. */
const besides = 0.04
const above = 0.4

/**
 * What may be seen by everybody, as a grey PNG: white stays clear, black is masked. Black is the facade, or everything
 * where the camera is not calibrated; white in it the tube around the paths.
 */
export function clearMask(thrown: Shown, map: FacadeMap | undefined, width: number, height: number): Promise<Buffer> {
  return sharp(Buffer.from(maskSvg(thrown, map, width, height)))
    .flatten({ background: '#000' })
    .greyscale()
    .toColourspace('b-w')
    .png()
    .toBuffer()
}

/** A picture with the path of a throw drawn over it, as JPEG (quality 90): with the facade masked, and without. */
export async function drawThrow(
  jpeg: Uint8Array,
  thrown: Shown,
  map: FacadeMap | undefined,
): Promise<{ masked: Buffer; original: Buffer }> {
  const background = sharp(jpeg)
  const { width, height } = await background.metadata()
  const square = Math.max(4, Math.round(width * squareShare))
  const clear = await background.clone().removeAlpha().raw().toBuffer()
  const raw = { width, height, channels: 3 as const }
  const small = { width: Math.ceil(width / square), height: Math.ceil(height / square) }
  // Two steps: sharp takes one resize for each picture.
  const coarse = await sharp(clear, { raw })
    .resize({ ...small, fit: 'fill', kernel: 'cubic' })
    .raw()
    .toBuffer()
  const mask = await sharp(await clearMask(thrown, map, width, height))
    .extractChannel(0)
    .raw()
    .toBuffer()
  const shown = await sharp(clear, { raw })
    .joinChannel(mask, { raw: { width, height, channels: 1 } })
    .png()
    .toBuffer()
  const path = Buffer.from(pathSvg(thrown, width, height))
  const drawn = async (below: Sharp, ...layers: Buffer[]) =>
    below
      .composite([...layers, path].map((input) => ({ input })))
      .jpeg({ quality: 90 })
      .toBuffer()
  const squares = sharp(coarse, { raw: { ...small, channels: 3 } }).resize({
    width,
    height,
    fit: 'fill',
    kernel: 'nearest',
  })
  return { masked: await drawn(squares, shown), original: await drawn(sharp(clear, { raw })) }
}

function maskSvg({ paths }: Shown, map: FacadeMap | undefined, width: number, height: number): string {
  const at = (across: number, level: number) => {
    const { x, y } = map!.toPicture({ across, level })
    return `${rounded(x * width)},${rounded(y * height)}`
  }
  const facade = map
    ? `<polygon fill="#000" points="${[
        at(-besides, 0),
        at(1 + besides, 0),
        at(1 + besides, map.top + above),
        at(-besides, map.top + above),
      ].join(' ')}"/>`
    : '<rect width="100%" height="100%" fill="#000"/>'
  const tube = Math.max(8, Math.round(2 * tubeShare * width))
  const lines = paths.map(
    ({ points }) =>
      `<polyline fill="none" stroke="#fff" stroke-width="${tube}" stroke-linecap="round" stroke-linejoin="round" points="${pointsOf(points, width, height)}"/>`,
  )
  return svg(width, height, `<rect width="100%" height="100%" fill="#fff"/>${facade}${lines.join('')}`)
}

function pathSvg({ paths, landing, origin }: Shown, width: number, height: number): string {
  const stroke = Math.max(1, Math.round(width / 640))
  const drawn = paths.map(({ points }, index) => {
    const colour = index === 0 ? '#ff3b30' : '#ffcc00'
    // The object itself stays visible between the marks of where it was.
    const marks = points.map(({ x, y, width: w, height: h }) => {
      const radius = Math.max(3 * stroke, Math.max(w * width, h * height) * 0.8)
      return `<circle cx="${rounded(x * width)}" cy="${rounded(y * height)}" r="${rounded(radius)}" fill="none" stroke="${colour}" stroke-width="${stroke}"/>`
    })
    return `<polyline fill="none" stroke="${colour}" stroke-width="${stroke}" stroke-opacity="0.7" points="${pointsOf(points, width, height)}"/>${marks.join('')}`
  })
  const down = landing
    ? `<ellipse cx="${rounded(landing.x * width)}" cy="${rounded(landing.y * height)}" rx="${rounded(landing.radius * width)}" ry="${rounded(landing.radius * width * 0.4)}" fill="none" stroke="#34c759" stroke-width="${2 * stroke}" stroke-dasharray="${6 * stroke}"/>`
    : ''
  const first = paths[0]?.points[0]
  const size = Math.max(14, Math.round(width / 50))
  const label =
    origin && first
      ? `<text x="${rounded(Math.min(width - 4 * size, first.x * width + size))}" y="${rounded(Math.max(size, first.y * height))}" font-family="sans-serif" font-weight="bold" font-size="${size}" fill="#ff3b30" stroke="#fff" stroke-width="${size / 5}" paint-order="stroke">${origin.floor}F (${origin.floorFrom}–${origin.floorTo})</text>`
      : ''
  return svg(width, height, drawn.join('') + down + label)
}

const svg = (width: number, height: number, inner: string) =>
  `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">${inner}</svg>`

function pointsOf(points: ReadonlyArray<{ x: number; y: number }>, width: number, height: number): string {
  return points.map(({ x, y }) => `${rounded(x * width)},${rounded(y * height)}`).join(' ')
}

const rounded = (value: number) => Math.round(value * 10) / 10
