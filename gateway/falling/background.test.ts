import t from 'tap'
import { seededRandom } from '../../simulators/random.ts'
import { createBackground, createRuns } from './background.ts'
import { joinRuns } from './blob.ts'

const width = 120
const height = 80

/** Even grey, noisy as told per pixel. */
function picture(seed: number, noiseAt: (x: number, y: number) => number = () => 2): Uint8Array {
  const random = seededRandom(seed)
  return Uint8Array.from(
    { length: width * height },
    (_, i) => 120 + (random() * 2 - 1) * noiseAt(i % width, Math.floor(i / width)),
  )
}

t.test('something small and darker than the wall stands out, the noise of the wall does not', async (t) => {
  const background = createBackground(width, height)
  const runs = createRuns(100)
  background.learn(picture(0))
  for (let i = 1; i < 60; i++) background.adapt(picture(i))
  t.ok(background.isWarm)
  t.equal(background.standOut(picture(99), runs), 0)
  const seen = picture(100)
  for (const [x, y] of [
    [50, 30],
    [51, 30],
    [50, 31],
    [51, 32],
  ] as const)
    seen[y * width + x] = 90
  const blobs = joinRuns(runs, background.standOut(seen, runs))
  t.equal(blobs.length, 1, 'diagonal pixels are one thing')
  t.match(blobs[0], { area: 4, width: 2, height: 3, polarity: -1 })
  t.ok(Math.abs(blobs[0]!.x - 51) < 0.2 && Math.abs(blobs[0]!.y - 31.3) < 0.3, 'its middle is in its middle')
})

t.test('a restless branch raises the bar where it is, and nowhere else', async (t) => {
  const noise = (x: number) => (x < 40 ? 45 : 2)
  const background = createBackground(width, height)
  const runs = createRuns(2000)
  background.learn(picture(0, noise))
  for (let i = 1; i < 400; i++) background.adapt(picture(i, noise))
  t.equal(background.standOut(picture(999, noise), runs), 0)
  const seen = picture(1000, noise)
  seen[40 * width + 20] = 90
  seen[40 * width + 80] = 90
  t.equal(background.standOut(seen, runs), 1, 'the same spot of dirt counts on the wall only')
  t.equal(runs[0]!.from, 80)
})

t.test('what was masked out never counts', async (t) => {
  const isOpen = new Uint8Array(width * height).fill(1)
  isOpen.fill(0, 0, width * 40)
  const background = createBackground(width, height, isOpen)
  const runs = createRuns(2000)
  background.learn(picture(0))
  for (let i = 1; i < 60; i++) background.adapt(picture(i))
  const bright = picture(5).map((value) => value + 80)
  t.equal(background.standOut(bright, runs), 40, 'one run a row, and only in the open half')
})

t.test('a car that parks becomes background within seconds', async (t) => {
  const background = createBackground(width, height)
  const runs = createRuns(2000)
  background.learn(picture(0))
  for (let i = 1; i < 60; i++) background.adapt(picture(i))
  const parked = (seed: number) => {
    const luma = picture(seed)
    for (let y = 20; y < 40; y++) luma.fill(60, y * width + 20, y * width + 60)
    return luma
  }
  t.ok(background.standOut(parked(1), runs) >= 20)
  for (let i = 0; i < 25 * 15; i++) background.adapt(parked(i))
  t.equal(background.standOut(parked(2), runs), 0)
})
