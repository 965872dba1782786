import t, { type Test } from 'tap'
import type { ElderGlance } from '../../api/schemas/index.ts'
import { until } from '../../testing/until.ts'
import { createElderWatch } from './elder-watch.ts'

/** A page whose timer goes when the test says so, and a gateway that answers when the test says so. */
function build(t: Test) {
  const timers = new Map<number, () => void>()
  const page = Object.assign(new EventTarget(), { visibilityState: 'visible' })
  let ids = 0
  const window = {
    setInterval(work: () => void) {
      timers.set(++ids, work)
      return ids
    },
    clearInterval: (id: number) => timers.delete(id),
  }
  Object.assign(globalThis, { window, document: page })
  t.teardown(() => {
    for (const name of ['window', 'document']) Reflect.deleteProperty(globalThis, name)
  })
  const waiting: Array<(items: string[] | Error) => void> = []
  const heard: boolean[] = []
  let asked = 0
  const watch = createElderWatch({
    get() {
      asked++
      return new Promise((resolve, reject) => {
        waiting.push((items) =>
          items instanceof Error ? reject(items) : resolve({ items: items.map((id) => ({ id }) as ElderGlance) }),
        )
      })
    },
    onHeard: (isHeard) => heard.push(isHeard),
  })
  return {
    watch,
    heard,
    page,
    get asked() {
      return asked
    },
    get timers() {
      return timers.size
    },
    tick() {
      for (const work of timers.values()) work()
    },
    async answer(items: string[] | Error, isTaken = true) {
      const before = heard.length
      const next = await until('the gateway is asked', () => waiting.shift())
      next(items)
      if (isTaken) await until('the answer is taken', () => heard.length > before)
    },
    shown: () => watch.state.elders.map(({ id }) => id),
  }
}

t.test('two parts of the page watch, and one asking serves both until the last has gone', async (t) => {
  const scene = build(t)
  const [first, second] = [scene.watch.watch(), scene.watch.watch()]
  await scene.answer(['e1'])
  await scene.answer(['e1', 'e2'])
  t.same(scene.shown(), ['e1', 'e2'])
  t.equal(scene.timers, 1)
  first()
  first()
  t.equal(scene.timers, 1, 'who leaves twice leaves once')
  second()
  t.equal(scene.timers, 0)
})

t.test('what was asked while an answer was under way is asked once more, not ten times', async (t) => {
  const scene = build(t)
  scene.watch.watch()
  for (let n = 0; n < 10; n++) scene.tick()
  t.equal(scene.asked, 1)
  await scene.answer(['old'])
  await scene.answer(['new'])
  t.same(scene.shown(), ['new'])
  t.equal(scene.asked, 2)
})

t.test('a gateway that is not heard changes nothing of what is shown, and is told', async (t) => {
  const scene = build(t)
  scene.watch.watch()
  await scene.answer(['e1'])
  scene.tick()
  await scene.answer(new Error('no network'))
  t.same(scene.shown(), ['e1'])
  t.same(scene.heard, [true, false])
})

t.test('a page that is looked at again asks at once', async (t) => {
  const scene = build(t)
  scene.watch.watch()
  await scene.answer(['e1'])
  scene.page.visibilityState = 'hidden'
  scene.page.dispatchEvent(new Event('visibilitychange'))
  t.equal(scene.asked, 1)
  scene.page.visibilityState = 'visible'
  scene.page.dispatchEvent(new Event('visibilitychange'))
  t.equal(scene.asked, 2)
})

t.test('an answer that comes after the logout is not shown to the next person', async (t) => {
  const scene = build(t)
  scene.watch.watch()
  scene.watch.end()
  scene.watch.watch()
  await scene.answer(['of the former'], false)
  await scene.answer(['of the next'])
  t.same(scene.shown(), ['of the next'])
})
