import { setMaxListeners } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { createCamera, type RunningCamera } from './camera.ts'
import type { CameraContext, CameraOptions } from './options.ts'

/** Every camera of a site, run together. */
export interface CameraSet {
  get(id: string): RunningCamera | undefined
  list(): readonly RunningCamera[]
  /** Runs all of them until aborted; a camera's trouble stays its own. */
  run(signal: AbortSignal): Promise<void>
}

/** A hundred decoders that start at once would starve each other and whatever else starts. */
const startSpacingMs = 40

/** @throws Error for options that cannot work, or an id used twice */
export function createCameraSet(list: readonly CameraOptions[], context: CameraContext): CameraSet {
  const cameras = new Map<string, RunningCamera>()
  for (const options of list) {
    if (cameras.has(options.id)) throw new Error(`two cameras have the id ${options.id}: ids are unique within a site`)
    cameras.set(options.id, createCamera(options, context))
  }
  return {
    get: (id) => cameras.get(id),
    list: () => [...cameras.values()],
    async run(outer) {
      // A hundred cameras listen, which is no leak.
      const signal = AbortSignal.any([outer])
      setMaxListeners(0, signal)
      const runs = [...cameras.values()].map(async (camera, index) => {
        await sleep(index * startSpacingMs, undefined, { signal }).catch(() => {})
        await camera.run(signal)
      })
      await Promise.all(runs)
    },
  }
}
