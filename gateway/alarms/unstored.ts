import type { Alarm } from '../core/alarm.ts'
import { placeKey } from '../core/place.ts'
import type { Finding } from '../core/scene.ts'

export type RaiseFinding = Extract<Finding, { type: 'raise' }>
/** What a scene says of one alarm, and says only once. */
export type AlarmFinding = Extract<Finding, { type: 'raise' | 'seen' | 'reassess' | 'clear' }>

/** A finding whose transaction failed. */
export interface Unstored {
  finding: AlarmFinding
  scene: string
  decidedAt: number
  /** The alarm that a `raise` becomes, where people were told of it from memory. */
  told?: Alarm
}

/** A compound has fewer sources of alarms; beyond it the oldest that is not about a person goes. */
const maxKept = 10_000

/**
 * Findings that could not be stored, by kind, place and source, in their order. A scene says once that it raises and
 * once that it clears: what the store refused for a moment would otherwise be lost for as long as the scene holds on.
 */
export function createUnstored() {
  const kept = new Map<string, Unstored[]>()
  let dropped = 0

  function makeRoom(): void {
    const isPlain = ([, list]: [string, Unstored[]]) => list.every((each) => !isOfLife(each))
    const [key] = [...kept].find(isPlain) ?? [...kept][0]!
    kept.delete(key)
    dropped++
  }

  return {
    keep(next: Unstored): void {
      const key = keyOf(next.finding)
      if (!kept.has(key) && kept.size >= maxKept) makeRoom()
      const list = after(kept.get(key) ?? [], next)
      // At the end: one that cannot be stored for another reason does not hold up the others.
      kept.delete(key)
      if (list.length > 0) kept.set(key, list)
    },
    has: (finding: AlarmFinding): boolean => kept.has(keyOf(finding)),
    /** Whether it is to be raised once the store works. */
    isToRise: (finding: AlarmFinding): boolean =>
      kept.get(keyOf(finding))?.some((each) => each.finding.type === 'raise') === true,
    /**
     * Tries what is kept of one alarm, of the oldest where none is named. Throws what `store` throws and keeps the rest.
     */
    retry(store: (each: Unstored) => void, finding?: AlarmFinding): void {
      const key = finding ? keyOf(finding) : [...kept.keys()][0]
      const list = key === undefined ? undefined : kept.get(key)
      if (key === undefined || !list) return
      kept.delete(key)
      while (list[0]) {
        try {
          store(list[0])
        } catch (error) {
          kept.set(key, [...(kept.get(key) ?? []), ...list])
          throw error
        }
        list.shift()
      }
    },
    /** Alarms of which something is kept; those given up since the start. */
    counts: () => ({ kept: kept.size, dropped }),
  }
}

/** Whether people are told of it though it cannot be stored. */
export function concernsLife({ person, severity }: RaiseFinding): boolean {
  return person !== undefined || severity === 'critical'
}

/** What must not be given up; what else a scene says is of an alarm that is stored. */
function isOfLife({ finding }: Unstored): boolean {
  return finding.type !== 'raise' || concernsLife(finding)
}

/** What is left to be stored: of one alarm at most a rise, a judgement and an end. */
function after(list: readonly Unstored[], next: Unstored): Unstored[] {
  const { type } = next.finding
  const last = list.at(-1)
  if (type === 'clear' && last?.finding.type === 'raise')
    // Over before it could be stored. A call for help is not over because the button is quiet.
    return isOfLife(last) ? [...list, next] : list.slice(0, -1)
  if (type === 'raise' && last?.finding.type === 'clear' && list.at(-2)?.finding.type === 'raise')
    return list.slice(0, -1)
  if (last?.finding.type === type) return type === 'reassess' ? [...list.slice(0, -1), next] : [...list]
  if (type === 'seen' && last?.finding.type === 'raise') return [...list]
  return [...list, next]
}

function keyOf({ kind, place, source }: AlarmFinding): string {
  return `${kind}\n${placeKey(place)}\n${source.id}`
}
