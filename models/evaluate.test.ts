import { execFile } from 'node:child_process'
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import sharp from 'sharp'
import t from 'tap'
import type { DataProblem } from './evaluation/evaluator.ts'
import { lift } from './evaluation/lift.ts'

const execute = promisify(execFile)
const root = fileURLToPath(new URL('../', import.meta.url))
const clips = join(root, 'simulators/cameras/clips')

/** The command as a person types it. */
async function evaluate(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const command = ['--import', 'tsx', 'models/evaluate.ts', ...args]
  return execute(process.execPath, command, { cwd: root, maxBuffer: 2 ** 24 }).then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    ({ code, stdout, stderr }) => ({ code, stdout, stderr }),
  )
}

const order = (data: string, values: Record<string, string | boolean | string[]> = {}) => ({
  ...{ data, modelDir: undefined, isQuick: false, values },
})

const places = (problems: readonly DataProblem[]) => problems.map(({ where }) => where).sort()

interface ClipFile {
  width: number
  height: number
  frames: Array<{ frame: number; objects: Array<{ label: string; box: number[]; inside: number }> }>
}

/** One frame of a demo clip as a picture, and what is in it as YOLO lines. */
async function takeFrame(kind: string, frame: number, names: readonly string[], picture: string): Promise<string> {
  const select = `select=eq(n\\,${frame})`
  await execute('ffmpeg', [
    '-v',
    'error',
    '-i',
    join(clips, `${kind}.mp4`),
    '-vf',
    select,
    '-frames:v',
    '1',
    '-y',
    picture,
  ])
  const { width, height, frames } = JSON.parse(await readFile(join(clips, `${kind}.json`), 'utf8')) as ClipFile
  return frames[frame]!.objects.filter(({ inside }) => inside > 0)
    .map(({ label, box: [x = 0, y = 0, w = 0, h = 0] }) =>
      [names.indexOf(label), (x + w / 2) / width, (y + h / 2) / height, w / width, h / height].join(' '),
    )
    .join('\n')
}

/** Pictures of the demo in folders below images/ and labels/, their classes in an order of their own. */
async function makeSet(dir: string): Promise<void> {
  const names = ['dog', 'person', 'bicycle', 'e-bike']
  await mkdir(join(dir, 'images/train'), { recursive: true })
  await mkdir(join(dir, 'labels/train'), { recursive: true })
  await writeFile(join(dir, 'classes.txt'), names.join('\n'))
  for (const [kind, frame] of [
    ['e-bike', 150],
    ['e-bike', 200],
    ['person', 150],
    ['empty', 5],
  ] as const) {
    const lines = await takeFrame(kind, frame, names, join(dir, `images/train/${kind}-${frame}.png`))
    await writeFile(join(dir, `labels/train/${kind}-${frame}.txt`), lines)
  }
}

t.test('pictures in another class order are measured, whatever else lies among them', async (t) => {
  const dir = t.testdir()
  await makeSet(dir)
  await writeFile(join(dir, 'images/train/broken.jpg'), 'no picture')
  await writeFile(join(dir, 'labels/train/broken.txt'), '')
  await copyFile(join(dir, 'images/train/empty-5.png'), join(dir, 'images/train/unlabelled.png'))
  await writeFile(join(dir, 'labels/train/empty-5.txt'), 'what?\n0 0.5 0.5 0.1 0.1\n')
  const sheet = join(dir, 'sheet.png')
  const { code, stdout } = await evaluate('lift', '--data', dir, '--sheet', sheet, '--threshold', '0.99')
  t.equal(code, 0)
  const result = JSON.parse(stdout.trimEnd().split('\n').at(-1)!)
  t.match(result, { name: 'lift', machine: { cores: Number }, seconds: Number, peers: {}, notes: Array })
  t.match(result.metrics, { images: 4, imagesWithEBike: 2, imageRecall: 0, imageFalseRate: 0, boxRecallPerson: 1 })
  t.ok(result.metrics.ap50EBike > 0.9 && result.metrics.inferenceP50Ms > 0)
  for (const told of [
    'broken.jpg: no readable picture',
    'unlabelled.png: has no label file',
    'empty-5.txt:1: ',
    'dog (1 boxes)',
  ])
    t.ok(stdout.includes(told), told)
  const { width, height } = await sharp(sheet).metadata()
  t.ok(width! > 1000 && height! > 200, 'the two missed ones are drawn')
})

