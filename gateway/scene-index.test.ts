import t from 'tap'
import type { Scene } from './core/scene.ts'
import { createSceneIndex, type RunningScene } from './scene-index.ts'

function sleeper(name: string): RunningScene & { wakesAt: number } {
  const running = { kind: name, cameras: [], devices: [name], wakesAt: Number.POSITIVE_INFINITY }
  const scene: Scene = { observe: () => [], wakeAt: () => running.wakesAt }
  return Object.assign(running, { scene })
}

t.test('a scene gets its tick when it asked for it, and the others sleep', async (t) => {
  const [door, smoke, always] = [sleeper('door'), sleeper('smoke'), sleeper('lift')]
  const { scene } = always
  const index = createSceneIndex([door, smoke, { ...always, scene: { observe: scene.observe } }])
  const kinds = (at: number) => index.takeDue(at).map(({ kind }) => kind)
  t.same(kinds(1_000_000), ['lift'])
  door.wakesAt = 1_002_500
  index.requeue(door)
  t.same(kinds(1_002_000), ['lift'])
  t.same(kinds(1_003_000), ['lift', 'door'])
  t.same(kinds(1_004_000), ['lift'], 'once')
  door.wakesAt = 1_010_000
  index.requeue(door)
  door.wakesAt = 1_006_000
  index.requeue(door)
  t.same(kinds(1_006_000), ['lift', 'door'], 'earlier than it first said')
  door.wakesAt = 1_010_000
  index.requeue(door)
  door.wakesAt = Number.POSITIVE_INFINITY
  index.requeue(door)
  t.same(kinds(1_020_000), ['lift'], 'or not at all')
})

t.test('after a long sleep of the machine nothing that was due is left out, in its order', async (t) => {
  const [door, smoke] = [sleeper('door'), sleeper('smoke')]
  const index = createSceneIndex([door, smoke])
  index.takeDue(0)
  smoke.wakesAt = 5000
  index.requeue(smoke)
  door.wakesAt = 3000
  index.requeue(door)
  t.same(
    index.takeDue(24 * 3600_000).map(({ kind }) => kind),
    ['door', 'smoke'],
  )
})

t.test('a clock that is set back wakes everybody instead of letting them wait for the old time', async (t) => {
  const door = sleeper('door')
  const index = createSceneIndex([door])
  index.takeDue(10 * 3600_000)
  door.wakesAt = 10 * 3600_000 + 5000
  index.requeue(door)
  t.same(
    index.takeDue(9 * 3600_000).map(({ kind }) => kind),
    ['door'],
  )
  door.wakesAt = 9 * 3600_000 + 5000
  index.requeue(door)
  t.equal(index.takeDue(9 * 3600_000 + 4000).length, 0)
  t.equal(index.takeDue(9 * 3600_000 + 5000).length, 1)
})

t.test('a device and a camera find their scenes and no others', async (t) => {
  const [door, smoke] = [sleeper('door'), sleeper('smoke')]
  const index = createSceneIndex([door, smoke, { ...sleeper('cab'), cameras: ['cam-1'] }])
  t.same(
    index.ofDevice('door').map(({ kind }) => kind),
    ['door'],
  )
  t.same(
    index.ofCamera('cam-1').map(({ kind }) => kind),
    ['cab'],
  )
  t.same(index.ofDevice('stranger'), [])
})
