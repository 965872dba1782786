import type { Frame } from '../core/ports.ts'
import type { FrameTime } from '../core/scene.ts'

/** Memory for a few pictures of one camera, reused, so that a picture costs no allocation and no garbage. */
export interface FrameSlots {
  readonly width: number
  readonly height: number
  /** A free slot to fill, or undefined when every one is held. */
  take(): FrameSlot | undefined
  /** Called when a slot becomes free after `take` found none. */
  onFree: (() => void) | undefined
}

export interface FrameSlot {
  readonly data: Uint8Array<SharedArrayBuffer>
  /** Turns the filled slot into a frame that its maker holds once. */
  toFrame(camera: string, time: FrameTime): Frame
  /** Gives an unused slot back. */
  discard(): void
}

/** Bytes of a planar 4:2:0 picture with even sides. */
export function pictureBytes(width: number, height: number): number {
  return (width * height * 3) / 2
}

/** @param count pictures that can be held at once */
export function createFrameSlots(width: number, height: number, count: number): FrameSlots {
  const free: Uint8Array<SharedArrayBuffer>[] = []
  for (let i = 0; i < count; i++) free.push(new Uint8Array(new SharedArrayBuffer(pictureBytes(width, height))))
  let wasExhausted = false

  const giveBack = (data: Uint8Array<SharedArrayBuffer>) => {
    free.push(data)
    if (!wasExhausted) return
    wasExhausted = false
    slots.onFree?.()
  }

  const slots: FrameSlots = {
    width,
    height,
    onFree: undefined,
    take() {
      const data = free.pop()
      if (!data) {
        wasExhausted = true
        return undefined
      }
      return { data, discard: () => giveBack(data), toFrame: (camera, time) => toFrame(camera, time, data) }
    },
  }

  const toFrame = (camera: string, time: FrameTime, data: Uint8Array<SharedArrayBuffer>): Frame => {
    let holders = 1
    return {
      camera,
      time,
      width,
      height,
      data,
      retain() {
        if (holders === 0) throw new Error(`a frame of camera ${camera} was retained after its last release`)
        holders++
      },
      release() {
        if (holders === 0) throw new Error(`a frame of camera ${camera} was released more often than retained`)
        holders--
        if (holders === 0) giveBack(data)
      },
    }
  }

  return slots
}
