import { createRequire } from 'node:module'
import t from 'tap'
import { FairEmitter, type Message } from './emitter.ts'
import { nodeTestOn } from './node-test-context.ts'

const require = createRequire(import.meta.url)

t.test('the emitter keeps the contract of mqemitter', async (t) => {
  const suite = nodeTestOn(t)
  require('mqemitter/abstractTest.js')({ builder: (options: object) => new FairEmitter(options), test: suite.test })
  await suite.done()
})

t.test('a listener that never finishes holds back neither the sender nor the other listeners', async (t) => {
  const emitter = new FairEmitter()
  const heard: string[] = []
  emitter.on('alarm/#', () => {
    // Never calls done, like a subscriber whose socket is full.
  })
  emitter.on('alarm/+', (message, done) => {
    heard.push(message.topic)
    done()
  })
  let finished = 0
  for (let i = 0; i < 100_000; i++) emitter.emit({ topic: 'alarm/1' }, () => finished++)
  t.equal(finished, 100_000)
  t.equal(heard.length, 100_000)
  t.equal(emitter.length, 0)
})

t.test('a chain of listeners that answer with messages uses no stack, however long it is', async (t) => {
  const emitter = new FairEmitter()
  let count = 0
  emitter.on('again', (message) => {
    if (++count < 200_000) emitter.emit(message)
  })
  emitter.emit({ topic: 'again' })
  t.equal(count, 200_000)
})

t.test('every listener sees messages in the order they were sent, also those sent from a listener', async (t) => {
  const emitter = new FairEmitter()
  const first: string[] = []
  const second: string[] = []
  emitter.on('#', (message) => {
    first.push(message.topic)
    if (message.topic === 'a') emitter.emit({ topic: 'b' })
  })
  emitter.on('#', (message) => {
    second.push(message.topic)
  })
  emitter.emit({ topic: 'a' })
  emitter.emit({ topic: 'c' })
  t.same(first, ['a', 'b', 'c'])
  t.same(second, ['a', 'b', 'c'])
})

t.test('a listener may remove itself while it is being called', async (t) => {
  const emitter = new FairEmitter()
  const heard: string[] = []
  const once = (message: Message) => {
    heard.push(`once ${message.topic}`)
    emitter.removeListener('x', once)
  }
  emitter.on('x', once)
  emitter.on('x', (message) => {
    heard.push(`always ${message.topic}`)
  })
  emitter.emit({ topic: 'x' })
  emitter.emit({ topic: 'x' })
  t.same(heard, ['once x', 'always x', 'always x'])
})

t.test('a listener that throws leaves the emitter usable', async (t) => {
  const emitter = new FairEmitter()
  emitter.on('bad', () => {
    throw new Error('listener failed')
  })
  t.throws(() => emitter.emit({ topic: 'bad' }), /listener failed/)
  t.equal(emitter.current, 0)
  let heard = 0
  emitter.on('good', () => {
    heard++
  })
  emitter.emit({ topic: 'good' })
  t.equal(heard, 1)
})

t.test('nothing of a removed filter remains in memory', async (t) => {
  const emitter = new FairEmitter()
  const listener = () => {}
  for (let i = 0; i < 10; i++) emitter.on(`site/a/device-${i}/#`, listener)
  for (let i = 0; i < 10; i++) emitter.removeListener(`site/a/device-${i}/#`, listener)
  t.equal(emitter.filters, 0)
})