t.test('a mapping and a class list read what has no names', async (t) => {
  const dir = t.testdir()
  await makeSet(dir)
  await writeFile(join(dir, 'classes.txt'), 'a\nb\nc\nd\n')
  const mapped = await lift.evaluate(order(dir, { map: ['1=person,3=e-bike'] }))
  t.match(mapped.metrics, { imageRecall: 1, imageFalseRate: 0, boxRecallEBike: 1, boxRecallPerson: 1 })
  const ignored = await lift.evaluate(order(dir, { map: ['3=ignore'], classes: 'x,person,y,e-bike' }))
  t.match(ignored.metrics, { imagesWithEBike: 0, imageFalseRate: 0, boxRecallPerson: 1 })
  const unlabelled = await lift.evaluate(order(dir, { map: ['1=person'], unlabelled: ['e-bike-*:e-bike'] }))
  t.match(unlabelled.metrics, { images: 4, imagesWithEBike: 0, imageFalseRate: 0 })
})

t.test('the e-bike of the demo is confirmed within a second of being half inside, and nothing before', async (t) => {
  const dir = t.testdir()
  for (const [kind, seconds] of [
    ['e-bike', '9'],
    ['person', '4'],
  ]) {
    const cut = ['-t', seconds!, '-c', 'copy', join(dir, `${kind}.mp4`)]
    await execute('ffmpeg', ['-v', 'error', '-i', join(clips, `${kind}.mp4`), ...cut])
    await copyFile(join(clips, `${kind}.json`), join(dir, `${kind}.json`))
  }
  await writeFile(join(dir, 'broken.mp4'), 'no video')
  const { metrics, problems, table } = await lift.evaluate(order(dir))
  t.match(metrics, { clips: 2, events: 1, eventsConfirmed: 1, eventsBefore: 0, eventsFalse: 0, frames: 65 })
  t.ok(Math.abs(metrics.eventSeconds!) <= 1, `${metrics.eventSeconds} s`)
  t.ok(metrics.frameRecall! > 0.5 && metrics.frameAp50EBike! > 0.5)
  t.same(places(problems), ['broken.mp4'])
  t.match(table, /e-bike\.mp4/)
})

t.test('a clip without tracks is judged by the number of a frame, otherwise its scores are told', async (t) => {
  const dir = t.testdir()
  const file = join(dir, 'in.mp4')
  await execute('ffmpeg', ['-v', 'error', '-i', join(clips, 'e-bike.mp4'), '-t', '9', '-c', 'copy', file])
  const told = await lift.evaluate(order(file))
  t.match(told.metrics, { clips: 1, clipsJudged: 0 })
  t.same(places(told.problems), ['in.mp4'])
  t.match(told.table, /\d!/, 'the alarm is marked in the scores')
  const judged = await lift.evaluate(order(file, { 'event-frame': ['in.mp4=84'] }))
  t.match(judged.metrics, { events: 1, eventsConfirmed: 1, eventsBefore: 0 })
})

t.test('a folder with nothing to measure with is told so, exit code 65', async (t) => {
  const dir = t.testdir({ 'readme.md': '' })
  const { code, stdout, stderr } = await evaluate('lift', '--data', dir)
  t.equal(code, 65)
  t.match(stderr, /holds no pictures or clips/)
  t.equal(stdout, '')
  await sharp({ create: { width: 32, height: 32, channels: 3, background: '#888' } }).toFile(join(dir, 'a.png'))
  await t.rejects(lift.evaluate(order(dir)), /--empty-without-labels/)
})

t.test('a wrong command line is refused with what there is, exit code 64', async (t) => {
  const unknown = await evaluate('fridge', '--data', clips)
  t.equal(unknown.code, 64)
  t.match(unknown.stderr, /unknown model "fridge"; known are lift/)
  const option = await evaluate('lift', '--date', clips)
  t.equal(option.code, 64)
  t.match(option.stderr, /--date/)
  t.match(option.stderr, /--event-frame/, 'the model’s own options are told')
  await t.rejects(lift.evaluate(order(clips, { map: ['0=bus'] })), /no label "bus"/)
  await t.rejects(lift.evaluate(order(clips, { threshold: 'high' })), /from 0 to 1/)
  await t.rejects(lift.evaluate(order(clips, { 'event-frame': ['soon'] })), /number of a frame/)
})

t.test('a model folder that cannot be used is told so, exit code 78', async (t) => {
  const { code, stderr } = await evaluate('lift', '--data', clips, '--model-dir', t.testdir())
  t.equal(code, 78)
  t.match(stderr, /model\.json/)
})
