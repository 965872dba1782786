import type { KeyObject } from 'node:crypto'
import { setMaxListeners } from 'node:events'
import { join } from 'node:path'
import type { Logger } from 'pino'
import type { SiteConfig } from './config/site.ts'
import { ConfigError } from './core/errors.ts'
import type { FacadeService } from './core/facade.ts'
import { FacadeProblem } from './core/facade-map.ts'
import type { CameraStatus, Frame } from './core/ports.ts'
import { type Refusal, refuse } from './core/refusal.ts'
import type { ThrowReport } from './core/throw.ts'
import {
  checkFallingModel,
  createFacadeMap,
  createFallingWatch,
  type FacadeCalibration,
  type FallingWatch,
} from './falling/index.ts'
import { readDocument } from './inference/manifest.ts'
import type { OpenStore } from './storage/store.ts'

export interface FacadesContext {
  store: Pick<OpenStore, 'calibrationRows' | 'transact'>
  onThrow(camera: string, thrown: ThrowReport): void
  /** What watches a camera was lost, or is back. */
  onWatch(camera: string, isUp: boolean, reason?: string): void
  random(): number
  now(): number
  logger: Logger
  /** The model must be signed by it. */
  modelKey?: KeyObject | undefined
}

export interface FacadeFrames {
  camera: string
  outcome: 'analysed' | 'unknown' | 'crowded' | 'dropped'
  count: number
}

export interface Facades {
  watches(camera: string): boolean
  /** Takes every picture of a facade camera; returns at once. */
  observe(frame: Frame): void
  calibrationOf(camera: string): FacadeCalibration | undefined
  /** The camera's status with what is to be said of its watching. */
  completed(status: CameraStatus): CameraStatus
  frames(): FacadeFrames[]
  restarts(): Array<{ camera: string; count: number }>
  service: FacadeService
  run(signal: AbortSignal): Promise<void>
}

/** Cameras named by scenes that look for thrown objects. */
export function facadeCameras({ scenes }: Pick<SiteConfig, 'scenes'>): Set<string> {
  const found = new Set<string>()
  for (const { scene, cameras = [], isEnabled } of scenes)
    if (scene === 'high-rise-throwing') for (const id of cameras) isEnabled === false ? found.delete(id) : found.add(id)
  return found
}

/** A facade is unwatched for seconds, not for minutes. */
const restart = { minMs: 500, maxMs: 10_000 }

/**
 * Watches the facades of the site, each camera in a thread of its own: one that dies costs no other camera anything.
 * @throws ConfigError where the model is missing or a calibration of the site file spans no plane
 */
export async function createFacades(
  { scenes, cameras, models, file }: Pick<SiteConfig, 'scenes' | 'cameras' | 'models' | 'file'>,
  context: FacadesContext,
): Promise<Facades> {
  const names = facadeCameras({ scenes })
  const { calibrationRows } = context.store
  const written = new Map<string, FacadeCalibration>()
  for (const { scene, options } of scenes)
    if (scene === 'high-rise-throwing')
      for (const [camera, calibration] of Object.entries(
        (options as { calibration?: Record<string, FacadeCalibration> }).calibration ?? {},
      ))
        written.set(camera, calibration)
  const problems = [...written].flatMap(([camera, calibration]) => {
    const problem = problemOf(calibration)
    return problem ? [{ path: `scenes, calibration of ${camera}`, message: problem.refused }] : []
  })
  if (problems.length > 0) throw new ConfigError(file, problems)

  const calibrationOf = (camera: string) => calibrationRows.get(camera)?.calibration ?? written.get(camera)
  const lost = new Set<string>()
  const restarts = new Map<string, number>()
  const watches = new Map<string, FallingWatch>()
  const modelFile = join(models.dir, 'falling-track', 'model.json')
  const model =
    names.size === 0 ? undefined : checkFallingModel(modelFile, await readDocument(modelFile, context.modelKey))
  for (const { id, ignoreZones } of cameras) {
    if (!model || !names.has(id)) continue
    const calibration = calibrationOf(id)
    watches.set(
      id,
      createFallingWatch({
        model,
        cameras: [{ id, masks: ignoreZones, ...(calibration ? { calibration } : {}) }],
        random: context.random,
        restart,
        onThrow(camera, event, frame) {
          // A throw of a session that has just ended has no instant on our clock: it was a moment ago.
          const at = Number.isFinite(frame.at) ? frame.at : context.now()
          context.onThrow(camera, { ...event, frame: { ...frame, at } })
        },
        onLost(reason) {
          restarts.set(id, (restarts.get(id) ?? 0) + 1)
          if (lost.has(id)) return
          lost.add(id)
          context.logger.warn({ camera: id, reason }, 'the watch over a facade was lost')
          context.onWatch(id, false, reason)
        },
        onBack() {
          lost.delete(id)
          context.logger.info({ camera: id }, 'the watch over a facade is back')
          context.onWatch(id, true)
        },
      }),
    )
  }

  const known: FacadeService['calibration'] = (camera) => {
    if (!watches.has(camera)) return undefined
    const drawn = calibrationRows.get(camera)
    if (drawn) return { camera, source: 'drawn', calibration: drawn.calibration, drawnAt: drawn.at, drawnBy: drawn.by }
    const calibration = written.get(camera)
    return calibration ? { camera, source: 'site-file', calibration } : { camera, source: 'none' }
  }

  return {
    watches: (camera) => watches.has(camera),
    observe: (frame) => watches.get(frame.camera)?.observe(frame),
    calibrationOf,
    completed: (status) => (lost.has(status.id) ? { ...status, isUnwatched: true } : status),
    frames: () =>
      [...watches].flatMap(([camera, watch]): FacadeFrames[] => {
        const { droppedFrames, counters } = watch.status(camera)
        const { frames = 0, unknownFrames = 0, crowdedFrames = 0 } = counters ?? {}
        return [
          { camera, outcome: 'analysed', count: frames - unknownFrames - crowdedFrames },
          { camera, outcome: 'unknown', count: unknownFrames },
          { camera, outcome: 'crowded', count: crowdedFrames },
          { camera, outcome: 'dropped', count: droppedFrames },
        ]
      }),
    restarts: () => [...watches.keys()].map((camera) => ({ camera, count: restarts.get(camera) ?? 0 })),
    service: {
      calibration: known,
      calibrate(camera, calibration, by) {
        const watch = watches.get(camera)
        if (!watch) return refuse('no-facade', { camera })
        const problem = problemOf(calibration)
        if (problem) return problem
        const at = context.now()
        context.store.transact((transaction) => {
          calibrationRows.put(camera, { calibration, at, by: by.id })
          transaction.append({
            ...{ topic: 'audit', at, subject: camera, transition: 'facade-calibrated', actor: by },
            data: { camera, calibration },
          })
        })
        watch.calibrate(camera, calibration)
        return known(camera)!
      },
    },
    async run(outer) {
      // Every facade listens until the end, which is no leak.
      const signal = AbortSignal.any([outer])
      setMaxListeners(0, signal)
      await Promise.all([...watches.values()].map((watch) => watch.run(signal)))
    },
  }
}

function problemOf(calibration: FacadeCalibration): Refusal | undefined {
  try {
    createFacadeMap(calibration)
    return undefined
  } catch (error) {
    if (error instanceof FacadeProblem) return error.refusal
    throw error
  }
}
