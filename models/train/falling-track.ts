/**
 * Fits the classifier of falling tracks on simulated facades.
 *
 *   node --import tsx models/train/falling-track.ts collect --set throws --count 40 --buildings 1-40 --out rows.jsonl
 *   node --import tsx models/train/falling-track.ts collect --set distractors --count 40 --buildings 1-40 --out more.jsonl
 *   node --import tsx models/train/falling-track.ts fit rows.jsonl more.jsonl --out models/falling-track/model.json
 *
 * `collect` plays scenes through the engine and writes every fall it judged with its features, one JSON object a line.
 * `fit` tells what each threshold brings on buildings left out of the fit, then fits on all.
 */
import { appendFileSync, writeFileSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import process from 'node:process'
import { parseArgs } from 'node:util'
import { createFacadeMap } from '../../gateway/falling/calibration.ts'
import { createFallingEngine } from '../../gateway/falling/engine.ts'
import type { JudgedFall } from '../../gateway/falling/fall-judge.ts'
import { type FeatureName, featureNames, needsCalibration } from '../../gateway/falling/features.ts'
import { isFreeFall, isPlausible } from '../../gateway/falling/plausible.ts'
import { calibrationOf, createBuilding } from '../../simulators/facades/building.ts'
import { planDistractors, planThrows } from '../../simulators/facades/plans.ts'
import { createScene, type ScenePlan, type TrackBox } from '../../simulators/facades/scene.ts'
import { fitTrees, scoreOf } from './boosted-trees.ts'

/** One judged fall. */
interface Row {
  building: number
  /** 1 when it followed a thrown object or its mirror image. */
  label: 0 | 1
  what: string
  features: Record<FeatureName, number | null>
}

/** Share of a fall's sights that must lie at the object's place. */
const leastFollowed = 0.6
/** At the analysed width: what the gateway makes of a 1080p camera. */
const width = 960

const [command, ...rest] = process.argv.slice(2)
const { values, positionals } = parseArgs({
  args: rest,
  allowPositionals: true,
  options: {
    set: { type: 'string', default: 'throws' },
    count: { type: 'string', default: '40' },
    seconds: { type: 'string' },
    buildings: { type: 'string', default: '1-40' },
    seed: { type: 'string', default: '1' },
    out: { type: 'string' },
  },
})
if (!values.out || (command !== 'collect' && command !== 'fit')) {
  console.error('usage: collect --set throws|distractors --count N --buildings A-B --out FILE | fit FILE… --out FILE')
  process.exit(64)
}
if (command === 'collect') collect(values.out)
else await fit(positionals, values.out)

function collect(out: string): void {
  const [first, last] = values.buildings.split('-').map(Number) as [number, number]
  const buildings = Array.from({ length: last - first + 1 }, (_, i) => first + i)
  const order = { buildings, seed: Number(values.seed), width }
  const count = Number(values.count)
  const plans =
    values.set === 'throws' ? planThrows({ ...order, count }) : planDistractors({ ...order, minutes: count })
  writeFileSync(out, '')
  for (const plan of plans) {
    const seconds = values.seconds === undefined ? plan.seconds : Number(values.seconds)
    for (const row of play({ ...plan, seconds })) appendFileSync(out, `${JSON.stringify(row)}\n`)
  }
}

function play(plan: ScenePlan): Row[] {
  const scene = createScene(plan)
  const judged: JudgedFall[] = []
  const engine = createFallingEngine({
    width: scene.width,
    height: scene.height,
    map: createFacadeMap(calibrationOf(createBuilding(plan.building, width))),
    classifier: { model: 'none', threshold: 1, score: () => 0 },
    onThrow: () => {},
    onJudged: (fall) => judged.push(fall),
  })
  const picture = new Uint8ClampedArray(scene.width * scene.height)
  const luma = new Uint8Array(picture.buffer)
  for (let frame = 0; frame < scene.frames; frame++) {
    scene.next(picture)
    engine.observe(luma, (frame * 1000) / plan.framesPerSecond)
  }
  engine.finish()
  const { tracks, throws } = scene.truth()
  return judged.map((each) => {
    const [followed] = Object.entries(tracks).find(([, boxes]) => isFollowing(each, boxes, plan.framesPerSecond)) ?? []
    const kind = throws.find(({ track }) => track === followed?.replace('window_reflection', 'object'))?.kind
    return {
      building: plan.building,
      label: followed === undefined ? 0 : 1,
      what: followed === undefined ? [...plan.distractors, ...plan.disturbances].join('+') : (kind ?? followed),
      features: each.features,
    }
  })
}

function isFollowing({ fall }: JudgedFall, boxes: readonly TrackBox[], framesPerSecond: number): boolean {
  const near = fall.sights.filter(({ t, x, y, height }) => {
    const box = boxes.find(({ f }) => f === Math.round(t * framesPerSecond))
    return box && Math.hypot(box.cx - x, box.cy - y) < Math.max(6, height, box.h)
  })
  return near.length >= leastFollowed * fall.sights.length
}

async function fit(files: readonly string[], out: string): Promise<void> {
  const rows: Row[] = []
  for (const file of files)
    for (const line of (await readFile(file, 'utf8')).split('\n')) if (line) rows.push(JSON.parse(line) as Row)
  report(rows)
  const examples = rows.flatMap(examplesOf)
  const model = fitTrees(...split(examples))
  const positives = rows.filter(({ label }) => label === 1).length
  await writeFile(
    out,
    `${JSON.stringify({
      name: 'falling-track',
      version: '1',
      task: 'falling-track',
      features: featureNames,
      ...model,
      threshold: 0.9,
      licence: 'Apache-2.0',
      source: `Fitted by models/train/falling-track.ts on ${rows.length} tracks of simulated facades, ${positives} of them of throws.`,
    })}\n`,
  )
  console.log(`${rows.length} rows, ${positives} throws, ${model.trees.length} trees → ${out}`)
}

/** Four fits, each judged on the buildings it left out. */
function report(rows: readonly Row[]): void {
  const scored = [0, 1, 2, 3].flatMap((fold) => {
    const model = fitTrees(...split(rows.filter(({ building }) => building % 4 !== fold).flatMap(examplesOf)))
    return rows
      .filter(({ building, features }) => building % 4 === fold && isPlausible(numbersOf(features)))
      .map((row) => ({
        ...row,
        score: isFreeFall(numbersOf(row.features)) ? 1 : scoreOf(model, vectorOf(row.features)),
      }))
  })
  for (const threshold of [0.3, 0.5, 0.7, 0.8, 0.9, 0.95]) {
    const throws = scored.filter(({ label }) => label === 1)
    const wrong = scored.filter(({ label, score }) => label === 0 && score >= threshold)
    const found = throws.filter(({ score }) => score >= threshold).length
    const told = [...new Set(wrong.map(({ what }) => what))].join(', ')
    console.log(`threshold ${threshold}: ${found} of ${throws.length} falls of throws, ${wrong.length} others: ${told}`)
  }
}

interface Example {
  vector: number[]
  label: number
}

/** Every plausible fall as it is, and as an uncalibrated camera would see it. */
function examplesOf({ features, label }: Row): Example[] {
  const own = numbersOf(features)
  const blind = { ...own }
  for (const name of featureNames) if (needsCalibration(name)) blind[name] = Number.NaN
  return [own, blind].filter(isPlausible).map((each) => ({ vector: featureNames.map((name) => each[name]), label }))
}

function split(examples: readonly Example[]): [number[][], number[]] {
  return [examples.map(({ vector }) => vector), examples.map(({ label }) => label)]
}

/** JSON has no NaN: it was written as null. */
function numbersOf(features: Row['features']): Record<FeatureName, number> {
  return Object.fromEntries(featureNames.map((name) => [name, features[name] ?? Number.NaN])) as Record<
    FeatureName,
    number
  >
}

function vectorOf(features: Row['features']): number[] {
  const own = numbersOf(features)
  return featureNames.map((name) => own[name])
}
