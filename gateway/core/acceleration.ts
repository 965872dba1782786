/** Acceleration samples of one wearable as they arrived. */
export interface AccelerationBatch {
  /** Epoch ms of every sample, in any order. */
  times: ArrayLike<number>
  /** x y z of every sample, interleaved, g with gravity. */
  values: ArrayLike<number>
}

/** What the fall model and the seconds after it say of one impact of one wearable. */
export interface FallReport {
  device: string
  /** Of the peak, epoch ms. */
  impactAt: number
  /** Height of the peak, g. */
  peakG: number
  /** 0…1. */
  score: number
  /** Second evidence; absent until the seconds after the impact were seen. */
  evidence?: {
    verdict: 'supports' | 'open' | 'contradicts'
    stillShare: number
    longestStillS: number
    postureChangeDeg: number
  }
}
