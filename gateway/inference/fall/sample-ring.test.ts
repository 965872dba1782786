import t from 'tap'
import { createSampleRing } from './sample-ring.ts'

/** A slow swing, g: what a sensor feels at a time. */
const swing = (at: number) => [Math.sin(at / 300), 0.5 * Math.cos(at / 400), 1]

function batch(times: number[], of = swing) {
  return { times, values: times.flatMap(of) }
}

function every(stepMs: number, from: number, to: number): number[] {
  const count = Math.floor((to - from) / stepMs) + 1
  return Array.from({ length: count }, (_, i) => from + i * stepMs)
}

/** Largest distance between what the ring holds and the truth, over a span of slots. */
function error(ring: ReturnType<typeof createSampleRing>, from: number, count: number): number {
  const { values } = ring.span(from, count)
  let worst = 0
  for (let row = 0; row < count; row++) {
    const truth = swing((from + row) * 20)
    for (let axis = 0; axis < 3; axis++) worst = Math.max(worst, Math.abs(values[3 * row + axis]! - truth[axis]!))
  }
  return worst
}

t.test('every rate from 20 to 100 Hz becomes the same 50 Hz signal', async (t) => {
  for (const rateHz of [20, 25, 31.25, 50, 64, 100]) {
    const ring = createSampleRing()
    for (let from = 7; from < 4000; from += 500) ring.add(batch(every(1000 / rateHz, from, from + 499.9)))
    const { observedShare } = ring.span(10, 180)
    t.equal(observedShare, 1, `${rateHz} Hz leaves no hole`)
    const worst = error(ring, 10, 180)
    t.ok(worst < 0.01, `${rateHz} Hz: at most ${worst.toFixed(4)} g off`)
  }
})

t.test('how the samples are cut into batches makes no difference', async (t) => {
  const whole = createSampleRing()
  whole.add(batch(every(20, 3, 3000)))
  const single = createSampleRing()
  for (const at of every(20, 3, 3000)) single.add(batch([at]))
  t.same(single.span(1, 148).values, whole.span(1, 148).values)
})

t.test('samples may be missing, doubled and out of order', async (t) => {
  const times = every(20, 0, 4000)
  const kept = times.filter((_, i) => i % 11 !== 0)
  const shuffled = [...kept.slice(0, 100).reverse(), ...kept.slice(0, 20)]
  const ring = createSampleRing()
  ring.add(batch(shuffled))
  ring.add(batch(kept.slice(100)))
  t.ok(error(ring, 2, 190) < 0.01)
  t.equal(ring.losses.duplicate, 20)
})

t.test('a hole stays a hole until a late batch fills it', async (t) => {
  const ring = createSampleRing()
  ring.add(batch(every(20, 0, 1000)))
  ring.add(batch(every(20, 2000, 3000)))
  t.ok(ring.span(0, 150).observedShare < 0.7)
  t.equal(ring.norm(75), 0, 'nothing is made up')
  const filled = ring.add(batch(every(20, 1000, 2000)))
  t.equal(filled, 51, 'it says from where on things look different')
  t.equal(ring.span(0, 150).observedShare, 1)
  t.ok(error(ring, 0, 150) < 0.01)
})

t.test('a late batch overwrites nothing', async (t) => {
  const ring = createSampleRing()
  ring.add(batch(every(20, 0, 1000)))
  const before = ring.span(0, 50).values
  const changed = ring.add(batch(every(20, 0, 1000), () => [9, 9, 9]))
  t.equal(changed, Number.POSITIVE_INFINITY)
  t.same(ring.span(0, 50).values, before)
})

t.test('what cannot be read is counted and left out', async (t) => {
  const ring = createSampleRing()
  ring.add({ times: [0, 20, Number.NaN, 60], values: [0, 0, 1, 0, Number.POSITIVE_INFINITY, 1, 0, 0, 1, 0, 0, 1] })
  ring.add({ times: [80, 100], values: [0, 0, 1, 0] })
  t.equal(ring.losses.unreadable, 3)
  t.equal(ring.last, 4)
  t.equal(ring.add({ times: [], values: [] }), Number.POSITIVE_INFINITY)
})

t.test(
  'old data does not disturb what is held, and a clock that was put back is believed after ten seconds',
  async (t) => {
    const ring = createSampleRing()
    ring.add(batch(every(20, 1_000_000, 1_005_000)))
    ring.add(batch(every(20, 0, 2000)))
    t.equal(ring.losses.restarts, 0)
    t.equal(ring.losses.tooLate, 101)
    t.equal(ring.last, 50_250)
    ring.add(batch(every(20, 1_005_020, 1_006_000)))
    for (let from = 2000; from < 13_000; from += 1000) ring.add(batch(every(20, from + 20, from + 1000)))
    t.equal(ring.losses.restarts, 1)
    t.ok(ring.last < 1000)
  },
)

t.test('after a long silence the ring starts anew', async (t) => {
  const ring = createSampleRing()
  ring.add(batch(every(20, 0, 1000)))
  ring.add(batch(every(20, 3_600_000, 3_601_000)))
  t.equal(ring.losses.restarts, 1)
  t.equal(ring.norm(25), 0)
  t.equal(ring.oldest, 180_000)
})
