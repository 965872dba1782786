import type { KeyObject } from 'node:crypto'
import { join } from 'node:path'
import type { Logger } from 'pino'
import type { SiteConfig } from './config/site.ts'
import type { FallReport } from './core/acceleration.ts'
import { createFallWatch, type FallWatch } from './inference/fall/fall-watch.ts'
import { type FallModel, loadFallManifest } from './inference/fall/model.ts'
import { createFallWorker } from './inference/fall/worker-model.ts'
import { withTheirDevices } from './running-scenes.ts'

export interface Falls extends FallWatch {
  /**
   * A band that was registered since the start, or given to another person; at the wrist where nothing is said. Resolves
   * when its model is there.
   */
  addBand(device: string, position?: FallModel['position']): Promise<void>
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
    /** Models must be signed by it. */
    modelKey?: KeyObject | undefined
  },
): Promise<Falls> {
  const positions = new Map<string, FallModel['position']>()
  for (const { id, kind } of devices) if (kind === 'wearable') positions.set(id, 'wrist')
  for (const { devices: own, bandPosition } of withTheirDevices(elders, devices))
    for (const id of own) if (positions.has(id)) positions.set(id, bandPosition)
  const loaded = new Map<FallModel['position'], FallModel>()
  const close = async () => {
    await Promise.all([...loaded.values()].map((model) => model.close()))
  }
  const load = async (position: FallModel['position']) => {
    const manifest = await loadFallManifest(
      join(models.dir, position === 'waist' ? models.fallWaist : models.fallWrist),
      context.modelKey,
    )
    return createFallWorker({ manifest, logger: context.logger, random: context.random })
  }
  /** Models that are being loaded for a band that came later. */
  const coming = new Map<FallModel['position'], Promise<FallModel>>()
  try {
    for (const position of new Set(positions.values())) loaded.set(position, await load(position))
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
  return {
    ...watch,
    async addBand(device, position = 'wrist') {
      positions.set(device, position)
      if (loaded.has(position)) return
      const model = coming.get(position) ?? load(position)
      coming.set(position, model)
      loaded.set(position, await model.finally(() => coming.delete(position)))
    },
    close,
  }
}
