import { existsSync, readdirSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { SiteConfig } from './config/site.ts'
import { loadManifest } from './inference/manifest.ts'
import { describeModel, modelToStartWith } from './inference/model-keeper.ts'
import { readPublicKey } from './inference/signature.ts'
import { exportYolo } from './learning/yolo-export.ts'
import { readLearning } from './storage/learning-export.ts'

/* Commands about models and what a site learns; they read only and may run beside the gateway. */

/**
 * `gridgate export-crops`: judged crops as a YOLO data set.
 * @returns the exit code
 */
export async function exportCrops(config: SiteConfig, args: readonly string[]): Promise<number> {
  const { dir, maskHeads, problem } = readExportArgs(args)
  if (problem || !dir) {
    console.error(`export-crops needs --out <folder> and takes --mask-heads${problem ? `: ${problem}` : ''}`)
    return 1
  }
  const database = databaseOf(config)
  if (!database) return 1
  if (existsSync(dir) && readdirSync(dir).length > 0) {
    console.error(`${dir} is not empty; choose a new folder`)
    return 1
  }
  const kept = readLearning(database, join(config.dataDir, 'learning'))
  const { labels } = await loadManifest(join(config.models.dir, config.models.lift))
  const { confirmed, falseAlarms, missing, masked } = await exportYolo({
    ...{ examples: kept.judged, cropPath: kept.cropPath, classes: labels, dir, maskHeads },
  })
  console.log(`${confirmed} confirmed and ${falseAlarms} false alarms written to ${dir}`)
  if (missing > 0) console.log(`${missing} left out: their crop is gone, or the model does not know their label`)
  if (maskHeads)
    console.log(`${masked} heads blurred, of persons the detector found; look through the pictures before sharing`)
  return 0
}

/**
 * `gridgate models`: every model folder with its checks, which one runs, and how candidates compared.
 * @returns 0; 1 when the model that would run cannot be used
 */
export async function listModels(config: SiteConfig): Promise<number> {
  const { dir, lift, publicKey } = config.models
  const key = publicKey === undefined ? undefined : await readPublicKey(publicKey)
  const database = join(config.dataDir, 'gridgate.db')
  const kept = existsSync(database) ? readLearning(database, join(config.dataDir, 'learning')) : undefined
  const switches = kept?.modelSwitches ?? []
  const active = modelToStartWith({ switches: () => switches }, lift)
  const folders = (await readdir(dir, { withFileTypes: true })).filter((entry) => entry.isDirectory())
  let isUsable = false
  for (const { name: folder } of folders.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const row = await describeModel(dir, folder, key)
    if (!row) continue
    const state = row.problem
      ? 'unusable'
      : folder === active
        ? 'active'
        : folder === config.models.shadow?.model
          ? 'shadow'
          : 'ready'
    if (state === 'active') isUsable = true
    const facts =
      row.problem ?? `${row.model}, ${row.licence}, ${row.signature === 'verified' ? 'signed' : 'hash verified'}`
    console.log(`${folder.padEnd(20)} ${state.padEnd(9)} ${facts}`)
  }
  for (const { active, candidate, frames, labels, activeMs, candidateMs, at } of kept?.comparisons ?? []) {
    const ms = `${activeMs.toFixed(0)} and ${candidateMs.toFixed(0)} ms`
    console.log(`\n${candidate} beside ${active}: ${frames} frames until ${new Date(at).toISOString()}, ${ms}`)
    for (const [label, { both, onlyActive, onlyCandidate }] of Object.entries(labels))
      console.log(
        `  ${label.padEnd(18)} both ${both}, only ${active} ${onlyActive}, only ${candidate} ${onlyCandidate}`,
      )
  }
  for (const { at, from, to, by, reason } of switches)
    console.log(`${new Date(at).toISOString()}  ${from} → ${to}  ${reason === 'person' ? `by ${by}` : 'rolled back'}`)
  if (!isUsable) console.error(`the model in use, ${active}, cannot be used`)
  return isUsable ? 0 : 1
}

function readExportArgs(args: readonly string[]): { dir?: string; maskHeads: boolean; problem?: string } {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: { out: { type: 'string' }, 'mask-heads': { type: 'boolean', default: false } },
    })
    return { ...(values.out ? { dir: values.out } : {}), maskHeads: values['mask-heads'] }
  } catch (error) {
    return { maskHeads: false, problem: (error as Error).message }
  }
}

function databaseOf(config: SiteConfig): string | undefined {
  const file = join(config.dataDir, 'gridgate.db')
  if (existsSync(file)) return file
  console.error(`${file} is not there: the gateway has not been started with this site file yet`)
  return undefined
}
