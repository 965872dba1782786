import type { FallOutcome } from './fall-run.ts'
import { figure } from './report.ts'

/** Recordings at least so long are somebody's ordinary day, not a scripted activity. */
const wearS = 600

const secondsOf = ({ recording }: FallOutcome) => recording.values.length / 3 / recording.rateHz
export const isWear = (outcome: FallOutcome) => secondsOf(outcome) >= wearS
export const isFound = ({ delayS }: FallOutcome) => Number.isFinite(delayS)

/** Alarms that the second evidence leaves standing. */
const standing = ({ alarms }: FallOutcome) => alarms.filter(({ evidence }) => evidence?.verdict !== 'contradicts')

/** Per recording: a fall counts once, every alarm in a recording without one is false. NaN where there is nothing. */
export function fallFigures(outcomes: readonly FallOutcome[]): Record<string, number> {
  const falls = outcomes.filter(({ recording }) => recording.isFall)
  const others = outcomes.filter(({ recording }) => !recording.isFall)
  const found = falls.filter(isFound)
  const clean = others.filter(({ alarms }) => alarms.length === 0)
  const missed = falls.length - found.length
  const loud = others.length - clean.length
  const perDay = (some: readonly FallOutcome[], count: (outcome: FallOutcome) => number) =>
    (some.reduce((sum, outcome) => sum + count(outcome), 0) /
      some.reduce((sum, outcome) => sum + secondsOf(outcome), 0)) *
    86_400
  const all = (outcome: FallOutcome) => outcome.alarms.length
  const left = (outcome: FallOutcome) => standing(outcome).length
  const calm = others.filter(isWear)
  return {
    sensitivity: found.length / falls.length,
    specificity: clean.length / others.length,
    f1: falls.length === 0 ? Number.NaN : (2 * found.length) / (2 * found.length + loud + missed),
    falseAlarmsPer24h: perDay(others, all),
    falseAlarmsPer24hAfterEvidence: perDay(others, left),
    calmFalseAlarmsPer24h: perDay(calm, all),
    calmFalseAlarmsPer24hAfterEvidence: perDay(calm, left),
    sensitivityAfterEvidence: found.filter((outcome) => standing(outcome).length > 0).length / falls.length,
    falls: falls.length,
    withoutFall: others.length,
    hoursWithoutFall: others.reduce((sum, outcome) => sum + secondsOf(outcome), 0) / 3600,
  }
}

/** Rows of the table: one per group that is not empty. */
export function fallRows(groups: ReadonlyArray<readonly [string, readonly FallOutcome[]]>): string[][] {
  const head = ['', 'falls', 'sensitivity', 'others', 'specificity', 'F1', 'false/24 h', 'after evidence', 'hours']
  const rows = groups
    .filter(([, outcomes]) => outcomes.length > 0)
    .map(([name, outcomes]) => {
      const figures = fallFigures(outcomes)
      return [
        name,
        String(figures.falls),
        figure(figures.sensitivity!, 4),
        String(figures.withoutFall),
        figure(figures.specificity!, 4),
        figure(figures.f1!, 4),
        figure(figures.falseAlarmsPer24h!, 1),
        figure(figures.falseAlarmsPer24hAfterEvidence!, 1),
        figure(figures.hoursWithoutFall!, 2),
      ]
    })
  return [head, ...rows]
}

/** What went wrong, by activity, most first. */
export function fallFailures(outcomes: readonly FallOutcome[]): string[] {
  const counts = new Map<string, number>()
  for (const outcome of outcomes) {
    const { recording, alarms } = outcome
    const isWrong = recording.isFall ? !isFound(outcome) : alarms.length > 0
    if (!isWrong) continue
    const what = `${recording.isFall ? 'missed' : 'false alarm'}: ${recording.set}, ${recording.activity}`
    counts.set(what, (counts.get(what) ?? 0) + 1)
  }
  return [...counts].sort(([, a], [, b]) => b - a).map(([what, count]) => `  ${count} × ${what}`)
}
