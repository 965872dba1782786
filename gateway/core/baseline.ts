/** What is usual for one device or person, in three numbers; kept over a restart. */
export interface BaselineState {
  count: number
  centre: number
  spread: number
}

/**
 * Running mean and mean absolute deviation in which one odd value has little say: what lies further than three spreads
 * from the centre is counted as if it lay there (winsorised). Learns fast at first, then like an average of the last
 * `memory` values.
 */
export interface Baseline {
  readonly count: number
  readonly centre: number
  readonly spread: number
  /** Values that are no numbers change nothing. */
  add(value: number): void
  /** Distance from the centre in spreads, with sign; undefined until `minCount` values were seen. */
  deviation(value: number): number | undefined
  snapshot(): BaselineState
}

export interface BaselineOptions {
  /** Nothing is said before so many values. */
  minCount: number
  /** Older values fade: about so many have a say. */
  memory?: number
  /** No spread is smaller: what always was the same to the last digit may still change a little. */
  minSpread: number
}

const widestSpreads = 3

/** @param known what `snapshot` said before; anything else is as good as nothing */
export function createBaseline({ minCount, memory = 1000, minSpread }: BaselineOptions, known?: unknown): Baseline {
  const state: BaselineState = isState(known) ? { ...known } : { count: 0, centre: 0, spread: minSpread }
  return {
    get count() {
      return state.count
    },
    get centre() {
      return state.centre
    },
    get spread() {
      return Math.max(minSpread, state.spread)
    },
    add(value) {
      if (!Number.isFinite(value)) return
      state.count++
      if (state.count === 1) {
        state.centre = value
        return
      }
      const share = 1 / Math.min(state.count, memory)
      const furthest = widestSpreads * Math.max(minSpread, state.spread)
      const away = Math.max(-furthest, Math.min(furthest, value - state.centre))
      state.centre += away * share
      state.spread += (Math.abs(away) - state.spread) * share
    },
    deviation(value) {
      if (state.count < minCount) return undefined
      return (value - state.centre) / Math.max(minSpread, state.spread)
    },
    snapshot: () => ({ ...state }),
  }
}

function isState(value: unknown): value is BaselineState {
  const state = value as BaselineState | undefined
  return [state?.count, state?.centre, state?.spread].every((part) => Number.isFinite(part))
}
