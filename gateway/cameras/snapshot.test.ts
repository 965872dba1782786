import sharp from 'sharp'
import t from 'tap'
import { createFrameSlots } from './frame-slots.ts'
import { encodeSnapshot } from './snapshot.ts'

/** One colour, as BT.601 limited range. */
function makeFrame(width: number, height: number, [y, u, v]: readonly [number, number, number]) {
  const slot = createFrameSlots(width, height, 1).take()!
  slot.data.fill(y, 0, width * height)
  slot.data.fill(u, width * height, (width * height * 5) / 4)
  slot.data.fill(v, (width * height * 5) / 4)
  return slot.toFrame('lift', { at: 0, mediaMs: 0, session: 'a' })
}

async function colourAt(jpeg: Uint8Array, left: number, top: number): Promise<number[]> {
  return [...(await sharp(jpeg).extract({ left, top, width: 1, height: 1 }).raw().toBuffer())]
}

const isNear = (found: number[], wanted: number[]) => found.every((value, i) => Math.abs(value - wanted[i]!) <= 6)

t.test('colours survive', async (t) => {
  for (const [yuv, rgb] of [
    [[81, 90, 240] as const, [255, 0, 0]] as const,
    [[145, 54, 34] as const, [0, 255, 0]] as const,
    [[41, 240, 110] as const, [0, 0, 255]] as const,
    [[235, 128, 128] as const, [255, 255, 255]] as const,
    [[16, 128, 128] as const, [0, 0, 0]] as const,
  ]) {
    const found = await colourAt(await encodeSnapshot(makeFrame(64, 32, yuv)), 30, 15)
    t.ok(isNear(found, [...rgb]), `${found} is ${rgb}`)
  }
})

t.test('boxes are drawn where the detection is, whatever its label says', async (t) => {
  const boxes = [{ label: `<e-bike> & "'\u0000`, score: 0.87, box: { x: 0.25, y: 0.5, width: 0.5, height: 0.25 } }]
  const jpeg = await encodeSnapshot(makeFrame(640, 360, [16, 128, 128]), { boxes })
  const red = await colourAt(jpeg, 160, 200)
  t.ok(red[0]! > 150 && red[1]! < 110, `${red}`)
  t.ok(isNear(await colourAt(jpeg, 320, 225), [0, 0, 0]), 'the inside stays visible')
})

t.test('a picture is made smaller, never larger', async (t) => {
  const frame = makeFrame(640, 360, [128, 128, 128])
  const small = await sharp(await encodeSnapshot(frame, { maxWidth: 320 })).metadata()
  t.match(small, { width: 320, height: 180, format: 'jpeg' })
  const same = await sharp(await encodeSnapshot(frame, { maxWidth: 2000 })).metadata()
  t.match(same, { width: 640, height: 360 })
})

t.test('masked, a picture keeps its size and shows nothing smaller than its squares', async (t) => {
  const frame = makeFrame(640, 360, [16, 128, 128])
  // A bright figure of 6 × 12 pixels before a dark wall.
  for (let y = 180; y < 192; y++) frame.data.fill(235, y * 640 + 322, y * 640 + 328)
  const clear = await encodeSnapshot(frame)
  t.ok((await colourAt(clear, 325, 186))[0]! > 200)
  const jpeg = await encodeSnapshot(frame, { isMasked: true })
  t.match(await sharp(jpeg).metadata(), { width: 640, height: 360 })
  t.ok((await colourAt(jpeg, 325, 186))[0]! < 120, 'it has melted into the wall')
  t.match(await sharp(await encodeSnapshot(frame, { isMasked: true, maxWidth: 320 })).metadata(), { width: 320 })
})
