import type { FacadeCalibration } from './calibration.ts'
import type { FallingModel } from './classifier.ts'
import type { FallingCounters, StageTimes } from './engine.ts'
import type { Throw } from './throw.ts'

/** What the thread is told. */
export type WatchRequest =
  | {
      type: 'open'
      camera: string
      calibration?: FacadeCalibration
      masks?: ReadonlyArray<ReadonlyArray<readonly [number, number]>>
    }
  | {
      type: 'frame'
      id: number
      camera: string
      data: Uint8Array<SharedArrayBuffer>
      width: number
      height: number
      mediaMs: number
      session: string
    }

/** What it answers: `ready` once its code is loaded, then one `done` for every frame. */
export type WatchReply =
  | { type: 'ready' }
  | { type: 'done'; id: number; camera: string; counters: FallingCounters; stages: StageTimes; restlessShare: number }
  | { type: 'throw'; camera: string; session: string; event: Throw }

export interface WatchData {
  model: FallingModel
}
