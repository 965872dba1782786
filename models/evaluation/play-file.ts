import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { type CameraOptions, createCamera } from '../../gateway/cameras/index.ts'
import type { Frame } from '../../gateway/core/ports.ts'

/**
 * Plays a file through the gateway's camera reader, as fast as it can be looked at and without losing a picture.
 * @param onFrame may throw, or say later by `fail` that it could not go on: either ends the playing
 * @throws Error in words when the file cannot be played, or what `onFrame` failed with
 */
export async function playFile(
  file: string,
  analysis: NonNullable<CameraOptions['analysis']>,
  onFrame: (frame: Frame, fail: (error: unknown) => void) => void,
): Promise<void> {
  const stop = new AbortController()
  let failure: unknown
  const fail = (error: unknown) => {
    failure ??= error
    stop.abort()
  }
  const reader = createCamera(
    { id: 'clip', url: pathToFileURL(resolve(file)).href, pace: 'fast', analysis },
    {
      onFrame(frame) {
        try {
          onFrame(frame, fail)
        } catch (error) {
          fail(error)
        }
      },
      onStatus({ state, reconnects, reason }) {
        if (state === 'down' && reconnects > 0) fail(new Error(reason ?? 'it cannot be played'))
      },
      ...{ now: Date.now, random: Math.random, logger: { info() {}, warn() {} } },
    },
  )
  await reader.run(stop.signal)
  if (failure) throw failure
}
