import { createHash } from 'node:crypto'
import { cp, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { ConfigError } from '../core/errors.ts'
import { loadManifest } from './manifest.ts'

const colourGrid = new URL('testing/colour-grid', import.meta.url).pathname
const document = JSON.parse(await readFile(join(colourGrid, 'model.json'), 'utf8'))

/** A copy of the model folder with other keys in model.json; undefined removes a key. */
async function folder(t: { testdir(): string }, changes: object): Promise<string> {
  const dir = join(t.testdir(), 'model')
  await cp(colourGrid, dir, { recursive: true })
  await writeFile(join(dir, 'model.json'), JSON.stringify({ ...document, ...changes }))
  return dir
}

async function problemsOf(dir: string): Promise<Record<string, string>> {
  const error: unknown = await loadManifest(dir).then(
    () => undefined,
    (reason: unknown) => reason,
  )
  if (!(error instanceof ConfigError)) throw new Error('no ConfigError', { cause: error })
  return Object.fromEntries(error.problems.map(({ path, message }) => [path, message]))
}

t.test('a model folder is read with its defaults and the very bytes that were checked', async (t) => {
  const { layout, pad, anchor, mean, std, ...input } = document.input
  const manifest = await loadManifest(await folder(t, { input, head: { family: 'nanodet' }, nmsIou: undefined }))
  t.match(manifest.input, { layout: 'nchw', pad: 114, anchor: 'center', mean: [0, 0, 0], std: [1, 1, 1] })
  t.match(manifest.head, { strides: [8, 16, 32, 64], regMax: 7, boxes: 'distribution', centre: 'corner' })
  t.equal(manifest.nmsIou, 0.6)
  t.equal(createHash('sha256').update(manifest.weights).digest('hex'), document.sha256)
  t.ok(manifest.weights.buffer instanceof SharedArrayBuffer, 'shared by all workers')
})

t.test('weights that are not the ones vouched for are refused, with both hashes and the cure', async (t) => {
  const dir = await folder(t, {})
  const weights = await readFile(join(dir, 'colour-grid.onnx'))
  weights[100]! ^= 1
  await writeFile(join(dir, 'colour-grid.onnx'), weights)
  const found = createHash('sha256').update(weights).digest('hex')
  const { sha256 = '' } = await problemsOf(dir)
  t.ok(sha256.includes(join(dir, 'colour-grid.onnx')), 'which file')
  t.ok(sha256.includes(found) && sha256.includes(document.sha256), 'found and expected')
  t.match(sha256, /Fetch it again/)
})

t.test('every problem is named at once, with its place', async (t) => {
  const dir = await folder(t, {
    version: undefined,
    colour: 'red',
    input: { ...document.input, width: 8, color: 'grey', mean: [0, 0], std: [1, 0, 1] },
    head: { family: 'yolox', regMax: 7, scores: 'percent' },
    labels: ['red', 'red'],
    thresholds: { default: 0.5, green: 0.5, red: 2 },
    file: 'missing.onnx',
  })
  const problems = await problemsOf(dir)
  t.match(problems, {
    version: 'is missing',
    colour: 'is not known here',
    'input.width': />= 16/,
    'input.color': 'must be one of rgb, bgr',
    'input.mean': /3/,
    'input.std[1]': /> 0/,
    'head.regMax': 'is not known here',
    'head.scores': 'must be one of probability, logit',
    labels: /./,
    'thresholds.green': '"green" is not one of labels',
    'thresholds.red': /<= 1/,
    file: /missing\.onnx cannot be read \(ENOENT\)/,
  })
  t.equal(Object.keys(problems).length, 12)
})

t.test('an unknown head is refused with the known ones', async (t) => {
  t.same(await problemsOf(await folder(t, { head: { family: 'yolov9' } })), {
    'head.family': 'must be one of nanodet, picodet, yolox, detr',
  })
  t.match(await problemsOf(await folder(t, { head: { family: 'constructor' } })), { 'head.family': /must be one of/ })
})

t.test('weights outside the model folder are refused', async (t) => {
  t.match(await problemsOf(await folder(t, { file: '../other/colour-grid.onnx' })), { file: /without a folder/ })
})

t.test('a missing, broken or foreign model.json is said in one sentence', async (t) => {
  t.match(await problemsOf(join(t.testdir(), 'nowhere')), { '': /ENOENT/ })
  const dir = await folder(t, {})
  await writeFile(join(dir, 'model.json'), '{\n  "name": "x",\n  oops }')
  await t.rejects(loadManifest(dir), { message: /line 3: \(document\): is not JSON/ })
  await writeFile(join(dir, 'model.json'), '[]')
  t.ok(Object.keys(await problemsOf(dir)).length > 0)
  await writeFile(join(dir, 'model.json'), 'null')
  t.ok(Object.keys(await problemsOf(dir)).length > 0)
})
