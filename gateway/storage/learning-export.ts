import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from '@photostructure/sqlite'
import type { LearningExample, LearningStore } from '../core/learning.ts'
import type { ModelComparison, ModelSwitch } from '../core/model.ts'
import { createLearningTable } from './learning-table.ts'
import { createModelTable } from './model-table.ts'

/** What a command may read beside a running gateway. */
export interface KeptLearning {
  judged: LearningExample[]
  /** Absolute path of a crop; undefined when it is gone. */
  cropPath(example: Pick<LearningExample, 'file'>): string | undefined
  switches: ReturnType<LearningStore['switches']>
  modelSwitches: ModelSwitch[]
  comparisons: ModelComparison[]
}

/**
 * Reads what a site has learned from, without disturbing a running gateway.
 * @param file the gateway's database
 * @param cropDir folder of the crops
 */
export function readLearning(file: string, cropDir: string): KeptLearning {
  const database = new DatabaseSync(file, { readOnly: true })
  try {
    const table = createLearningTable(database)
    const models = createModelTable(database)
    return {
      judged: table.examples({ isJudged: true, limit: 1_000_000 }),
      cropPath({ file: name }) {
        const path = join(cropDir, name)
        return existsSync(path) ? path : undefined
      },
      switches: table.switches(1),
      modelSwitches: models.switches(20),
      comparisons: models.comparisons(20),
    }
  } finally {
    database.close()
  }
}
