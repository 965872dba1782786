import type { KeyObject } from 'node:crypto'
import { join } from 'node:path'
import type { Logger } from 'pino'
import { encodeCrop } from './cameras/index.ts'
import type { SiteConfig } from './config/site.ts'
import type { LearningService } from './core/learning.ts'
import type { ModelService } from './core/model.ts'
import { loadManifest, type ModelManifest } from './inference/manifest.ts'
import { createModelKeeper, modelToStartWith } from './inference/model-keeper.ts'
import { createModelRack, type ModelRack } from './inference/model-rack.ts'
import { createDetectorPool } from './inference/pool.ts'
import { createLearning, type Learning } from './learning/learning.ts'
import { defaultFloors } from './learning/second-stage.ts'
import type { SecondStage } from './pipeline.ts'
import { createCropStore } from './storage/crop-store.ts'
import { newId } from './storage/id.ts'
import type { OpenStore } from './storage/store.ts'

export interface EyesContext {
  store: OpenStore
  logger: Logger
  random(): number
  now(): number
  onError(error: unknown, what: string): void
  /** Models must be signed by it. */
  modelKey?: KeyObject | undefined
}

/** What sees: the models, and what the site has learned on top of them. */
export interface Eyes {
  detector: ModelRack
  /** Absent where learning is off. */
  secondStage?: SecondStage
  counts(): { judged: number; vetoed: number; protected: number } | undefined
  /** For the API. */
  services: { models: ModelService; learning?: LearningService }
  /** Loads the candidate of the site file, in the background. */
  start(): void
  tick(): void
  sweep(): Promise<void>
  /** Before the store closes. */
  close(): Promise<void>
}

/**
 * Opens the model in use, verified, with its workers.
 * @throws {ConfigError} when it cannot be used
 */
export async function openEyes(config: SiteConfig, context: EyesContext): Promise<Eyes> {
  const { store, logger, random, now, onError } = context
  const { dir, shadow, rollBack, workers } = config.models
  const { modelKey: key } = context
  const folder = modelToStartWith(store.modelRows, config.models.lift)
  const detector = await createModelRack({
    folder,
    manifest: await loadManifest(join(dir, folder), key),
    openPool: (manifest, purpose) =>
      createDetectorPool({ manifest, workers: purpose === 'active' ? workers : 1, logger, random }),
    ...{ onError, now, random },
  })
  const learning = config.learning.mode === 'off' ? undefined : openLearning(config, context, detector)
  const keeper = createModelKeeper({
    ...{ rack: detector, dir, siteModel: config.models.lift, rule: rollBack, store: store.modelRows, journal: store },
    ...(key ? { key } : {}),
    ...(shadow ? { shadow } : {}),
    neededLabels: sceneLabels(config),
    onSwitched: () => learning?.onModel(),
    ...{ onError, now },
  })
  let starting: Promise<void> = Promise.resolve()
  return {
    detector,
    ...(learning ? { secondStage: learning } : {}),
    services: { models: keeper.service, ...(learning ? { learning: learning.service } : {}) },
    counts: () => learning?.counts,
    start() {
      starting = keeper.start().catch((error) => onError(error, 'the candidate model could not be loaded'))
    },
    tick: keeper.tick,
    sweep: async () => learning?.sweep(),
    async close() {
      await starting
      await keeper.idle()
      await learning?.close()
      await detector.close()
    },
  }
}

function openLearning(config: SiteConfig, { store, now, onError }: EyesContext, detector: ModelRack): Learning {
  const { mode, label, keepScore, minimumConfirmed, minimumFalse, keepMs } = config.learning
  return createLearning({
    mode: mode === 'auto' ? 'auto' : 'watch',
    label,
    rules: { floors: { ...defaultFloors, keepScore }, minimumConfirmed, minimumFalse },
    keepMs: { unjudged: config.retention.evidenceMs, judged: keepMs },
    store: createCropStore({ dir: join(config.dataDir, 'learning'), store }),
    journal: store,
    model: () => ({ name: detector.model, canEmbed: canEmbed(detector.manifest) }),
    liftOf: (camera) => config.cameras.find(({ id }) => id === camera)?.place.lift,
    encodeCrop,
    ...{ onError, now, newId: () => newId('example', now()) },
  })
}

const canEmbed = ({ embedding }: ModelManifest): boolean => embedding !== undefined

/** What the scenes that look at pictures look for. */
function sceneLabels(config: SiteConfig): string[] {
  const labels = config.scenes.flatMap(({ options }) => {
    const { label } = options as { label?: unknown }
    return typeof label === 'string' ? [label] : []
  })
  return [...new Set(labels)]
}
