import type { JudgedExample } from '../../gateway/core/learning.ts'
import { evaluateHead } from '../../gateway/learning/evaluation.ts'
import { canFit, compare, fitHead } from '../../gateway/learning/head.ts'
import { defaultFloors, judge } from '../../gateway/learning/second-stage.ts'
import type { ebikeInElevator } from '../../gateway/scenes/ebike-in-elevator.ts'
import { type AlarmPicture, sightingOf, verdictOn } from './adapt-pictures.ts'
import { eBike } from './lift-model.ts'

type SceneOptions = Parameters<typeof ebikeInElevator.create>[0]

/** Sums over all splits. */
export interface AdaptFigures {
  splits: number
  /** In so many splits the gateway would have switched it on. */
  on: number
  /** Verdicts that were really there, where the teaching lifts had fewer. */
  verdicts: number
  falseBefore: number
  falseAfter: number
  without: number
  foundBefore: number
  foundAfter: number
  holding: number
  /** The same had it been switched on whatever its held-back evaluation said. */
  falseForced: number
  foundForced: number
}

/** Shipped defaults of the site file. */
const rules = { floors: defaultFloors, minimumConfirmed: 5, minimumFalse: 3 }

/** Uniform in [0, 1) from a number, the same on every machine (mulberry32). */
export function randomOf(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let value = Math.imul(state ^ (state >>> 15), 1 | state)
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value
    return ((value ^ (value >>> 14)) >>> 0) / 2 ** 32
  }
}

export function shuffled<T>(list: readonly T[], random: () => number): T[] {
  return list
    .map((item) => ({ item, key: random() }))
    .sort((a, b) => a.key - b.key)
    .map(({ item }) => item)
}

/**
 * `across`: half of the lifts teach, the other half is judged. `within`: every lift teaches with half of its pictures and
 * is judged by the other half.
 */
export function split(pictures: readonly AlarmPicture[], kind: 'across' | 'within', random: () => number) {
  const lifts = shuffled([...new Set(pictures.map(({ lift }) => lift))], random)
  const teaching = new Set<AlarmPicture>()
  if (kind === 'across') {
    const chosen = new Set(lifts.slice(0, Math.ceil(lifts.length / 2)))
    for (const picture of pictures) if (chosen.has(picture.lift)) teaching.add(picture)
  } else
    for (const lift of lifts) {
      const own = shuffled(
        pictures.filter((picture) => picture.lift === lift),
        random,
      )
      for (const picture of own.slice(0, Math.ceil(own.length / 2))) teaching.add(picture)
    }
  return { teach: pictures.filter((each) => teaching.has(each)), test: pictures.filter((each) => !teaching.has(each)) }
}

/** Learns from `count` verdicts in each of `splits` random splits and judges what was held back. */
export async function measureAdapt(
  pictures: readonly AlarmPicture[],
  options: { kind: 'across' | 'within'; count: number; splits: number; scene: SceneOptions },
): Promise<AdaptFigures> {
  const zero = { splits: 0, on: 0, verdicts: 0, falseBefore: 0, falseAfter: 0, without: 0 }
  const sums: AdaptFigures = { ...zero, foundBefore: 0, foundAfter: 0, holding: 0, falseForced: 0, foundForced: 0 }
  for (let nth = 0; nth < options.splits; nth++) {
    const random = randomOf(nth + 1)
    const { teach, test } = split(pictures, options.kind, random)
    // A half without either kind says nothing about it.
    if (!test.some(({ holds }) => holds) || test.every(({ holds }) => holds)) continue
    const alarms = shuffled(
      teach.filter(({ subject }) => subject),
      random,
    ).slice(0, options.count)
    const outcome = await learn(alarms.map(verdictOn), options.scene)
    sums.splits++
    sums.verdicts += alarms.length
    if (outcome.isBetter) sums.on++
    for (const picture of test) {
      const before = Number(picture.subject !== undefined)
      const forced = Number(outcome.fires(picture))
      const after = outcome.isBetter ? forced : before
      sums[picture.holds ? 'holding' : 'without']++
      sums[picture.holds ? 'foundBefore' : 'falseBefore'] += before
      sums[picture.holds ? 'foundAfter' : 'falseAfter'] += after
      sums[picture.holds ? 'foundForced' : 'falseForced'] += forced
    }
  }
  return sums
}

async function learn(examples: readonly JudgedExample[], scene: SceneOptions) {
  const firesAsBefore = { isBetter: false, fires: ({ subject }: AlarmPicture) => subject !== undefined }
  const comparison = compare(examples)
  const everything = examples.map((_, i) => i)
  if (!canFit(comparison, everything)) return firesAsBefore
  const report = await evaluateHead(comparison, rules, 0, async () => {})
  const head = fitHead(eBike, comparison)
  const embeddings = (value: string) =>
    examples.filter(({ verdict }) => verdict.value === value).map(({ embedding }) => embedding)
  const anchors = { confirmed: embeddings('confirmed'), falseAlarms: embeddings('false-alarm') }
  const fires = ({ detections }: AlarmPicture) => {
    const left = detections.filter(
      (detection) => detection.label !== eBike || judge(head, anchors, rules.floors, detection).outcome !== 'vetoed',
    )
    return sightingOf(left, scene) !== undefined
  }
  return { isBetter: report.isBetter, fires }
}
