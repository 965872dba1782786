import t from 'tap'
import { createGate } from './gate.ts'

const bounds = { minMs: 100, maxMs: 1000 }
const highest = () => 0.999999

t.test('pauses grow with failures in a row up to the limit and end with a success', async (t) => {
  const gate = createGate(bounds, highest)
  let now = 0
  const pauses: number[] = []
  for (let n = 0; n < 6; n += 1) {
    gate.failed(now)
    const from = now
    while (!gate.isOpen(now)) now += 1
    pauses.push(now - from)
  }
  t.same(pauses, [100, 200, 400, 800, 1000, 1000])
  gate.failed(now)
  gate.succeeded()
  t.ok(gate.isOpen(now), 'somebody who knocked got through')
})

t.test('workers that fail together count once', async (t) => {
  const gate = createGate(bounds, highest)
  for (let n = 0; n < 4; n += 1) gate.failed(0)
  t.ok(gate.isOpen(100))
})

t.test('a clock that is set back by years ends the pause and does not lengthen it', async (t) => {
  const gate = createGate(bounds, highest)
  const today = Date.UTC(2026, 10, 22)
  const year = 365 * 24 * 3600_000
  gate.failed(today + 10 * year)
  t.notOk(gate.isOpen(today + 10 * year))
  t.ok(gate.isOpen(today), 'NTP has set the clock right')
  gate.failed(today)
  t.notOk(gate.isOpen(today), 'a failure now is a pause of now')
  t.ok(gate.isOpen(today + 200))
})

t.test('a pause the platform asked for is kept, also against knocking, but never for more than an hour', async (t) => {
  const gate = createGate(bounds, highest)
  gate.failed(0)
  t.equal(gate.shutSince(50), 0)
  gate.failed(50, 5000)
  t.equal(gate.shutSince(60), undefined, 'nobody knocks now')
  gate.succeeded()
  t.notOk(gate.isOpen(5000))
  t.ok(gate.isOpen(5050))
  gate.failed(6000, 1e12)
  t.ok(gate.isOpen(6000 + 3600_000))
})
