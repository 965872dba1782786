import t from 'tap'
import { toYuv } from './image.ts'
import { createPreprocessor, type InputSpecification } from './preprocess.ts'

const plain: InputSpecification = {
  name: 'x',
  width: 64,
  height: 64,
  layout: 'nchw',
  color: 'rgb',
  resize: 'letterbox',
  pad: 114,
  anchor: 'center',
  mean: [0, 0, 0],
  std: [1, 1, 1],
}

/** A picture of one colour per pixel. */
function picture(width: number, height: number, colour: (x: number, y: number) => readonly [number, number, number]) {
  const rgb = new Uint8Array(width * height * 3)
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) rgb.set(colour(x, y), 3 * (y * width + x))
  return { rgb, yuv: toYuv(rgb, width, height) }
}

function pixel(input: InputSpecification, tensor: Float32Array, x: number, y: number): number[] {
  const plane = input.width * input.height
  return [0, 1, 2].map((i) => tensor[i * plane + y * input.width + x]!)
}

function isNear(a: readonly number[], b: readonly number[], within: number): boolean {
  return a.every((value, i) => Math.abs(value - b[i]!) <= within)
}

t.test('colours come through as the camera meant them', async (t) => {
  const { tensor, fill } = createPreprocessor(plain)
  for (const colour of [
    [255, 255, 255],
    [0, 0, 0],
    [128, 128, 128],
    [200, 30, 60],
    [20, 180, 40],
    [15, 60, 220],
  ] as const) {
    fill(picture(64, 64, () => colour).yuv)
    t.ok(isNear(pixel(plain, tensor, 30, 30), colour, 3), `${colour} → ${pixel(plain, tensor, 30, 30)}`)
  }
})

t.test('planes are ordered and normalised as the model was trained', async (t) => {
  const input: InputSpecification = { ...plain, color: 'bgr', mean: [10, 20, 30], std: [2, 4, 5] }
  const { tensor, fill } = createPreprocessor(input)
  fill(picture(64, 64, () => [200, 100, 50]).yuv)
  const [b, g, r] = pixel(input, tensor, 5, 5) as [number, number, number]
  t.ok(isNear([b * 2 + 10, g * 4 + 20, r * 5 + 30], [50, 100, 200], 3))
})

t.test('a wide picture is placed in the middle or at the top left, on grey', async (t) => {
  const { yuv } = picture(128, 64, () => [250, 10, 10])
  const centred = createPreprocessor(plain)
  t.same(centred.fill(yuv), { x: 0, y: 16, width: 64, height: 32 })
  t.same(pixel(plain, centred.tensor, 3, 15), [114, 114, 114])
  t.ok(isNear(pixel(plain, centred.tensor, 3, 16), [250, 10, 10], 4))
  t.same(pixel(plain, centred.tensor, 3, 48), [114, 114, 114])
  const cornered = createPreprocessor({ ...plain, anchor: 'top-left' })
  t.same(cornered.fill(yuv), { x: 0, y: 0, width: 64, height: 32 })
  t.same(pixel(plain, cornered.tensor, 3, 32), [114, 114, 114])
  const stretched = createPreprocessor({ ...plain, resize: 'stretch' })
  t.same(stretched.fill(yuv), { x: 0, y: 0, width: 64, height: 64 })
})

t.test('nothing of the picture before stays behind when the size changes', async (t) => {
  const { tensor, fill } = createPreprocessor(plain)
  fill(picture(64, 64, () => [255, 255, 255]).yuv)
  fill(picture(64, 16, () => [255, 255, 255]).yuv)
  t.same(pixel(plain, tensor, 10, 2), [114, 114, 114])
})

for (const [width, height] of [
  [640, 360],
  [1280, 720],
  [1919, 1081],
  [50, 40],
  [30, 90],
] as const) {
  t.test(`of ${width}×${height} every pixel shows the place it should`, async (t) => {
    const colourAt = (x: number, y: number) =>
      [
        128 + 100 * Math.sin((6 * (x + 0.5)) / width),
        128 + 100 * Math.cos((5 * (y + 0.5)) / height),
        (200 * (x + 0.5)) / width,
      ] as const
    const input = { ...plain, width: 96, height: 96 }
    const { tensor, fill } = createPreprocessor(input)
    const placement = fill(picture(width, height, colourAt).yuv)
    let worst = 0
    let sum = 0
    for (let y = 0; y < placement.height; y++) {
      for (let x = 0; x < placement.width; x++) {
        const ours = pixel(input, tensor, placement.x + x, placement.y + y)
        const truth = colourAt(
          ((x + 0.5) * width) / placement.width - 0.5,
          ((y + 0.5) * height) / placement.height - 0.5,
        )
        for (let i = 0; i < 3; i++) {
          const apart = Math.abs(ours[i]! - truth[i]!)
          worst = Math.max(worst, apart)
          sum += apart
        }
      }
    }
    const mean = sum / (3 * placement.width * placement.height)
    t.ok(mean < 1.2 && worst < 16, `${mean.toFixed(2)} of 255 apart, at most ${worst.toFixed(1)}`)
  })
}

t.test('pictures of one pixel, one row or one column do not break it', async (t) => {
  const { tensor, fill } = createPreprocessor({ ...plain, resize: 'stretch' })
  for (const [width, height] of [
    [1, 1],
    [1, 50],
    [50, 1],
    [2, 3],
  ] as const) {
    fill(picture(width, height, () => [100, 150, 200]).yuv)
    t.ok(isNear(pixel(plain, tensor, 32, 32), [100, 150, 200], 3), `${width}×${height}`)
    t.ok(tensor.every(Number.isFinite))
  }
})

t.test('one region of a picture fills the input, and says where the whole picture would lie', async (t) => {
  const { yuv } = picture(256, 128, (x) => [x, 60, 60])
  const window: InputSpecification = { ...plain, resize: 'window' }
  const { tensor, fill } = createPreprocessor(window)
  const placement = fill(yuv, { x: 96, y: 0, width: 128, height: 128 })
  t.same(placement, { x: -48, y: 0, width: 128, height: 64 })
  for (const x of [4, 32, 60])
    t.ok(isNear(pixel(window, tensor, x, 32), [96 + 2 * x, 60, 60], 5), `${pixel(window, tensor, x, 32)} at ${x}`)
  fill(yuv, { x: 0, y: 0, width: 128, height: 128 })
  t.ok(isNear(pixel(window, tensor, 32, 32), [64, 60, 60], 5), 'another region of the same picture')
  fill(yuv)
  t.ok(isNear(pixel(window, tensor, 32, 4), [114, 114, 114], 1), 'the whole picture leaves grey above it')
})
