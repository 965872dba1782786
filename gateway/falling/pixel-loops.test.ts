import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t from 'tap'
import { seededRandom } from '../../simulators/random.ts'
import { type Alignment, createAligner } from './alignment.ts'
import { createBackground, createRuns, type Run } from './background.ts'
import { createPixelLoops, createPlainLoops, type PixelLoops } from './pixel-loops.ts'

const root = new URL('../../', import.meta.url)

/** Sizes with and without a rest after 8 and 16 pixels. */
const sizes = [
  [64, 40],
  [70, 33],
  [82, 29],
  [44, 3],
] as const

/** Blocks of flat grey, noise, and single pixels as far off as a byte can be. */
function picture(width: number, height: number, random: () => number): Uint8Array {
  const calm = random() < 0.5
  return Uint8Array.from({ length: width * height }, (_, i) => {
    if (random() < 0.02) return random() < 0.5 ? 0 : 255
    if (!calm && random() < 0.3) return Math.floor(random() * 256)
    return 60 + 120 * ((Math.floor((i % width) / 9) + Math.floor(i / width / 7)) % 2) + Math.floor(random() * 5)
  })
}

const known = ['mean', 'spread', 'low', 'high'] as const
const bytesOf = (loops: PixelLoops, name: (typeof known)[number] | 'aligned') =>
  Buffer.from(loops[name].buffer, loops[name].byteOffset, loops[name].byteLength)

t.test('what is looked at many pixels at a time is seen exactly as pixel by pixel', async (t) => {
  const random = seededRandom(20)
  for (const [width, height] of sizes) {
    const isOpen = Uint8Array.from({ length: width * height }, () => (random() < 0.1 ? 0 : 1))
    const both = [createPixelLoops(width, height), createPlainLoops(width, height)] as const
    const backgrounds = both.map((loops) => createBackground(width, height, isOpen, loops))
    const first = picture(width, height, random)
    for (const background of backgrounds) background.learn(first)
    let shown = 0
    for (let i = 0; i < 60; i++) {
      const luma = picture(width, height, random)
      const slack = i % 3 === 0 ? 6 : 0
      const seen = backgrounds.map((background) => {
        const runs: Run[] = createRuns(800)
        const count = background.standOut(luma, runs, slack)
        background.adapt(luma)
        return runs.slice(0, count)
      })
      shown += seen[1]!.length
      t.same(seen[0], seen[1], `${width} × ${height}, picture ${i}: the same runs`)
    }
    t.ok(shown > 50, 'random pictures show something')
    for (const name of known)
      t.equal(
        Buffer.compare(bytesOf(both[0], name), bytesOf(both[1], name)),
        0,
        `${width} × ${height}: the same ${name}`,
      )
  }
})

t.test('a picture is shifted and exposed anew exactly as pixel by pixel', async (t) => {
  const random = seededRandom(21)
  for (const [width, height] of sizes) {
    const both = [createPixelLoops(width, height), createPlainLoops(width, height)] as const
    for (let i = 0; i < 40; i++) {
      const luma = picture(width, height, random)
      const table = Uint8Array.from({ length: 256 }, () => Math.floor(random() * 256))
      const [fx, fy] = [Math.floor(random() * 16), Math.floor(random() * 16)]
      const weights = [(16 - fx) * (16 - fy), fx * (16 - fy), (16 - fx) * fy, fx * fy] as const
      const from = Math.floor(random() * width)
      const count = Math.floor(random() * (width * height - from - width - 1))
      for (const loops of both) {
        loops.picture.set(luma)
        loops.table.set(table)
        if (i % 4 === 0) loops.resample(0, 0, width * height, [256, 0, 0, 0], true)
        else loops.resample(from, i, Math.min(count, width * height - i), weights, i % 2 === 0)
      }
      const [fast, plain] = both.map((loops) => bytesOf(loops, 'aligned')) as [Buffer, Buffer]
      t.equal(Buffer.compare(fast, plain), 0, `${width} × ${height}, weights ${weights.join(' ')}`)
    }
  }
})

t.test('a swaying camera gives the same pictures either way', async (t) => {
  const [width, height] = [160, 120]
  const random = seededRandom(22)
  const wall = Uint8Array.from({ length: 200 * 160 }, () => 0)
  for (let i = 0; i < wall.length; i++) {
    const [x, y] = [i % 200, Math.floor(i / 200)]
    wall[i] = 110 + 45 * Math.sin(x / 5) * Math.cos(y / 4)
  }
  const at = (dx: number, dy: number, gain: number) =>
    Uint8Array.from(
      { length: width * height },
      (_, i) => wall[(20 + dy + Math.floor(i / width)) * 200 + 20 + dx + (i % width)]! * gain + random() * 3,
    )
  const watching = [createPixelLoops(width, height), createPlainLoops(width, height)].map((loops) => {
    const background = createBackground(width, height, undefined, loops)
    return { background, aligner: createAligner(background) }
  })
  const first = at(0, 0, 1)
  for (const { background } of watching) background.learn(first)
  let moved = 0
  for (let i = 1; i < 60; i++) {
    const luma = at(Math.round(3 * Math.sin(i / 6)), Math.round(2 * Math.cos(i / 9)), 1 + 0.1 * Math.sin(i / 20))
    const [one, other] = watching.map(({ background, aligner }) => {
      const aligned = aligner.align(luma)
      if (aligned.isKnown) background.adapt(aligned.luma)
      return aligned
    }) as [Alignment, Alignment]
    t.equal(Buffer.compare(one.luma, other.luma), 0, `picture ${i}`)
    t.same({ ...one, luma: undefined }, { ...other, luma: undefined })
    if (one.slack > 0) moved++
  }
  t.ok(moved > 20, 'it did sway')
})

t.test('the fast loops are what their source says', async (t) => {
  const hasAssembler = existsSync(new URL('node_modules/wabt/package.json', root))
  if (!hasAssembler && process.env.CI !== 'true') return t.pass('wabt is not installed: run npm ci')
  const script = fileURLToPath(new URL('.ci/assemble.mjs', root))
  await t.resolves(promisify(execFile)(process.execPath, [script, '--check']), 'node .ci/assemble.mjs was run')
})
