import type { HeldBack, LearningReport } from '../core/learning.ts'
import { type Comparison, canFit, fitTo, foldsOf, limitOf } from './head.ts'
import { decide, type Floors } from './second-stage.ts'

export interface LearningRules {
  floors: Floors
  /** Fewer confirmed or false alarms than this say too little. */
  minimumConfirmed: number
  minimumFalse: number
}

/** Up to so many examples each is held back alone; of more, a tenth at a time. */
const aloneUpTo = 20
const newestShare = 1 / 3

/**
 * What a head would have done to verdicts it had not seen: each example held back in turn, the newest third judged by
 * what was known before, and each lift judged by what the others taught. Where too little is left to fit to, the
 * held-back examples count as untouched, as the gateway would have left them.
 * @param pause awaited between fits, so that whoever shares the thread gets its turn
 */
export async function evaluateHead(
  comparison: Comparison,
  rules: LearningRules,
  at: number,
  pause: () => Promise<void>,
): Promise<LearningReport> {
  const { examples, isConfirmed } = comparison
  const everything = examples.map((_, i) => i)

  async function holdBack(split: HeldBack['split'], parts: ReadonlyArray<readonly number[]>): Promise<HeldBack> {
    const result = { split, confirmed: 0, confirmedLost: 0, falseAlarms: 0, falseRemoved: 0 }
    for (const part of parts) {
      const vetoed = vetoedOf(comparison, part, rules.floors)
      for (const i of part) {
        result[isConfirmed[i] ? 'confirmed' : 'falseAlarms']++
        if (vetoed.has(i)) result[isConfirmed[i] ? 'confirmedLost' : 'falseRemoved']++
      }
      await pause()
    }
    return result
  }

  const heldBack = [
    await holdBack('one-out', foldsOf(comparison, everything, examples.length <= aloneUpTo ? aloneUpTo : 10)),
  ]
  const byTime = [...everything].sort((a, b) => examples[a]!.seenAt - examples[b]!.seenAt)
  heldBack.push(await holdBack('newest', [byTime.slice(Math.ceil(byTime.length * (1 - newestShare)))]))
  const lifts = [...new Set(examples.map(({ lift }) => lift))]
  if (lifts.length > 1) {
    const parts = lifts.map((lift) => everything.filter((i) => examples[i]!.lift === lift))
    heldBack.push(await holdBack('lift-out', parts))
  }
  const confirmed = isConfirmed.filter((each) => each).length
  const counts = { confirmed, falseAlarms: examples.length - confirmed, heldBack }
  const why = objections(counts, rules)
  return { at, ...counts, isBetter: why.length === 0, why }
}

/** Which of the held-back examples a head fitted to all others takes back. */
function vetoedOf(comparison: Comparison, part: readonly number[], floors: Floors): Set<number> {
  const { examples, isConfirmed } = comparison
  const others = examples.map((_, i) => i).filter((i) => !part.includes(i))
  if (!canFit(comparison, others)) return new Set()
  const fit = fitTo(comparison, others)
  const limit = limitOf(comparison, others)
  const nearest = (i: number, among: boolean) =>
    others.filter((j) => isConfirmed[j] === among).reduce((best, j) => Math.max(best, fit.similarity(i, j)), -1)
  const isVetoed = (i: number) => {
    const similarities = { toConfirmed: nearest(i, true), toFalse: nearest(i, false) }
    return decide({ score: examples[i]!.score, ...similarities, margin: fit.margin(i), limit }, floors) === 'vetoed'
  }
  return new Set(part.filter(isVetoed))
}

function objections(
  { confirmed, falseAlarms, heldBack }: Pick<LearningReport, 'confirmed' | 'falseAlarms' | 'heldBack'>,
  { minimumConfirmed, minimumFalse }: LearningRules,
): LearningReport['why'] {
  const lost = Math.max(...heldBack.map(({ confirmedLost }) => confirmedLost))
  const removed = heldBack.find(({ split }) => split === 'one-out')?.falseRemoved ?? 0
  return [
    ...(confirmed < minimumConfirmed
      ? [{ key: 'learned-few-confirmed', have: confirmed, want: minimumConfirmed }]
      : []),
    ...(falseAlarms < minimumFalse ? [{ key: 'learned-few-false', have: falseAlarms, want: minimumFalse }] : []),
    ...(lost > 0 ? [{ key: 'learned-loses', lost }] : []),
    ...(removed === 0 ? [{ key: 'learned-removes-none' }] : []),
  ]
}
