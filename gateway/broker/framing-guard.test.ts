import { once } from 'node:events'
import { Duplex } from 'node:stream'
import { generate, type Packet } from 'mqtt-packet'
import t from 'tap'
import { FrameScanner, guardFraming } from './framing-guard.ts'
import { TokenBucket } from './token-bucket.ts'

const connect = generate({ cmd: 'connect', clientId: 'x', clean: true, keepalive: 60 } as Packet)

function publish(bytes: number): Buffer {
  return generate({ cmd: 'publish', topic: 'a', payload: Buffer.alloc(bytes), qos: 0 } as Packet)
}

function guarded(t: { teardown(undo: () => void): void }, loginPacketBytes = 1000) {
  const socket = new Duplex({ read: () => {}, write: (_chunk, _encoding, done) => done() })
  socket.on('error', () => {})
  t.teardown(() => socket.destroy())
  const faults: Array<{ fault: string; declaredBytes: number }> = []
  const throttles: number[] = []
  let now = 0
  const guard = guardFraming(socket, {
    loginPacketBytes,
    now: () => now,
    onFault: (fault, declaredBytes) => faults.push({ fault, declaredBytes }),
    onThrottle: () => throttles.push(now),
    onRead: () => {},
  })
  const passed: Buffer[] = []
  socket.on('readable', () => {
    const chunk = socket.read() as Buffer | null
    if (chunk) passed.push(chunk)
  })
  const setNow = (value: number) => {
    now = value
  }
  return { socket, guard, faults, throttles, passed, setNow, all: () => Buffer.concat(passed) }
}

async function turns(count: number): Promise<void> {
  for (let n = 0; n < count; n++) await new Promise((resolve) => setImmediate(resolve))
}

t.test('packets are followed however they are cut into pieces', async (t) => {
  const stream = Buffer.concat([
    connect,
    publish(10),
    publish(0),
    publish(5000),
    Buffer.from([0xc0, 0x00]),
    publish(200_000),
  ])
  for (const size of [1, 2, 3, 7, 1000, stream.length]) {
    const scanner = new FrameScanner(300_000)
    let publishes = 0
    let faults = 0
    for (let at = 0; at < stream.length; at += size) {
      const result = scanner.scan(stream.subarray(at, at + size))
      if (result.fault) faults++
      publishes += result.publishes
    }
    t.equal(faults, 0)
    t.equal(publishes, 4, `in pieces of ${size}`)
    t.equal(scanner.atBoundary, true)
  }
})

t.test('a packet is refused by what it declares, before any of it has come', async (t) => {
  const { socket, faults, passed } = guarded(t)
  socket.push(Buffer.from([0x10, 0x80, 0xe5, 0x9a, 0x77]))
  await once(socket, 'close')
  t.same(faults, [{ fault: 'too-large', declaredBytes: 250_000_000 }])
  t.same(passed, [])
})

t.test('what does not begin as MQTT is cut at once', async (t) => {
  for (const bytes of ['GET / HTTP/1.1\r\n', '\x16\x03\x01', '\x30\x02ab', '\x11\x00']) {
    const { socket, faults } = guarded(t)
    socket.push(Buffer.from(bytes, 'latin1'))
    await once(socket, 'close')
    t.match(faults, [{ fault: 'not-mqtt' }], JSON.stringify(bytes))
  }
})

t.test('a length of more than four bytes is malformed', async (t) => {
  const { socket, faults } = guarded(t)
  socket.push(Buffer.from([0x10, 0xff, 0xff, 0xff, 0xff, 0x01]))
  await once(socket, 'close')
  t.match(faults, [{ fault: 'malformed-length' }])
})

t.test('what follows the login packet waits until the login is accepted', async (t) => {
  const { socket, guard, all } = guarded(t)
  socket.push(Buffer.concat([connect, publish(3000)]))
  await turns(5)
  t.same(all(), connect)
  guard.loggedIn(10_000)
  await turns(5)
  t.same(all(), Buffer.concat([connect, publish(3000)]))
})

t.test('after the login larger packets pass, and still not any', async (t) => {
  const { socket, guard, faults, all } = guarded(t)
  socket.push(connect)
  await turns(3)
  guard.loggedIn(10_000)
  socket.push(publish(9_000))
  await turns(5)
  t.equal(all().length, connect.length + publish(9_000).length)
  socket.push(publish(11_000).subarray(0, 5))
  await once(socket, 'close')
  t.match(faults, [{ fault: 'too-large' }])
})

t.test('a full receive buffer is handed over in slices, one per turn, and completely', async (t) => {
  const { socket, guard, passed, all } = guarded(t)
  socket.push(connect)
  await turns(3)
  guard.loggedIn(100_000)
  await turns(2)
  const load = Buffer.concat(Array.from({ length: 600 }, () => publish(100)))
  socket.push(load)
  await turns(20)
  t.same(all().subarray(connect.length), load)
  t.ok(Math.max(...passed.map((chunk) => chunk.length)) <= 8192)
})

t.test('a client over its rate is paused and loses nothing', async (t) => {
  const { socket, guard, throttles, passed, setNow, all } = guarded(t)
  // The guard's own timers keep no process alive; in the broker its listener does.
  const alive = setInterval(() => {}, 1000)
  t.teardown(() => clearInterval(alive))
  socket.push(connect)
  await turns(3)
  const bytes = { burst: 1e9, perSecond: 1e9 }
  guard.loggedIn(100_000, { publishes: { burst: 10, perSecond: 1000 }, bytes })
  await turns(2)
  const load = Buffer.concat(Array.from({ length: 300 }, () => publish(50)))
  socket.push(load)
  let now = 0
  while (all().length < connect.length + load.length) {
    now += 50
    setNow(now)
    await once(socket, 'readable')
  }
  t.same(all().subarray(connect.length), load)
  t.ok(throttles.length > 2)
  t.ok(passed.length > 4)
})

t.test('a bucket allows a burst, then a rate, and forgives when left alone', async (t) => {
  const bucket = new TokenBucket({ burst: 5, perSecond: 10 }, 0)
  t.equal(bucket.take(5, 0), 0)
  t.equal(bucket.take(1, 0), 100)
  t.equal(bucket.tryTake(0), false)
  t.equal(bucket.tryTake(150), false, 'a refusal cost nothing, but the debt is not paid yet')
  t.equal(bucket.tryTake(300), true)
  t.equal(bucket.full(300), false)
  t.equal(bucket.full(2000), true)
  t.equal(bucket.take(1, -5000), 0, 'a clock set back takes nothing away')
})
