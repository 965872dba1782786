import { createBlobFinder } from './blob-finder.ts'
import { createFallJudge, type FallJudgeOptions } from './fall-judge.ts'

/*
 * One facade camera: pictures in, throws out.
 *
 *   luma ─▶ alignment ─▶ background ─▶ blobs ─▶ tracks ─▶ falls ─▶ classifier ─▶ throws
 *          └──────── blob-finder.ts ───────┘   └───────────── fall-judge.ts ────────────┘
 */

export interface FallingEngineOptions extends FallJudgeOptions {
  /** 1 where the picture counts, 0 where trees or a road were masked out; row by row. */
  isOpen?: Uint8Array
}

/** Milliseconds spent in each stage since the beginning. */
export interface StageTimes {
  alignMs: number
  backgroundMs: number
  blobMs: number
  trackMs: number
}

export interface FallingCounters {
  frames: number
  /** Pictures that fitted nothing known and were not judged. */
  unknownFrames: number
  /** Times the background was learnt anew. */
  relearnt: number
  /** Pictures with more moving things than are followed. */
  crowdedFrames: number
  refusedTracks: number
  /** Falls seen while pictures came too slowly to tell a fall from a walk. */
  unjudgedFalls: number
}

export interface FallingEngine {
  readonly counters: Readonly<FallingCounters>
  readonly stages: Readonly<StageTimes>
  /** Tiles too restless for a track to begin in, a share of all: trees, screens, flags. */
  readonly restlessShare: number
  /** @param luma at least width · height bytes, row by row; read only during the call */
  observe(luma: Uint8Array, mediaMs: number): void
  /** Tells what is still held back. */
  finish(): void
}

export function createFallingEngine(options: FallingEngineOptions): FallingEngine {
  const finder = createBlobFinder(options.width, options.height, options.isOpen)
  const judge = createFallJudge(options)
  let frames = 0
  let trackMs = 0
  let t = 0
  let pictureS = 0.04

  return {
    get counters() {
      const crowdedFrames = finder.counters.crowdedFrames + judge.counters.crowdedFrames
      return { ...finder.counters, ...judge.counters, frames, crowdedFrames }
    },
    get stages() {
      return { ...finder.stages, trackMs }
    },
    get restlessShare() {
      return judge.restlessShare
    },
    observe(picture, mediaMs) {
      const before = t
      t = mediaMs / 1000
      if (frames > 0 && t > before) pictureS += (Math.min(0.2, t - before) - pictureS) * 0.1
      frames++
      const blobs = finder.find(picture)
      if (!blobs) return
      const found = performance.now()
      judge.step(t, blobs, pictureS)
      trackMs += performance.now() - found
    },
    finish: () => judge.finish(),
  }
}
