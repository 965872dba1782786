import { writeFile } from 'node:fs/promises'
import { writeMaskedClip } from './cameras/index.ts'
import type { Alarm, Evidence } from './core/alarm.ts'
import type { Camera, EvidenceStore } from './core/ports.ts'
import type { ThrowReport } from './core/throw.ts'
import { clearMask, createFacadeMap, drawThrow, type FacadeCalibration } from './falling/index.ts'

export interface ThrowEvidenceOptions {
  evidence: EvidenceStore
  camera(id: string): Camera | undefined
  /** As it was used for this throw. */
  calibration(camera: string): FacadeCalibration | undefined
  addEvidence(alarmId: string, evidence: Evidence): void
  onFailure(alarm: Alarm, type: Evidence['type'], error: unknown): void
  signal: AbortSignal
  ffmpegPath?: string
  /** Masked clips that wait for their turn at most. */
  mostWaiting?: number
}

/** Shown around the event, milliseconds. */
const aroundMs = 10_000
const maskWidth = 960
/** A clip of 20 s takes a minute or two behind everything else; an encoder that takes so long hangs. */
const longestMaskingMs = 15 * 60_000

/**
 * What is kept of a throw, each stored as it becomes ready:
 *
 *   track (JSON) · picture with the path, masked · the same unmasked, restricted
 *   clip of ±10 s from the main stream, restricted ─▶ waiting (at most `mostWaiting`) ─▶ the same masked
 *
 * Clips are masked one after the other, however many things fall at once: encoding must not take the machine from watching.
 * A throw that finds the queue full keeps everything but its masked clip, and that is an event people can read.
 */
export function createThrowEvidence(options: ThrowEvidenceOptions) {
  const { evidence, signal, mostWaiting = 20 } = options
  const running = new Set<Promise<void>>()
  let waiting = 0
  let last: Promise<unknown> = Promise.resolve()

  /** Runs `work` after what was asked for before. */
  function inTurn(work: () => Promise<void>): Promise<void> {
    if (waiting > mostWaiting)
      throw new Error(`${mostWaiting} clips wait to be masked already: the clip is kept unmasked, for admins`)
    waiting++
    const done = last
      .then(() => {
        signal.throwIfAborted()
        return work()
      })
      .finally(() => waiting--)
    last = done.catch(() => {})
    return done
  }

  function start(alarm: Alarm, type: Evidence['type'], work: () => Promise<void>): void {
    const done = work()
      .catch((error) => options.onFailure(alarm, type, error))
      .finally(() => running.delete(done))
    running.add(done)
  }

  return {
    record(alarm: Alarm, cameraId: string, thrown: ThrowReport): void {
      const calibration = options.calibration(cameraId)
      const map = calibration && createFacadeMap(calibration)
      const { frame, fromMs, toMs } = thrown
      const lastMs = toMs - fromMs
      const span = { camera: cameraId, fromAt: frame.at - lastMs, toAt: frame.at }
      const needed = () => {
        const camera = options.camera(cameraId)
        if (!camera) throw new Error(`there is no camera ${cameraId}`)
        return camera
      }
      const keep = async (
        facts: Pick<Evidence, 'type' | 'contentType' | 'isRestricted'>,
        extension: string,
        data: Uint8Array | string,
      ) => {
        const { id, temporaryFile } = evidence.reserve(alarm.id, facts.type, extension)
        await writeFile(temporaryFile, data)
        options.addEvidence(alarm.id, await evidence.commit(id, { ...span, ...facts }))
      }
      start(alarm, 'track', () => {
        const document = { camera: cameraId, throw: thrown, ...(calibration ? { calibration } : {}) }
        return keep(
          { type: 'track', contentType: 'application/json' },
          'json',
          `${JSON.stringify(document, null, 2)}\n`,
        )
      })
      start(alarm, 'snapshot', async () => {
        const jpeg = await needed().snapshot()
        if (!jpeg) throw new Error('the camera has no picture')
        const { masked, original } = await drawThrow(jpeg, thrown, map)
        await keep({ type: 'snapshot', contentType: 'image/jpeg' }, 'jpg', masked)
        await keep({ type: 'snapshot', contentType: 'image/jpeg', isRestricted: true }, 'jpg', original)
      })
      start(alarm, 'clip', async () => {
        const camera = needed()
        const whole = evidence.reserve(alarm.id, 'clip', 'mp4')
        const bounds = { beforeMs: aroundMs + lastMs, afterMs: aroundMs }
        const { fromAt, toAt } = await camera.clip({ around: frame, ...bounds, file: whole.temporaryFile, signal })
        const facts = { type: 'clip', camera: cameraId, fromAt, toAt, contentType: 'video/mp4' } as const
        const original = await evidence.commit(whole.id, { ...facts, isRestricted: true })
        options.addEvidence(alarm.id, original)
        await inTurn(async () => {
          const from = evidence.path(original)
          if (!from) throw new Error('the clip is gone')
          const mask = await clearMask(thrown, map, maskWidth, Math.round((maskWidth * 9) / 16))
          const shown = evidence.reserve(alarm.id, 'clip', 'mp4')
          const { ffmpegPath } = options
          const soon = AbortSignal.any([signal, AbortSignal.timeout(longestMaskingMs)])
          const request = { from, mask, file: shown.temporaryFile, signal: soon }
          await writeMaskedClip({ ...request, ...(ffmpegPath ? { ffmpegPath } : {}) })
          options.addEvidence(alarm.id, await evidence.commit(shown.id, facts))
        })
      })
    },
    /** Resolves when nothing is being recorded. */
    async idle(): Promise<void> {
      await Promise.all(running)
    },
  }
}
