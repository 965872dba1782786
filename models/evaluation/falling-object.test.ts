import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { renderScene } from '../../simulators/facades/render.ts'
import type { ScenePlan } from '../../simulators/facades/scene.ts'
import { fallingObject } from './falling-object.ts'

const plan: ScenePlan = {
  ...{ building: 301, seed: 1, width: 640, framesPerSecond: 25, seconds: 8, daylight: 'day', noise: 1 },
  ...{ throws: [{ at: 2.5, kind: 'bag' }], distractors: [], disturbances: [] },
}
const order = (data: string) => ({ data, modelDir: undefined, isQuick: false, values: {} })

t.test('clips, scenes and clips nobody described are measured together', async (t) => {
  const dir = t.testdir()
  await renderScene(plan, join(dir, 'thrown.mp4'))
  await renderScene({ ...plan, throws: [], seconds: 4 }, join(dir, 'nothing.mp4'))
  await writeFile(join(dir, 'broken.mp4'), 'no video')
  await writeFile(join(dir, 'one.scenes.json'), JSON.stringify([plan]))
  const { metrics, problems, table } = await fallingObject.evaluate(order(dir))
  t.equal(metrics.throws, 2)
  t.equal(metrics.eventRecall, 1)
  t.equal(metrics.eventPrecision, 1)
  t.equal(metrics.floorWithin1, 1)
  t.ok(metrics.tro! > 0.6 && metrics.frameF1! > 0.7, 'the event lasts about as long as the fall')
  t.equal(metrics.falsePerCameraHour, 0)
  t.same(
    problems.map(({ where }) => where),
    ['broken.mp4'],
  )
  t.match(table, /bag +2 +2/)
})

t.test('a folder without anything to measure with is refused', async (t) => {
  await t.rejects(fallingObject.evaluate(order(t.testdir({ 'readme.txt': 'hello' }))), {
    message: /nothing to measure with/,
  })
})
