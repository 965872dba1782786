import t from 'tap'
import { findFall } from './fall-segment.ts'
import type { Sight, Track } from './track.ts'

const size = { width: 640, height: 360 }

/** Sights of a thing that falls from rest at 200 px/s², at these instants. */
const falling = (instants: readonly number[]): Sight[] =>
  instants.map((at) => ({
    ...{ t: at, x: 300, y: 100 + 100 * at * at },
    ...{ width: 3, height: 3, area: 9, weight: 400, polarity: -1 },
  }))

const track = (sights: Sight[]): Track => ({ id: 1, sights, missed: 0, isCut: false })

const every = (from: number, to: number) =>
  Array.from({ length: Math.round((to - from) * 25) + 1 }, (_, i) => from + i / 25)

t.test('a fall is followed from where it begins to where it was last seen', async (t) => {
  const fall = findFall(track(falling(every(0, 1))), size, 0.04)
  t.ok(fall)
  t.ok(fall!.fromS < 0.2)
  t.equal(fall!.toS, 1)
})

t.test('what a track met only once after a gap does not make the fall longer', async (t) => {
  const fall = findFall(track(falling([...every(0, 0.6), 0.8])), size, 0.04)
  t.equal(fall?.toS, 0.6)
})

t.test('a fall that was lost for a moment and is seen again goes on to its end', async (t) => {
  const fall = findFall(track(falling([...every(0, 0.6), ...every(0.8, 1.2)])), size, 0.04)
  t.ok(Math.abs(fall!.toS - 1.2) < 1e-9)
})

t.test('where pictures come slowly, what is missed in one of them is still the same fall', async (t) => {
  const slowly = [0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 12].map((n) => n / 12)
  const fall = findFall(track(falling(slowly)), size, 1 / 12)
  t.equal(fall?.toS, 1)
  t.ok(
    findFall(track(falling([0, 1, 2, 3, 4, 5, 6].map((n) => n / 6))), size, 1 / 6),
    'and is counted where it cannot be judged',
  )
})
