/** A limit with a dead band: a value that dithers around it changes the answer once, not with every sample. */
export interface Threshold {
  readonly isBeyond: boolean
  /** Takes a value; whether it is beyond the limit now. Values that are no numbers change nothing. */
  update(value: number): boolean
}

export interface ThresholdOptions {
  limit: number
  /** Which side is wrong. */
  side: 'above' | 'below'
  /** So far back inside the limit a value must come before it counts as right again; in the value's unit, not below 0. */
  hysteresis?: number
}

/** A value at the limit itself is beyond it. */
export function createThreshold({ limit, side, hysteresis = 0 }: ThresholdOptions): Threshold {
  let isBeyond = false
  return {
    get isBeyond() {
      return isBeyond
    },
    update(value) {
      if (Number.isNaN(value)) return isBeyond
      const past = side === 'above' ? value - limit : limit - value
      isBeyond = isBeyond ? past > -hysteresis || past >= 0 : past >= 0
      return isBeyond
    },
  }
}
