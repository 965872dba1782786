import t from 'tap'
import { createFrameGate, type FrameGate } from './gate.ts'

const width = 160
const height = 90
const bike = { label: 'e-bike', score: 0.9, box: { x: 0, y: 0, width: 0.5, height: 0.5 } }

/** A still camera at 5 fps whose picture can be changed; `show` answers for each frame whether it was wanted. */
function createCamera(gate: FrameGate) {
  const data = new Uint8Array(new SharedArrayBuffer((width * height * 3) / 2)).fill(100)
  let at = 1_000_000
  return {
    session: 'first',
    now: () => at,
    jump(ms: number) {
      at += ms
    },
    block(from: number, to: number, grey: number) {
      for (let y = 20; y < 60; y++) data.fill(grey, y * width + from, y * width + to)
    },
    light(grey: number) {
      data.fill(grey)
    },
    /** Shows `count` frames; every wanted one is answered with `found`, unless nobody answers. */
    show(count: number, found: (typeof bike)[] | 'no answer' = []): number {
      let wanted = 0
      for (let i = 0; i < count; i++) {
        at += 200
        const frame = { camera: 'c', width, height, data, retain() {}, release() {} }
        const isWanted = gate.wants({ ...frame, time: { at, mediaMs: 0, session: this.session } })
        if (isWanted) wanted++
        if (isWanted && found !== 'no answer') gate.found(found, at)
      }
      return wanted
    },
  }
}

t.test('an empty, still cab costs one look in ten seconds', async (t) => {
  const gate = createFrameGate()
  const camera = createCamera(gate)
  t.equal(camera.show(1), 1, 'the first frame is always looked at')
  t.equal(camera.show(49), 0)
  t.equal(camera.show(1), 1, 'ten seconds later')
  t.equal(camera.show(300), 6)
  t.match(gate.stats(), { wanted: { first: 1, due: 7 }, spared: 343 })
})

t.test('while something moves every frame is looked at', async (t) => {
  const camera = createCamera(createFrameGate())
  camera.show(5)
  let wanted = 0
  for (let i = 0; i < 10; i++) {
    camera.block(10 * i, 10 * i + 40, 200)
    wanted += camera.show(1)
    camera.light(100)
  }
  t.equal(wanted, 10)
})

t.test('what was seen and stands still is looked at once a second until it is gone', async (t) => {
  const gate = createFrameGate()
  const camera = createCamera(gate)
  camera.show(1, [bike])
  t.ok(gate.isOccupied(camera.now()))
  t.equal(camera.show(50, [bike]), 10)
  t.equal(camera.show(25, []), 4, 'remembered for five seconds after the last sighting')
  t.notOk(gate.isOccupied(camera.now()))
  t.equal(camera.show(20, []), 0)
})

t.test('only what is of interest keeps a camera being looked at', async (t) => {
  const camera = createCamera(createFrameGate({ isOfInterest: ({ label }) => label === 'e-bike' }))
  t.equal(camera.show(26, [{ ...bike, label: 'stroller' }]), 1)
})

t.test('a scene gets every frame until the instant it asked for', async (t) => {
  const gate = createFrameGate()
  const camera = createCamera(gate)
  camera.show(5)
  gate.attend(camera.now() + 2_000)
  gate.attend(camera.now() + 500)
  t.equal(camera.show(20), 9, 'the longer wish counts')
})

t.test('a sudden change of light is worth a second of looking', async (t) => {
  const camera = createCamera(createFrameGate())
  camera.show(10)
  camera.light(180)
  t.equal(camera.show(20), 5)
})

t.test('a frame whose analysis was lost is asked for again', async (t) => {
  const camera = createCamera(createFrameGate())
  t.equal(camera.show(5, 'no answer'), 5)
  t.equal(camera.show(5), 1)
})

t.test('after a reconnect, and after the clock was set back, the first frame is looked at', async (t) => {
  const gate = createFrameGate()
  const camera = createCamera(gate)
  camera.show(5)
  camera.session = 'second'
  t.equal(camera.show(5), 1)
  gate.attend(camera.now() + 3_600_000)
  camera.jump(-3_600_000)
  t.equal(camera.show(5), 1, 'and a wish made by the old time is void')
})

t.test('a place is still when nothing has moved, been seen or been asked for in five seconds', async (t) => {
  const gate = createFrameGate()
  const camera = createCamera(gate)
  const isStill = () => gate.isStill(camera.now())
  camera.show(20)
  t.equal(isStill(), false, 'it may be that nobody has looked long enough')
  camera.show(10)
  t.equal(isStill(), true)
  camera.show(60)
  t.equal(isStill(), true, 'a look every ten seconds changes nothing')
  gate.attend(camera.now() + 1000)
  t.equal(isStill(), false, 'a scene asks')
  camera.show(35)
  t.equal(isStill(), true)
  camera.block(20, 80, 200)
  camera.show(1)
  t.equal(isStill(), false, 'something moved')
  camera.light(100)
  camera.show(60)
  t.equal(isStill(), true)
  camera.session = 'second'
  camera.show(1, [bike])
  t.equal(isStill(), false, 'a new stream, and something in it')
  camera.show(40)
  t.equal(isStill(), false, 'it is believed to be still there')
  camera.show(60)
  t.equal(isStill(), true)
})
