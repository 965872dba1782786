import { join } from 'node:path'
import t from 'tap'
import { createClassReader } from './class-names.ts'
import { readTracks } from './clip-tracks.ts'
import { readDataFolder } from './data-folder.ts'
import type { DataProblem } from './evaluator.ts'
import { judgeClip } from './lift-clips.ts'

const labels = ['e-bike', 'bicycle', 'person']

async function tracksOf(dir: string) {
  const problems: DataProblem[] = []
  const folder = await readDataFolder(dir, problems)
  const foreign = new Map<string, number>()
  const classes = createClassReader(labels, [])
  const truth = await readTracks(join(dir, 'in.mp4'), { folder, classes, labels, watched: 'e-bike', foreign, problems })
  return { truth, problems, foreign }
}

const row = (f: number, w: number) => ({ f, x: 10, y: 10, w, h: 50 })

t.test('a tracks file tells boxes, visits and the moment half is inside', async (t) => {
  const tracks = { 'e-bike-1': [row(50, 5), row(51, 20), row(52, 60), row(53, 100)], window_reflection: [row(50, 9)] }
  const document = JSON.stringify({ in: { frames: 100, fps: 25, size: [200, 100], tracks } })
  const { truth, problems, foreign } = await tracksOf(t.testdir({ 'in.mp4': '', 'tracks.json': document }))
  t.same(problems, [])
  t.same(truth?.visits, [{ from: 50, halfInside: 52, until: 53 }])
  t.same([...foreign], [['window_reflection', 1]])
  const frame = truth?.truthAt?.(53, 'in')
  t.same(frame?.truths, [{ label: 'e-bike', box: { x: 0.05, y: 0.1, width: 0.5, height: 0.5 } }])
  t.same([...(frame?.unlabelled ?? [])], ['bicycle', 'person'], 'classes without a track were not drawn')
  t.same(truth?.truthAt?.(10, 'in').truths, [])
})

t.test('the simulators’ file tells what is inside; what is still in the hall is neutral', async (t) => {
  const object = (inside: number) => ({ track: 1, label: 'e-bike', box: [0, 0, 20, 10], inside })
  const frames = [0, 0.3, 0.6, 1].map((inside, frame) => ({ frame, objects: [object(inside)] }))
  const document = JSON.stringify({ width: 100, height: 50, framesPerSecond: 15, frames })
  const { truth } = await tracksOf(t.testdir({ 'in.mp4': '', 'in.json': document }))
  t.same(truth?.visits, [{ from: 1, halfInside: 2, until: 3 }])
  t.match(truth?.truthAt?.(0, 'in'), { truths: [], neutral: [{ width: 0.2, height: 0.2 }] })
})

t.test('a broken tracks file is told by name, and one of other clips is passed over', async (t) => {
  const broken = await tracksOf(t.testdir({ 'in.mp4': '', 'in.json': '{' }))
  t.match(broken, { truth: undefined, problems: [{ where: 'in.json' }] })
  const shape = await tracksOf(t.testdir({ 'in.mp4': '', 'tracks.json': '{"in":{"fps":0,"size":[1,1],"tracks":{}}}' }))
  t.match(shape.problems[0]?.what, /fps/)
  const other = await tracksOf(t.testdir({ 'in.mp4': '', 'tracks.json': '{"out":{}}' }))
  t.match(other, { truth: undefined, problems: [] })
})

t.test('an alarm belongs to the visit in whose time it falls', async (t) => {
  const truth = { framesPerSecond: 10, visits: [{ from: 50, halfInside: 60, until: 100 }] }
  t.match(judgeClip([6800], truth), { delaysMs: [800], before: 0, falseOnes: 0 })
  t.match(judgeClip([5500], truth), { delaysMs: [-500], before: 0, falseOnes: 0 }, 'early, but it is there')
  t.match(judgeClip([3000, 6800], truth), { delaysMs: [800], before: 1, falseOnes: 1 })
  t.match(judgeClip([12_000], truth), { delaysMs: [undefined], before: 0, falseOnes: 1 })
  t.match(judgeClip([1000], { framesPerSecond: 10, visits: [] }), { delaysMs: [], before: 0, falseOnes: 1 })
})
