import { fileURLToPath } from 'node:url'
import t from 'tap'
import { calibrationOf, createBuilding } from '../../simulators/facades/building.ts'
import { createScene, type ScenePlan } from '../../simulators/facades/scene.ts'
import { createFacadeMap } from './calibration.ts'
import { createClassifier, loadFallingModel } from './classifier.ts'
import { createFallingEngine } from './engine.ts'
import type { Throw } from './throw.ts'

const model = await loadFallingModel(fileURLToPath(new URL('../../models/falling-track/model.json', import.meta.url)))
const width = 640

/** Shows a rendered scene to the engine. */
function watch(plan: Partial<ScenePlan>) {
  const scene = createScene({
    ...{ building: 301, seed: 1, width, framesPerSecond: 25, seconds: 8, daylight: 'day', noise: 1.5 },
    ...{ throws: [], distractors: [], disturbances: [] },
    ...plan,
  })
  const events: Throw[] = []
  const engine = createFallingEngine({
    ...{ width, height: scene.height, classifier: createClassifier(model) },
    map: createFacadeMap(calibrationOf(createBuilding(plan.building ?? 301, width))),
    onThrow: (event) => events.push(event),
  })
  const picture = new Uint8ClampedArray(width * scene.height)
  const luma = new Uint8Array(picture.buffer)
  for (let frame = 0; frame < scene.frames; frame++) {
    scene.next(picture)
    engine.observe(luma, frame * 40)
  }
  engine.finish()
  return { events, truth: scene.truth(), engine }
}

t.test('a bag thrown from a flat is one event, with the floor it came from and the time it took', async (t) => {
  const { events, truth } = watch({ throws: [{ at: 2.5, kind: 'bag' }] })
  const [thrown] = truth.throws
  const boxes = truth.tracks.object!
  t.equal(events.length, 1)
  const [event] = events
  t.ok(Math.abs(event!.origin!.floor - thrown!.floor) <= 1, `floor ${event!.origin!.floor} for ${thrown!.floor}`)
  t.ok(event!.origin!.floorFrom <= event!.origin!.floor && event!.origin!.floor <= event!.origin!.floorTo)
  t.ok(event!.fromMs < boxes[0]!.f * 40 + 700, 'it was seen from early on')
  t.ok(event!.toMs > boxes.at(-1)!.f * 40 - 700, 'and to the end')
  t.ok(event!.features.accelerationMs2 > 2, 'it gathered speed as things do that fall')
})

t.test('its mirror image in a glass facade is the same throw', async (t) => {
  const building = [301, 302, 303, 304, 305, 306, 307, 308].find((number) => createBuilding(number, width).isGlass)!
  const { events, truth } = watch({ building, throws: [{ at: 2.5, kind: 'bag' }] })
  t.ok(truth.tracks.window_reflection!.length > 10, 'the glass did show it')
  t.equal(events.length, 1)
})

for (const [what, plan] of [
  ['birds', { distractors: ['birds'] }],
  ['a light switched on, and one floor after the other in the stairwell', { distractors: ['lights'] }],
  ['a pole that shakes in the wind', { disturbances: ['shake'] }],
  ['an exposure that follows the clouds', { disturbances: ['exposure', 'clouds'] }],
  ['washing on the line and a curtain in the draught', { distractors: ['laundry', 'curtains'] }],
] as const)
  t.test(`${what}: no throw`, async (t) => {
    const { events } = watch({ seed: 11, seconds: 8, ...plan })
    t.same(events, [])
  })

t.test('a throw is found although the pole shakes', async (t) => {
  const { events } = watch({ throws: [{ at: 2.5, kind: 'bag' }], disturbances: ['shake'] })
  t.equal(events.length, 1)
})

t.test('another view is learnt anew, and nothing is told meanwhile', async (t) => {
  const events: Throw[] = []
  const scenes = [301, 305].map((building) =>
    createScene({
      ...{
        building,
        seed: 3,
        width,
        framesPerSecond: 25,
        seconds: 3,
        daylight: building === 301 ? 'day' : 'night',
        noise: 1.5,
      },
      ...{ throws: [], distractors: [], disturbances: [] },
    }),
  )
  const height = scenes[0]!.height
  const engine = createFallingEngine({
    ...{ width, height, classifier: createClassifier(model) },
    onThrow: (event) => events.push(event),
  })
  const picture = new Uint8ClampedArray(width * height)
  for (let frame = 0; frame < 120; frame++) {
    scenes[frame < 60 ? 0 : 1]!.next(picture)
    engine.observe(new Uint8Array(picture.buffer), frame * 40)
  }
  engine.finish()
  t.equal(engine.counters.relearnt, 1)
  t.ok(engine.counters.unknownFrames >= 10, 'the pictures in between were not judged')
  t.same(events, [])
})
