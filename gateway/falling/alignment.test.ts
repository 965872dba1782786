import t from 'tap'
import { seededRandom } from '../../simulators/random.ts'
import { createAligner } from './alignment.ts'
import { createBackground, createRuns } from './background.ts'

const width = 320
const height = 240

/** A wall with windows as a camera would see it after the pole moved and the exposure changed. */
function wall({ dx = 0, dy = 0, gain = 1, offset = 0, seed = 1 }): Uint8Array {
  const random = seededRandom(seed)
  const soft = (u: number, period: number) => {
    const at = ((u % period) + period) % period
    // As soft as a lens and a sensor make an edge.
    return Math.max(0, Math.min(1, (at - 6) / 3, (period - 6 - at) / 3))
  }
  return Uint8Array.from({ length: width * height }, (_, i) => {
    const [x, y] = [(i % width) - dx, Math.floor(i / width) - dy]
    const luma = 150 - 90 * soft(x, 37) * soft(y, 29) - 20 * soft(x + 11, 61)
    return Math.max(0, Math.min(255, luma * gain + offset + random() * 4 - 2))
  })
}

function watching() {
  const background = createBackground(width, height)
  background.learn(wall({}))
  for (let i = 0; i < 12; i++) background.adapt(wall({ seed: i }))
  return { background, aligner: createAligner(background), runs: createRuns(2000) }
}

t.test('a pole that sways moves the picture, and the picture is moved back', async (t) => {
  const { background, aligner, runs } = watching()
  const moved = wall({ dx: 2.4, dy: -1.3, seed: 77 })
  t.ok(background.standOut(moved, runs) > 300, 'as it comes, every edge stands out')
  const at = aligner.align(moved)
  t.ok(at.isKnown)
  t.ok(Math.abs(at.dx - 2.4) < 0.15 && Math.abs(at.dy + 1.3) < 0.15, `found ${at.dx}, ${at.dy}`)
  const left = background.standOut(at.luma, runs, at.slack)
  t.ok(left < 30, `moved back, ${left} bits of edges do`)
})

t.test('an exposure that changes is taken out', async (t) => {
  const { background, aligner, runs } = watching()
  const at = aligner.align(wall({ gain: 0.75, offset: 12, seed: 78 }))
  t.ok(at.isKnown)
  t.ok(Math.abs(at.gain - 0.75) < 0.04 && Math.abs(at.offset - 12) < 5, `found ${at.gain}, ${at.offset}`)
  t.ok(background.standOut(at.luma, runs) < 6)
})

t.test('a jolt of several pixels is found again', async (t) => {
  const { aligner } = watching()
  const at = aligner.align(wall({ dx: -7, dy: 5, seed: 79 }))
  t.ok(at.isKnown)
  t.ok(Math.abs(at.dx + 7) < 0.3 && Math.abs(at.dy - 5) < 0.3, `found ${at.dx}, ${at.dy}`)
})

t.test('a still picture is passed on without a copy', async (t) => {
  const { aligner } = watching()
  const picture = wall({ seed: 80 })
  t.equal(aligner.align(picture).luma, picture)
})

t.test('another view is not explained by any movement', async (t) => {
  const { aligner } = watching()
  const random = seededRandom(5)
  const other = Uint8Array.from({ length: width * height }, () => 40 + random() * 170)
  t.notOk(aligner.align(other).isKnown)
})
