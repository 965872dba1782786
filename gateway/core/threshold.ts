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
export function createThreshold(options: ThresholdOptions): Threshold {
  return new LimitWithDeadBand(options)
}

/** A class and no closure: a site has tens of thousands of them. */
class LimitWithDeadBand implements Threshold {
  isBeyond = false
  readonly #limit: number
  readonly #sign: 1 | -1
  readonly #hysteresis: number

  constructor({ limit, side, hysteresis = 0 }: ThresholdOptions) {
    this.#limit = limit
    this.#sign = side === 'above' ? 1 : -1
    this.#hysteresis = hysteresis
  }

  update(value: number): boolean {
    if (Number.isNaN(value)) return this.isBeyond
    const past = (value - this.#limit) * this.#sign
    this.isBeyond = past >= 0 || (this.isBeyond && past > -this.#hysteresis)
    return this.isBeyond
  }
}
