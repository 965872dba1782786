import t from 'tap'
import { Value } from 'typebox/value'
import type { Detection } from '../../gateway/core/detection.ts'
import { ebikeInElevator } from '../../gateway/scenes/ebike-in-elevator.ts'
import { type AlarmPicture, liftOf, sightingOf } from './adapt-pictures.ts'
import { measureAdapt, randomOf, split } from './adapt-run.ts'

const scene = Value.Default(ebikeInElevator.options, { minScore: 0.35 }) as Parameters<typeof ebikeInElevator.create>[0]

/** E-bikes lie along the first of eight features, what raises false alarms along the second. */
function picture(lift: string, nth: number, holds: boolean, isMuddled = false): AlarmPicture {
  const kind = isMuddled ? nth % 2 : Number(!holds)
  const embedding = Float32Array.from({ length: 8 }, (_, i) => (i === kind ? 1 : 0) + 0.15 * Math.sin(nth * 5 + i * 3))
  const length = Math.hypot(...embedding)
  const box = { x: 0.1, y: 0.1, width: 0.5, height: 0.5 }
  const detection: Detection = { label: 'e-bike', score: 0.5, box, embedding: embedding.map((each) => each / length) }
  const detections = [detection]
  return { name: `${lift}-${nth}`, lift, holds, detections, subject: sightingOf(detections, scene) }
}

const site = (isMuddled = false) =>
  ['a', 'b', 'c', 'd'].flatMap((lift) =>
    Array.from({ length: 20 }, (_, i) => picture(lift, i + 100 * lift.charCodeAt(0), i % 4 < 2, isMuddled)),
  )

t.test('what one lift teaches removes false alarms of another and no e-bike', async (t) => {
  const figures = await measureAdapt(site(), { kind: 'across', count: 20, splits: 4, scene })
  t.match(figures, { splits: 4, on: 4, verdicts: 80, falseBefore: 80, foundBefore: 80, holding: 80 })
  t.equal(figures.foundAfter, 80)
  t.ok(figures.falseAfter < 20, `${figures.falseAfter} of 80 are left`)
})

t.test('five verdicts, or pictures that cannot be told apart, change nothing', async (t) => {
  const few = await measureAdapt(site(), { kind: 'across', count: 5, splits: 4, scene })
  t.match(few, { on: 0, falseAfter: few.falseBefore, foundAfter: few.foundBefore })
  const muddled = await measureAdapt(site(true), { kind: 'within', count: 40, splits: 4, scene })
  t.match(muddled, { on: 0, falseAfter: muddled.falseBefore, foundAfter: muddled.foundBefore })
})

t.test(
  'a lift that is judged has taught nothing, unless it is split itself; a split is the same every time',
  async (t) => {
    const pictures = site()
    const across = split(pictures, 'across', randomOf(1))
    const taught = new Set(across.teach.map(({ lift }) => lift))
    t.equal(taught.size, 2)
    t.notOk(across.test.some(({ lift }) => taught.has(lift)))
    const within = split(pictures, 'within', randomOf(1))
    t.equal(new Set(within.test.map(({ lift }) => lift)).size, 4)
    t.notOk(within.test.some((each) => within.teach.includes(each)))
    t.same(split(pictures, 'across', randomOf(1)), across)
  },
)

t.test('pictures whose names differ by their number only are of one lift', async (t) => {
  t.equal(liftOf('data/lift/images/mosaic_tr0_12.jpg', 'data/lift'), 'lift/mosaic_tr0')
  t.equal(liftOf('data/lift/east/cam-0007.png', 'data/lift'), 'lift/east/cam')
})
