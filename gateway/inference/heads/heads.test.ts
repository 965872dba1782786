import t from 'tap'
import { Value } from 'typebox/value'
import type { HeadContext, OutputTensor } from './head.ts'
import { heads } from './index.ts'
import { headOptions } from './options.ts'
import { suppress } from './suppression.ts'

const context: HeadContext = {
  width: 32,
  height: 16,
  labels: ['bike', 'e-bike'],
  thresholds: Float32Array.of(0.4, 0.5),
}

function create(family: string, options: object) {
  const head = heads.find((candidate) => candidate.family === family)!
  return head.create(Value.Default(headOptions[family]!, { family, ...options }), context)
}

/** A tensor of zeros with some values set. */
function tensor(name: string, dims: number[], values: Record<number, readonly number[]>): OutputTensor {
  const data = new Float32Array(dims.reduce((a, b) => a * b))
  for (const [at, part] of Object.entries(values)) data.set(part, Number(at))
  return { name, dims, data }
}

const logit = (p: number) => Math.log(p / (1 - p))
/** Bins whose softmax is all but certain of one distance. */
const bins = (distance: number) => Array.from({ length: 8 }, (_, i) => (i === distance ? 50 : 0))

t.test('every head has a schema and every schema a head', async (t) => {
  t.same(heads.map(({ family }) => family).sort(), Object.keys(headOptions).sort())
})

t.test('nanodet reads distances from the corner of a cell', async (t) => {
  // Strides 8 and 16 of a 32×16 picture: 4×2 and 2×1 cells. Cell 5 is the second of the second row: (8, 8).
  const step = 2 + 32
  const values = { [5 * step]: [0.45, 0.7, ...bins(1), ...bins(0), ...bins(2), ...bins(1)] }
  const [found, ...rest] = create('nanodet', { strides: [8, 16] }).decode([tensor('o', [1, 10, step], values)])
  t.same(rest, [])
  t.match(found, { label: 1, left: 0, top: 8, right: 24, bottom: 16 })
  t.ok(Math.abs(found!.score - 0.7) < 1e-6)
})

t.test('nanodet takes the exports that leave the sigmoid out or the distribution done', async (t) => {
  const step = 2 + 4
  const values = { [9 * step]: [logit(0.8), logit(0.3), 0.5, 0.25, 0.5, 0.25] }
  const options = { strides: [8, 16], scores: 'logit', boxes: 'distance', centre: 'middle' }
  const [found] = create('nanodet', options).decode([
    tensor('o', [1, 10, step], {
      ...Object.fromEntries(Array.from({ length: 10 }, (_, i) => [i * step, [-9, -9]])),
      ...values,
    }),
  ])
  t.match(found, { label: 0, left: 16, top: 4, right: 32, bottom: 12 })
  t.ok(Math.abs(found!.score - 0.8) < 1e-6)
})

t.test('a box is reported only above the threshold of its own label', async (t) => {
  const step = 2 + 4
  const decode = (bike: number, eBike: number) =>
    create('nanodet', { strides: [16], boxes: 'distance' })
      .decode([tensor('o', [1, 2, step], { 0: [bike, eBike, 1, 1, 1, 1] })])
      .map(({ label }) => context.labels[label])
  t.same(decode(0.39, 0.49), [])
  t.same(decode(0.41, 0.49), ['bike'], 'the better score is below its threshold')
  t.same(decode(0.41, 0.51), ['e-bike'], 'one cell, one label')
})

t.test('picodet reads one pair of tensors per level, in any order when they are named', async (t) => {
  const scores = tensor('s8', [1, 8, 2], { 12: [0.9, 0] })
  const boxes = tensor('b8', [1, 8, 32], { [6 * 32]: [...bins(1), ...bins(1), ...bins(1), ...bins(0)] })
  const expected = { label: 0, left: 12, top: 4, right: 28, bottom: 12 }
  t.match(create('picodet', { strides: [8] }).decode([scores, boxes]), [expected])
  const outputs = { scores: ['s8'], boxes: ['b8'] }
  t.match(create('picodet', { strides: [8], outputs }).decode([boxes, scores]), [expected])
})

t.test('yolox multiplies objectness with the label and puts the box on its cell', async (t) => {
  const values = { [6 * 7]: [0.5, 0.5, Math.log(2), 0, 0.9, 0.2, 0.8] }
  const [found] = create('yolox', { strides: [8] }).decode([tensor('o', [1, 8, 7], values)])
  t.match(found, { label: 1 })
  t.ok(Math.abs(found!.score - 0.72) < 1e-6)
  t.same([found!.left, found!.top, found!.right, found!.bottom].map(Math.round), [12, 8, 28, 16])
  const pixels = create('yolox', { strides: [8], boxes: 'pixel' }).decode([
    tensor('o', [1, 8, 7], { 0: [16, 8, 10, 6, 1, 1, 0] }),
  ])
  t.match(pixels, [{ label: 0, left: 11, top: 5, right: 21, bottom: 11 }])
})

t.test('detr takes boxes as they are and knows only the labels of the manifest', async (t) => {
  const labels = { name: 'labels', dims: [1, 3], data: BigInt64Array.of(1n, 0n, 7n) }
  const scores = tensor('scores', [1, 3], { 0: [0.6, 0.3, 0.99] })
  const boxes = tensor('boxes', [1, 3, 4], { 0: [0.25, 0.5, 0.75, 1] })
  const head = create('detr', { boxes: 'fraction' })
  t.match(head.decode([labels, boxes, scores]), [{ label: 1, left: 8, top: 8, right: 24, bottom: 16 }])
  t.notOk(head.needsSuppression)
  t.same(head.sideInputs, [{ name: 'orig_target_sizes', dims: [1, 2], data: BigInt64Array.of(32n, 16n) }])
})

t.test('tensors that do not fit are refused by name, with the keys to look at', async (t) => {
  t.throws(() => create('nanodet', {}).decode([tensor('out', [1, 5, 34], {})]), {
    message: 'output "out" is 1×5×34, but labels (2), head.regMax, head.boxes, head.strides call for 1×12×34',
  })
  t.throws(() => create('yolox', { output: 'y' }).decode([tensor('out', [1, 5, 7], {})]), {
    message: 'the model has no output "y"; it has "out"',
  })
  t.throws(() => create('picodet', {}).decode([]), { message: /no output number 1/ })
})

t.test('of overlapping boxes of one label the best stays; other labels are left alone', async (t) => {
  const box = (label: number, score: number, left: number) => ({
    label,
    score,
    left,
    top: 0,
    right: left + 10,
    bottom: 10,
  })
  const kept = suppress([box(0, 0.5, 1), box(0, 0.9, 0), box(1, 0.4, 0), box(0, 0.6, 8)], 0.6)
  t.same(
    kept.map(({ label, score }) => [label, score]),
    [
      [0, 0.9],
      [0, 0.6],
      [1, 0.4],
    ],
  )
  const many = Array.from({ length: 5000 }, (_, i) => box(0, i / 5000, 20 * i))
  t.equal(suppress(many, 0.6).length, 100, 'bounded')
})
