import t from 'tap'
import { createDamageGate } from './damage-gate.ts'

t.test('after damage nothing is shown until a key picture that nobody complains of', (t) => {
  const gate = createDamageGate()
  t.equal(gate.isWhole(0, 0), true)
  gate.onDamage(100)
  t.equal(gate.isWhole(200, 200), false)
  for (const at of [800, 900]) gate.onPicture({ isKey: false, ptsMs: at }, at)
  gate.onPicture({ isKey: true, ptsMs: 1000 }, 1000)
  t.equal(gate.isWhole(1000, 1050), false, 'too early to believe it')
  t.equal(gate.isWhole(900, 1300), false, 'shown before the key picture')
  t.equal(gate.isWhole(1200, 1300), true)
  t.equal(gate.isWhole(1400, 1500), true)
  t.end()
})

t.test('a damaged key picture does not end it', (t) => {
  const gate = createDamageGate()
  gate.onDamage(100)
  for (const at of [800, 900]) gate.onPicture({ isKey: false, ptsMs: at }, at)
  gate.onPicture({ isKey: true, ptsMs: 1000 }, 1000)
  gate.onDamage(1020)
  t.equal(gate.isWhole(1400, 1400), false)
  for (const at of [1800, 1900]) gate.onPicture({ isKey: false, ptsMs: at }, at)
  gate.onPicture({ isKey: true, ptsMs: 2000 }, 2000)
  t.equal(gate.isWhole(2200, 2200), true)
  t.end()
})

t.test('a stream with rare key pictures is believed again when the complaints end', (t) => {
  const gate = createDamageGate()
  gate.onDamage(0)
  t.equal(gate.isWhole(4900, 4900), false)
  t.equal(gate.isWhole(5000, 5000), true)
  t.end()
})

t.test('the picture before a gap comes out after the complaint about it, and does not end the damage', (t) => {
  const gate = createDamageGate()
  gate.onDamage(1000)
  gate.onPicture({ isKey: true, ptsMs: 900 }, 1300)
  t.equal(gate.isWhole(1100, 1500), false)
  t.end()
})
