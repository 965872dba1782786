import { createAligner } from './alignment.ts'
import { createBackground, createRuns } from './background.ts'
import { type Blob, joinRuns } from './blob.ts'

/** What stands out of the pictures of one camera: alignment, background, blobs. */
export interface BlobFinder {
  readonly counters: Readonly<{ unknownFrames: number; relearnt: number; crowdedFrames: number }>
  readonly stages: Readonly<{ alignMs: number; backgroundMs: number; blobMs: number }>
  /**
   * @param luma at least width · height bytes, row by row; read only during the call
   * @returns undefined for a picture that fitted nothing known
   */
  find(luma: Uint8Array): Blob[] | undefined
}

const mostRuns = 6000
/** A picture of which more moves than this shows no object. */
const crowdedShare = 0.06
/** A new view is believed after so many pictures in a row that fit nothing known. */
const relearnAfter = 12

/** @param isOpen 1 where the picture counts, 0 where trees or a road were masked out; row by row; all count when absent */
export function createBlobFinder(width: number, height: number, isOpen?: Uint8Array): BlobFinder {
  const background = createBackground(width, height, isOpen)
  const aligner = createAligner(background)
  const runs = createRuns(mostRuns)
  const counters = { unknownFrames: 0, relearnt: 0, crowdedFrames: 0 }
  const stages = { alignMs: 0, backgroundMs: 0, blobMs: 0 }
  let isFirst = true
  let unknownInARow = 0

  return {
    counters,
    stages,
    find(picture) {
      if (isFirst) {
        isFirst = false
        background.learn(picture)
        return []
      }
      const begun = performance.now()
      const aligned = aligner.align(background.take(picture))
      const afterAlign = performance.now()
      stages.alignMs += afterAlign - begun
      if (!aligned.isKnown) {
        counters.unknownFrames++
        if (++unknownInARow >= relearnAfter) {
          background.learn(picture)
          aligner.reset()
          counters.relearnt++
          unknownInARow = 0
        }
        return undefined
      }
      unknownInARow = 0
      const count = background.isWarm ? background.standOut(aligned.luma, runs, aligned.slack) : 0
      background.adapt(aligned.luma)
      const afterBackground = performance.now()
      stages.backgroundMs += afterBackground - afterAlign
      const blobs = joinRuns(runs, count)
      const area = blobs.reduce((sum, each) => sum + each.area, 0)
      const isCrowded = count === mostRuns || area > crowdedShare * width * height
      if (isCrowded) counters.crowdedFrames++
      stages.blobMs += performance.now() - afterBackground
      return isCrowded ? [] : blobs
    },
  }
}
