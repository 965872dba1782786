import t from 'tap'
import { colourFrame, grey } from './testing/frame.ts'
import { createWaitingRoom, type WaitingFrame } from './waiting-room.ts'

const waits = (camera: string, arrivedAt: number, priority = 0): WaitingFrame => ({
  frame: colourFrame(camera, grey),
  priority,
  arrivedAt,
  resolve() {},
})
const nobody = new Set<string>()

t.test('the most important goes first, then who has waited longest', async (t) => {
  const room = createWaitingRoom({ patienceMs: 1_000 })
  for (const frame of [waits('a', 3), waits('b', 1), waits('c', 2, 5), waits('d', 4, 5)]) room.put(frame)
  const order = Array.from({ length: 5 }, () => room.take(10, nobody)?.frame.camera)
  t.same(order, ['c', 'd', 'b', 'a', undefined])
})

t.test('a newer frame takes the place of the older but not its patience', async (t) => {
  const room = createWaitingRoom({ patienceMs: 1_000 })
  const first = waits('a', 0)
  t.equal(room.put(first), undefined)
  room.put(waits('b', 5))
  t.equal(room.put(waits('a', 10)), first)
  t.equal(room.size, 2)
  t.match(room.take(20, nobody), { arrivedAt: 10, frame: { camera: 'a' } })
})

t.test('a camera with a frame in work is passed over', async (t) => {
  const room = createWaitingRoom({ patienceMs: 1_000 })
  room.put(waits('a', 0, 9))
  room.put(waits('b', 1))
  t.equal(room.take(2, new Set(['a']))?.frame.camera, 'b')
  t.equal(room.take(2, new Set(['a'])), undefined)
})

t.test('nobody starves: every fourth look goes to whoever lost patience, three stay with the important', async (t) => {
  const room = createWaitingRoom({ patienceMs: 1_000 })
  let now = 0
  const served: string[] = []
  for (const camera of ['idle-1', 'idle-2', 'idle-3']) room.put(waits(camera, now))
  for (let i = 0; i < 40; i++) {
    now += 100
    room.put(waits('busy', now, 5))
    served.push(room.take(now, nobody)!.frame.camera)
  }
  t.same(served.slice(0, 10), Array(10).fill('busy'), 'strict while everyone is patient')
  t.same(
    served.filter((camera) => camera !== 'busy'),
    ['idle-1', 'idle-2', 'idle-3'],
    'oldest first',
  )
  const turns = served.flatMap((camera, i) => (camera === 'busy' ? [] : [i]))
  t.ok(turns.every((turn, i) => i === 0 || turn - turns[i - 1]! >= 4))
})

t.test('draining hands everyone out', async (t) => {
  const room = createWaitingRoom({ patienceMs: 1_000 })
  room.put(waits('a', 0))
  room.put(waits('b', 0))
  t.equal(room.drain().length, 2)
  t.equal(room.size, 0)
})
