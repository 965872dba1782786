import t from 'tap'
import type { Box, Detection } from '../../gateway/core/detection.ts'
import { averagePrecision, confusionMatrix, labelFigures } from './box-figures.ts'
import { type Sample, type Truth, toSample } from './samples.ts'

const at = (x: number): Box => ({ x, y: 0, width: 0.1, height: 0.1 })
const bike = (x: number): Truth => ({ label: 'e-bike', box: at(x) })
const found = (x: number, score: number, label = 'e-bike'): Detection => ({ label, score, box: at(x) })

function sample(
  truths: Truth[],
  detections: Detection[],
  more: { neutral?: Box[]; unlabelled?: string[] } = {},
): Sample {
  const lowered = { 'e-bike': detections.filter(({ label }) => label === 'e-bike') }
  return toSample(
    { name: 'picture', truths, neutral: more.neutral ?? [], unlabelled: new Set(more.unlabelled) },
    { detections: detections.filter(({ score }) => score >= 0.5), lowered },
  )
}

t.test('average precision is the area below the curve of all points', async (t) => {
  // Right, false, right, with three to be found: precision 1 at recall 1/3, 2/3 at recall 2/3, and never more.
  const samples = [
    sample([bike(0), bike(0.2)], [found(0, 0.9), found(0.5, 0.8)]),
    sample([bike(0.4)], [found(0.4, 0.7)]),
  ]
  t.ok(Math.abs(averagePrecision(samples, 'e-bike') - (1 / 3) * (1 + 2 / 3)) < 1e-9)
})

t.test('precision between two finds is that of the better one behind them', async (t) => {
  const samples = [
    sample(
      [bike(0), bike(0.2), bike(0.4)],
      [0.9, 0.3, 0, 0.2, 0.4].map((x, i) => found(x, 0.9 - i / 10)),
    ),
  ]
  // False, false, then three right ones: 3/5 wherever recall grows.
  t.ok(Math.abs(averagePrecision(samples, 'e-bike') - 0.6) < 1e-9)
})

t.test('a second box on the same thing is a false one', async (t) => {
  const [figures] = labelFigures([sample([bike(0)], [found(0, 0.9), found(0.01, 0.8)])], ['e-bike'], () => 0.5)
  t.match(figures, { recall: 1, precision: 0.5, ap50: 1 })
})

t.test('at the threshold only what reaches it counts', async (t) => {
  const [figures] = labelFigures(
    [sample([bike(0), bike(0.5)], [found(0, 0.9), found(0.5, 0.4)])],
    ['e-bike'],
    () => 0.5,
  )
  t.match(figures, { recall: 0.5, precision: 1, ap50: 1, truths: 2 })
})

t.test('what nobody drew in a file cannot be called false there', async (t) => {
  const detections = [found(0, 0.9), found(0.5, 0.8)]
  const [plain] = labelFigures([sample([bike(0)], detections)], ['e-bike'], () => 0.5)
  t.equal(plain?.precision, 0.5)
  const [aware] = labelFigures([sample([bike(0)], detections, { unlabelled: ['e-bike'] })], ['e-bike'], () => 0.5)
  t.equal(aware?.precision, 1)
})

t.test('a find in a neutral place counts neither way', async (t) => {
  const neutral = [{ x: 0.45, y: 0, width: 0.3, height: 0.3 }]
  const [figures] = labelFigures(
    [sample([bike(0)], [found(0, 0.9), found(0.5, 0.8)], { neutral })],
    ['e-bike'],
    () => 0.5,
  )
  t.match(figures, { recall: 1, precision: 1 })
  const [own] = labelFigures([sample([bike(0.5)], [found(0.5, 0.8)], { neutral })], ['e-bike'], () => 0.5)
  t.match(own, { recall: 1, precision: 1 }, 'unless it is a thing that was drawn there')
})

t.test('without anything to find there is no figure', async (t) => {
  t.ok(Number.isNaN(averagePrecision([sample([], [found(0, 0.9)])], 'e-bike')))
})

t.test('confusion tells what was taken for what, and its own kind goes first', async (t) => {
  const truths = [bike(0), { label: 'person', box: at(0.02) }, bike(0.5)]
  const samples = [
    sample(truths, [found(0.01, 0.9, 'person'), found(0, 0.8), found(0.5, 0.7, 'person'), found(0.8, 0.6)]),
  ]
  t.same(confusionMatrix(samples, ['e-bike', 'person']), [
    [1, 1, 0],
    [0, 1, 0],
    [1, 0, 0],
  ])
})
