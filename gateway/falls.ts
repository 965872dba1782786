import { join } from 'node:path'
import type { Logger } from 'pino'
import type { SiteConfig } from './config/site.ts'
import type { FallReport } from './core/acceleration.ts'
import { createFallWatch, type FallWatch } from './inference/fall/fall-watch.ts'
import { type FallModel, loadFallManifest } from './inference/fall/model.ts'
import { createFallWorker } from './inference/fall/worker-model.ts'

export interface Falls extends FallWatch {
  close(): Promise<void>
}

/**
 * Watches the bands of the site for falls, each with the model of where its wearer wears it; a band that belongs to
 * nobody is taken for one at the wrist. Models that no band needs are not loaded.
 * @throws ConfigError when a model is missing or not what its manifest says
 */
export async function createFalls(
  { devices, elders, models }: Pick<SiteConfig, 'devices' | 'elders' | 'models'>,
  context: {
    onFall(report: FallReport): void
    onError(error: unknown, what: string): void
    now: () => number
    random: () => number
    logger: Logger
  },
): Promise<Falls> {
  const positions = new Map<string, FallModel['position']>()
  for (const { id, kind } of devices) if (kind === 'wearable') positions.set(id, 'wrist')
  for (const { devices: own, bandPosition } of elders)
    for (const id of own) if (positions.has(id)) positions.set(id, bandPosition)
  const loaded = new Map<FallModel['position'], FallModel>()
  const close = async () => {
    await Promise.all([...loaded.values()].map((model) => model.close()))
  }
  try {
    for (const position of new Set(positions.values())) {
      const manifest = await loadFallManifest(
        join(models.dir, position === 'waist' ? models.fallWaist : models.fallWrist),
      )
      loaded.set(position, await createFallWorker({ manifest, logger: context.logger, random: context.random }))
    }
  } catch (error) {
    await close()
    throw error
  }
  const watch = createFallWatch({
    ...context,
    modelOf(device) {
      const position = positions.get(device)
      return position && loaded.get(position)
    },
  })
  return { ...watch, close }
}
