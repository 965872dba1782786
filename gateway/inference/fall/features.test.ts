import { readFile } from 'node:fs/promises'
import t from 'tap'
import { angleBetween, fallChannels, fallFeatures, gravityAfter, gravityBefore, windowRows } from './features.ts'
import { findCandidates } from './trigger.ts'

interface Golden {
  cases: Array<{ samples: number[][]; candidates: number[]; features: number[][] }>
}
const golden = JSON.parse(await readFile(new URL('./features.golden.json', import.meta.url), 'utf8')) as Golden

t.test('the gateway computes what the training computed', async (t) => {
  t.ok(golden.cases.length >= 6)
  for (const [number, { samples, candidates, features }] of golden.cases.entries()) {
    const found = fallFeatures(samples.flat())
    let worst = 0
    for (const [channel, rows] of features.entries()) {
      for (const [row, value] of rows.entries()) {
        worst = Math.max(worst, Math.abs(value - found[channel * windowRows + row]!))
      }
    }
    t.ok(worst < 2e-6, `case ${number}: largest difference ${worst}`)
    const norm = (slot: number) => Math.hypot(...(samples[slot] ?? [0]))
    t.same(findCandidates(norm, 0, windowRows - 1, 1.4), candidates, `case ${number}: the same candidates`)
  }
  t.equal(golden.cases[0]!.features.length, fallChannels.length)
})

t.test('which axis is which, and which way it points, makes no difference', async (t) => {
  const samples = golden.cases[0]!.samples
  const plain = fallFeatures(samples.flat())
  const turned = fallFeatures(samples.flatMap(([x, y, z]) => [-y!, z!, -x!]))
  for (let i = 0; i < plain.length; i++) if (Math.abs(plain[i]! - turned[i]!) > 1e-6) t.fail(`value ${i} differs`)
  t.pass()
})

t.test('gravity before and after is not swayed by the impact', async (t) => {
  const window = Array.from({ length: windowRows }, (_, row) =>
    row === 100 ? [9, 9, 9] : row < 100 ? [0, 0, 1] : [1, 0, 0],
  ).flat()
  t.same(gravityBefore(window), [0, 0, 1])
  t.same(gravityAfter(window), [1, 0, 0])
  t.equal(Math.round(angleBetween(gravityBefore(window), gravityAfter(window))), 90)
  t.ok(Number.isNaN(angleBetween([0, 0, 0], [0, 0, 1])), 'nothing is said of a sensor that feels nothing')
})

t.test('a sensor that feels nothing gives numbers all the same', async (t) => {
  const features = fallFeatures(new Float64Array(3 * windowRows))
  t.ok(features.every(Number.isFinite))
})
