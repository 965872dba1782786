import sharp from 'sharp'
import t from 'tap'
import { createFacadeMap } from './calibration.ts'
import { clearMask, drawThrow } from './composite.ts'

const [width, height] = [640, 360]
/** A facade from a quarter to three quarters of the picture, upright, ten floors. */
const map = createFacadeMap({
  left: [
    [0.25, 0.9],
    [0.25, 0.1],
  ],
  right: [
    [0.75, 0.9],
    [0.75, 0.1],
  ],
  floors: [
    [1, 0.9],
    [11, 0.1],
  ].map(([floor, y]) => ({
    floor: floor!,
    line: [
      [0, y!],
      [1, y!],
    ] as [[number, number], [number, number]],
  })),
  floorHeightM: 3,
})
const points = Array.from({ length: 12 }, (_, i) => ({
  ...{ atMs: i * 40, x: 0.5, y: 0.3 + i * 0.04, width: 0.01, height: 0.01 },
}))
const thrown = { paths: [{ points, score: 0.9 }] }
const seen = {
  ...thrown,
  origin: { floor: 8, floorFrom: 7, floorTo: 8, across: 0.5 },
  landing: { x: 0.5, y: 0.95, radius: 0.05 },
}

async function levels(mask: Buffer) {
  const { data, info } = await sharp(mask).extractChannel(0).raw().toBuffer({ resolveWithObject: true })
  return (x: number, y: number) => data[Math.round(y * info.height) * info.width + Math.round(x * info.width)]!
}

t.test('the facade is masked but for the path; what is beside it stays clear', async (t) => {
  const at = await levels(await clearMask(thrown, map, width, height))
  t.equal(at(0.5, 0.5), 255, 'on the path')
  t.equal(at(0.35, 0.5), 0, 'windows beside it')
  t.equal(at(0.1, 0.5), 255, 'sky and street beside the building')
})

t.test('without calibration everything is masked but for the path', async (t) => {
  const at = await levels(await clearMask(thrown, undefined, width, height))
  t.equal(at(0.5, 0.5), 255)
  t.equal(at(0.35, 0.5), 0)
  t.equal(at(0.1, 0.5), 0)
})

/** Stripes of one pixel: what is masked loses them. */
async function stripes() {
  const data = Buffer.alloc(width * height * 3)
  for (let i = 0; i < width * height; i++) data.fill(i % 2 === 0 ? 20 : 235, i * 3, i * 3 + 3)
  return sharp(data, { raw: { width, height, channels: 3 } })
    .jpeg({ quality: 95, chromaSubsampling: '4:4:4' })
    .toBuffer()
}

async function pixelsOf(jpeg: Buffer) {
  const { data, info } = await sharp(jpeg).removeAlpha().raw().toBuffer({ resolveWithObject: true })
  const at = (x: number, y: number) => {
    const i = (Math.round(y * info.height) * info.width + Math.round(x * info.width)) * 3
    return [data[i]!, data[i + 1]!, data[i + 2]!] as const
  }
  /** How much the picture changes from column to column around a place. */
  const detail = (x: number, y: number) => {
    let sum = 0
    const from = Math.round(y * info.height) * info.width + Math.round(x * info.width)
    for (let i = 0; i < 8; i++) sum += Math.abs(data[(from + i + 1) * 3]! - data[(from + i) * 3]!)
    return sum / 8
  }
  return { info, at, detail }
}

t.test('two pictures come of a throw: one whose windows nobody can look into, one for the police', async (t) => {
  const { masked, original } = await drawThrow(await stripes(), seen, map)
  const [shown, kept] = [await pixelsOf(masked), await pixelsOf(original)]
  t.same([shown.info.width, shown.info.height], [width, height])
  t.same([kept.info.width, kept.info.height], [width, height])
  t.ok(shown.detail(0.35, 0.5) < 40, `windows are squares: ${shown.detail(0.35, 0.5)}`)
  t.ok(shown.detail(0.1, 0.5) > 100, 'the street is clear')
  t.ok(kept.detail(0.35, 0.5) > 100, 'the other one shows all')
})

t.test('the path is drawn in red, the landing zone in green, the floor beside its start', async (t) => {
  const plain = await sharp({ create: { width, height, channels: 3, background: '#808080' } })
    .jpeg()
    .toBuffer()
  const { original } = await drawThrow(plain, seen, map)
  const { data } = await sharp(original).removeAlpha().raw().toBuffer({ resolveWithObject: true })
  const count = (isIt: (r: number, g: number, b: number) => boolean) => {
    let found = 0
    for (let i = 0; i < data.length; i += 3) if (isIt(data[i]!, data[i + 1]!, data[i + 2]!)) found++
    return found
  }
  t.ok(count((r, g, b) => r > 180 && g < 110 && b < 110) > 100, 'red')
  t.ok(count((r, g, b) => g > 160 && r < 110 && b < 140) > 30, 'green')
  t.ok(count((r, g, b) => r > 240 && g > 240 && b > 240) > 10, 'white around the letters')
})
