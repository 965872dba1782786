import t from 'tap'
import { createFrameSlots } from './frame-slots.ts'

const time = { at: 1, mediaMs: 2, session: 'a' }

t.test('a picture is reused only after everybody has let go of it', (t) => {
  const slots = createFrameSlots(4, 2, 1)
  const frame = slots.take()!.toFrame('lift', time)
  t.equal(frame.data.length, 12)
  t.ok(frame.data.buffer instanceof SharedArrayBuffer, 'a worker reads it without a copy')
  frame.retain()
  frame.release()
  let freed = 0
  slots.onFree = () => freed++
  t.equal(slots.take(), undefined)
  frame.release()
  t.equal(freed, 1)
  t.ok(slots.take())
  t.end()
})

t.test('a frame that is given back too often, or kept too late, is a mistake that shows', (t) => {
  const slots = createFrameSlots(4, 2, 2)
  const frame = slots.take()!.toFrame('lift', time)
  frame.release()
  t.throws(() => frame.release(), /released more often/)
  t.throws(() => frame.retain(), /after its last release/)
  t.end()
})
