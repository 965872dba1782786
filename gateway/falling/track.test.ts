import t from 'tap'
import type { Blob } from './blob.ts'
import { createTracker } from './track.ts'

const size = { width: 960, height: 540 }
const blob = (x: number, y: number, area = 9): Blob => ({
  x,
  y,
  width: 3,
  height: 3,
  area,
  weight: area * 40,
  polarity: -1,
})
const fallY = (t: number) => 40 + 60 * t * t

t.test('a fall that gathers speed is one track from beginning to end', async (t) => {
  const tracker = createTracker(size)
  const ended = []
  for (let i = 0; i < 120; i++) {
    const at = i / 25
    const y = fallY(at)
    ended.push(...tracker.step(at, y < 540 ? [blob(300 + 10 * at, y)] : [], () => true))
  }
  t.equal(ended.length, 1)
  t.equal(ended[0]!.sights.length, 73, 'every picture in which it could be seen')
})

t.test('it is met again behind what hides it, where gravity has taken it meanwhile', async (t) => {
  const tracker = createTracker(size)
  const ended = []
  for (let i = 0; i < 110; i++) {
    const at = i / 25
    const y = fallY(at)
    const isHidden = i >= 45 && i < 51
    ended.push(...tracker.step(at, y < 540 && !isHidden ? [blob(300, y)] : [], () => true))
  }
  t.equal(ended.length, 1, 'one track, not two')
  t.equal(ended[0]!.sights.length, 67)
})

t.test('two things that cross keep their own ways', async (t) => {
  const tracker = createTracker(size)
  const ended = []
  for (let i = 0; i < 100; i++) {
    const at = i / 25
    ended.push(...tracker.step(at, i < 60 ? [blob(300, fallY(at)), blob(200 + 90 * at, 130 + 4 * at)] : [], () => true))
  }
  t.equal(ended.length, 2)
  const falling = ended.find(({ sights }) => Math.abs(sights[0]!.x - 300) < 1)!
  t.ok(
    falling.sights.every(({ x }) => x === 300),
    'the falling one never took the passer-by for itself',
  )
})

t.test('flicker that comes and goes in places never becomes a track', async (t) => {
  const tracker = createTracker(size)
  for (let i = 0; i < 200; i++) {
    const places = Array.from({ length: 6 }, (_, k) =>
      blob(((i * 7 + k * 131) * 37) % 960, ((i * 11 + k * 71) * 53) % 540, 2),
    )
    t.equal(tracker.step(i / 25, places, () => true).length, 0)
  }
})

t.test('in a storm of moving things the number of tracks stays bounded and what is left out is counted', async (t) => {
  const tracker = createTracker(size)
  for (let i = 0; i < 30; i++) {
    const storm = Array.from({ length: 900 }, (_, k) =>
      blob(((k * 137 + i * 61) % 960) + 0.5, ((k * 89 + i * 97) % 540) + 0.5),
    )
    tracker.step(i / 25, storm, () => true)
    t.ok(tracker.tracks.length <= 300)
  }
  t.ok(tracker.refused > 0)
})

t.test('a sheet of paper that sinks for half a minute keeps its beginning', async (t) => {
  const tracker = createTracker(size)
  for (let i = 0; i < 750; i++) tracker.step(i / 25, [blob(300, 20 + 0.6 * i)], () => true)
  const [track] = tracker.finish()
  t.equal(track!.sights[0]!.t, 0, 'the floor it came from is where it was first seen')
  t.equal(track!.sights.length, 750)
})
