import t from 'tap'
import { createView, sweepOf } from './view.ts'

const input = { width: 352, height: 352, resize: 'window' } as const
const wide = { width: 640, height: 360 }
const box = (x: number, width = 0.2) => ({ x, y: 0.2, width, height: 0.5 })
const eBike = (x: number) => ({ label: 'e-bike', score: 0.9, box: box(x) })
const covers = (region: { x: number; width: number } | undefined, x: number, width = 0.2) =>
  region !== undefined && region.x <= x * 640 && region.x + region.width >= (x + width) * 640

t.test('a picture of the shape of the input is looked at as a whole', async (t) => {
  t.equal(createView(input).next({ width: 400, height: 360 }, 0), undefined)
  t.equal(createView({ ...input, resize: 'letterbox' }).next(wide, 0, box(0.1)), undefined)
})

t.test('where nothing moves, the windows of a sweep show all of it in turn', async (t) => {
  const view = createView(input)
  const looks = [0, 200, 400].map((at) => view.next(wide, at)!)
  t.same(looks[0], { x: 0, y: 0, width: 360, height: 360 })
  t.same(looks[1], { x: 280, y: 0, width: 360, height: 360 })
  t.same(looks[2], looks[0])
  const tall = sweepOf({ width: 288, height: 640 }, input)
  t.same(
    tall.map(({ y, height }) => [y, y + height]),
    [
      [0, 288],
      [176, 464],
      [352, 640],
    ],
  )
})

t.test('it looks where something moves, and now and then elsewhere', async (t) => {
  const view = createView(input)
  const looks = Array.from({ length: 12 }, (_, i) => view.next(wide, i * 200, box(0.7)))
  t.equal(looks.filter((region) => covers(region, 0.7)).length >= 10, true)
  t.equal(looks.filter((region) => region?.x === 0).length, 1, 'the part without motion was looked at too')
  for (const region of looks) t.ok(region!.x + region!.width <= 640 && region!.x % 2 === 0)
})

t.test('what was seen is kept in sight while something moves beside it', async (t) => {
  const view = createView(input)
  view.next(wide, 0, box(0.3))
  view.saw([eBike(0.3)], 0)
  t.ok(covers(view.next(wide, 200, box(0.55)), 0.3, 0.45), 'one window holds both')
})

t.test('what is too far apart for one window is looked at in turn', async (t) => {
  const view = createView(input)
  view.saw([eBike(0)], 0)
  const looks = Array.from({ length: 5 }, (_, i) => view.next(wide, 200 + i * 200, box(0.8)))
  t.ok(looks.filter((region) => covers(region, 0)).length >= 2)
  t.ok(looks.filter((region) => covers(region, 0.8)).length >= 2)
  t.ok(covers(view.next(wide, 20_000, box(0.8)), 0.8) || covers(view.next(wide, 20_200, box(0.8)), 0.8))
  const later = Array.from({ length: 5 }, (_, i) => view.next(wide, 30_000 + i * 200, box(0.8)))
  t.ok(later.filter((region) => covers(region, 0.8)).length >= 4, 'what was seen long ago is no longer looked after')
})
