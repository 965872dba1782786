import t from 'tap'
import { createClassReader } from './class-names.ts'
import { readDataFolder } from './data-folder.ts'
import type { DataProblem } from './evaluator.ts'
import { createLabelReader, parseLabelLine, parseUnlabelled } from './yolo-labels.ts'

const labels = ['e-bike', 'bicycle', 'person']

t.test('a line is a class and a box, or an outline', async (t) => {
  t.same(parseLabelLine('2 0.5 0.5 0.5 0.25'), { class: 2, box: { x: 0.25, y: 0.375, width: 0.5, height: 0.25 } })
  t.match(parseLabelLine('2 0.5 0.5 0.5 0.25 0.93'), { class: 2 }, 'a score behind is passed over')
  t.same(parseLabelLine('0 0.25 0.25 0.75 0.25 0.5 0.5'), {
    class: 0,
    box: { x: 0.25, y: 0.25, width: 0.5, height: 0.25 },
  })
})

t.test('a broken line says what is wrong with it', async (t) => {
  t.match(parseLabelLine('e-bike 0.5 0.5 0.1 0.1'), /no class number/)
  t.match(parseLabelLine('0 0.5 0.5 0.1'), /a box needs 5/)
  t.match(parseLabelLine('0 0.5 0.5 0.1 x'), /no number/)
  t.match(parseLabelLine('0 0.5 0.5 0 0.1'), /no area/)
  t.match(parseLabelLine('0 320 180 64 36'), /fractions/)
})

async function read(dir: string, options: { names?: string[]; isEmptyWithoutLabels?: boolean } = {}) {
  const problems: DataProblem[] = []
  const folder = await readDataFolder(dir, problems)
  const { names, isEmptyWithoutLabels = false } = options
  const classes = createClassReader(labels, [])
  const unlabelled = parseUnlabelled(['mosaic_*:person'], labels)
  const reader = await createLabelReader({
    ...{ folder, classes, names, labels, unlabelled, isEmptyWithoutLabels, problems },
  })
  const truths = []
  for (const picture of folder.pictures) truths.push(await reader.truthOf(picture))
  return { truths, problems, reader, folder }
}

t.test('labels are found beside their pictures, in labels, and below both', async (t) => {
  const line = '0 0.5 0.5 0.2 0.2\n'
  const dir = t.testdir({
    'flat.jpg': '',
    'flat.txt': line,
    images: { 'a.png': '', train: { 'b.jpg': '' } },
    labels: { 'a.txt': line, 'c.txt': line, train: { 'b.txt': line } },
    'c.jpeg': '',
    '._c.jpeg': '',
  })

  const { truths, problems } = await read(dir)
  t.same(problems, [])
  t.same(
    truths.map((truth) => truth?.truths.length),
    [1, 1, 1, 1],
  )
})

t.test('names come from the command line, from classes.txt, from data.yaml, or from the model', async (t) => {
  const line = '1 0.5 0.5 0.2 0.2\n'
  const first = async (files: Record<string, string>, names?: string[]) => {
    const { truths, reader } = await read(t.testdir({ 'a.jpg': '', 'a.txt': line, ...files }), names ? { names } : {})
    return [truths[0]?.truths[0]?.label, [...reader.namedBy].join()]
  }
  t.same(await first({}), ['bicycle', 'the model'])
  t.same(await first({ 'classes.txt': 'bicycle\r\ne-bike\r\n' }), ['e-bike', 'classes'])
  t.same(await first({ 'data.yaml': 'names: [bicycle, person]\n' }), ['person', 'classes'])
  t.same(await first({ 'data.yaml': 'names:\n  0: bicycle\n  1: e-bike\n' }), ['e-bike', 'classes'])
  t.same(await first({ 'classes.txt': 'bicycle\ne-bike\n' }, ['e-bike', 'person']), ['person', '--classes'])
})

t.test('missing labels, broken lines and nameless classes are told by name and stop nothing', async (t) => {
  const dir = t.testdir({
    'a.jpg': '',
    'a.txt': '0 0.5 0.5 0.2 0.2\noops\n9 0.5 0.5 0.2 0.2\n',
    'lonely.jpg': '',
    'mosaic_1.jpg': '',
    'mosaic_1.txt': '',
  })
  const { truths, problems } = await read(dir)
  t.same(
    problems.map(({ where }) => where),
    ['a.txt:2', 'a.txt:3', 'lonely.jpg'],
  )
  t.same(
    truths.map((truth) => truth?.truths.length),
    [1, undefined, 0],
  )
  t.ok(truths[2]?.unlabelled.has('person'))
  t.notOk(truths[0]?.unlabelled.has('person'))
})

t.test('a class the model does not have is counted, what is ignored is neutral', async (t) => {
  const dir = t.testdir({
    images: { 'a.jpg': '' },
    labels: { 'a.txt': '0 0.5 0.5 0.2 0.2\n' },
    ignored: { 'a.txt': '1 0.25 0.25 0.5 0.5\n' },
    'classes.txt': 'dog\ne-bike\n',
  })
  const { truths, reader } = await read(dir)
  t.same([...reader.foreign], [['dog', 1]])
  t.match(truths[0], { truths: [], neutral: [{ width: 0.5 }] })
})

t.test('pictures without labels may be meant to show nothing', async (t) => {
  const { truths, problems } = await read(t.testdir({ 'a.jpg': '' }), { isEmptyWithoutLabels: true })
  t.match(truths[0], { truths: [] })
  t.same(problems, [])
})

t.test('a rule about unlabelled files names a pattern and a label', async (t) => {
  t.throws(() => parseUnlabelled(['mosaic_*'], labels), /<file pattern>:<label>/)
  t.throws(() => parseUnlabelled(['mosaic_*:dog'], labels), /e-bike, bicycle, person/)
})
