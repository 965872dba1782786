import t from 'tap'
import { type FeatureName, featureNames } from './features.ts'
import { isFreeFall, isHeavyFall, isPlausible } from './plausible.ts'

/** A bottle from the ninth floor, seen from the beginning on a calibrated facade. */
const bottle = {
  ...(Object.fromEntries(featureNames.map((name) => [name, 0])) as Record<FeatureName, number>),
  ...{ durationS: 2, sightShare: 1, steepness: 0.97, drop: 0.5, dropM: 19, bodyM: 0.2 },
  ...{ accelerationMs2: 8.5, startSpeedMs: 1.5, endSpeedMs: 17, startMs2: 9.5, endMs2: 7.5, residualM: 0.1 },
  ...{ beside: 0, aboveM: -8 },
}

t.test('a bottle from the ninth floor may have been thrown, a bird beside or above the building may not', async (t) => {
  t.ok(isPlausible(bottle))
  t.notOk(isPlausible({ ...bottle, beside: 0.6 }), 'beside the facade')
  t.notOk(isPlausible({ ...bottle, aboveM: 15 }), 'above the roof')
})

t.test('rain and insects near the lens are ruled out by their speed, size and turns', async (t) => {
  t.notOk(isPlausible({ ...bottle, startSpeedMs: 34, endSpeedMs: 36 }))
  t.notOk(isPlausible({ ...bottle, bodyM: 3 }))
  t.notOk(isPlausible({ ...bottle, startMs2: 55, endMs2: -48 }))
})

t.test('from a low floor three metres are enough for what falls freely, and for nothing else', async (t) => {
  const low = { ...bottle, durationS: 0.7, drop: 0.15, dropM: 2.9, endSpeedMs: 6.5, accelerationMs2: 9.4 }
  t.ok(isPlausible(low))
  t.notOk(isPlausible({ ...low, accelerationMs2: 2 }))
  t.notOk(isPlausible({ ...low, dropM: 1.5 }))
})

t.test('what came down from high faster and faster fell, whatever was seen of it afterwards', async (t) => {
  t.ok(isHeavyFall(bottle))
  t.notOk(isHeavyFall({ ...bottle, accelerationMs2: 0.1, endSpeedMs: 6 }), 'a drone sinks steadily')
})

t.test(
  'a small thing seen in half of the pictures of a long free fall fell, one seen in few or not freely is not told',
  async (t) => {
    const seen = { ...bottle, sightShare: 0.5, durationS: 2.6, dropM: 30, endSpeedMs: 22, residualM: 0.2 }
    t.ok(isPlausible(seen))
    t.ok(isFreeFall(seen))
    t.notOk(isPlausible({ ...seen, sightShare: 0.3 }), 'in few pictures')
    t.notOk(isPlausible({ ...seen, residualM: 1.5 }), 'off the path of a fall')
    t.notOk(isPlausible({ ...seen, accelerationMs2: 1 }), 'too slowly')
    t.notOk(isPlausible({ ...seen, durationS: 1, dropM: 12 }), 'for a moment')
  },
)
