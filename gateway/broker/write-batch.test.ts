import { Writable } from 'node:stream'
import t from 'tap'
import { WriteBatch } from './write-batch.ts'

function recorder(highWaterMark = 16_384) {
  const writes: string[] = []
  let release = () => {}
  const socket = new Writable({
    highWaterMark,
    decodeStrings: true,
    write: (chunk, _encoding, done) => {
      writes.push(chunk.toString())
      release = done
    },
    writev: (chunks, done) => {
      writes.push(Buffer.concat(chunks.map(({ chunk }) => chunk)).toString())
      release = done
    },
  })
  return { socket, writes, taken: () => release() }
}

async function turns(count: number): Promise<void> {
  for (let n = 0; n < count; n++) await new Promise((resolve) => setImmediate(resolve))
}

t.test('what a socket is given in one turn is one write, in order', async (t) => {
  const { socket, writes, taken } = recorder()
  const batch = new WriteBatch()
  batch.attach(socket)
  socket.write('before;')
  taken()
  batch.hold(socket)
  for (const piece of ['a', Buffer.from('b'), 'ä', Buffer.alloc(5000, 'c'), 'd']) socket.write(piece)
  t.equal(batch.heldBytes(socket), 5005)
  t.same(writes, ['before;'])
  await turns(3)
  taken()
  t.same(writes, ['before;', `abä${'c'.repeat(5000)}d`])
  t.equal(batch.heldBytes(socket), 0)
  socket.write('after')
  t.same(writes.at(-1), 'after')
})

t.test('what aedes delivers in the same turn is part of it', async (t) => {
  const { socket, writes } = recorder()
  const batch = new WriteBatch()
  batch.attach(socket)
  batch.hold(socket)
  setImmediate(() => socket.write('delivered '))
  setImmediate(() => socket.write('together'))
  await turns(3)
  t.same(writes, ['delivered together'])
})

t.test('whoever is told to wait is told when to go on', async (t) => {
  const { socket, taken } = recorder(100)
  const batch = new WriteBatch()
  batch.attach(socket)
  let drains = 0
  socket.on('drain', () => drains++)
  batch.hold(socket)
  t.equal(socket.write('x'.repeat(50)), true)
  t.equal(socket.write('x'.repeat(60)), false)
  await turns(3)
  t.equal(drains, 0, 'the socket itself is too full')
  taken()
  await turns(2)
  t.equal(drains, 1)
})

t.test('a socket that is gone by the end of the turn is no error', async (t) => {
  const { socket, writes } = recorder()
  const batch = new WriteBatch()
  batch.attach(socket)
  batch.hold(socket)
  socket.write('lost')
  socket.destroy()
  await turns(3)
  t.same(writes, [])
})
