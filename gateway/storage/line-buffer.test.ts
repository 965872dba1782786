import { join } from 'node:path'
import t from 'tap'
import { createMemoryBuffer, openDiskBuffer } from './line-buffer.ts'

const lines = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => `m,device=a value=${from + i}`)

for (const where of ['memory', 'disk'] as const)
  t.test(`in ${where}: what was not accepted comes first again, and the oldest go when it is full`, async (t) => {
    const buffer = where === 'memory' ? createMemoryBuffer(100) : openDiskBuffer(join(t.testdir(), 'lines.db'), 100)
    t.teardown(() => buffer.close())
    t.equal(buffer.push(lines(0, 20)), 0)
    t.equal(buffer.push(lines(20, 40)), 0)
    const batch = buffer.take(20)
    t.same(batch, lines(0, 20))
    t.equal(buffer.size, 20)
    buffer.putBack(batch)
    t.equal(buffer.size, 40)
    t.same(buffer.take(20), lines(0, 20), 'the same again')
    buffer.settle()
    t.same(buffer.take(20), lines(20, 40))
    buffer.settle()
    t.equal(buffer.size, 0)
    let gone = 0
    for (let n = 0; n < 15; n++) gone += buffer.push(lines(n * 10, n * 10 + 10))
    t.equal(gone, 50)
    t.equal(buffer.size, 100)
    t.same(buffer.take(10), lines(50, 60))
  })

t.test('what waits on disk is there after a restart, also what was on its way', async (t) => {
  const file = join(t.testdir(), 'lines.db')
  const first = openDiskBuffer(file, 1000)
  first.push(lines(0, 10))
  first.push(lines(10, 20))
  first.take(10)
  first.settle()
  first.take(10)
  first.close()
  const second = openDiskBuffer(file, 1000)
  t.teardown(() => second.close())
  t.equal(second.size, 10)
  t.same(second.take(100), lines(10, 20))
})
