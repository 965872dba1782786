import { join } from 'node:path'
import t from 'tap'
import { openSceneMemory } from './scene-memory.ts'

t.test('what was learnt is there after a restart, and goes with the person it was about', async (t) => {
  const file = join(t.testdir(), 'scene-memory.db')
  const first = openSceneMemory({ file, now: () => 1 })
  t.same(first.load(), new Map())
  first.save(
    new Map<string, unknown>([
      ['elder-inactivity/elder:a', { hours: [{ share: 0.25, days: 3 }] }],
      ['elder-vitals/elder:b', { usual: { count: 9 } }],
    ]),
  )
  first.close()

  const second = openSceneMemory({ file, now: () => 2 })
  t.same(second.load().get('elder-inactivity/elder:a'), { hours: [{ share: 0.25, days: 3 }] })
  second.save(new Map([['elder-vitals/elder:b', { usual: { count: 10 } }]]))
  t.same([...second.load()], [['elder-vitals/elder:b', { usual: { count: 10 } }]])
  second.close()

  const third = openSceneMemory({ file, now: () => 3 })
  t.teardown(() => third.close())
  t.same([...third.load()], [['elder-vitals/elder:b', { usual: { count: 10 } }]])
})
