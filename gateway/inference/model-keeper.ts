import type { KeyObject } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Actor, Phrase, Refusal } from '../core/alarm.ts'
import { ConfigError } from '../core/errors.ts'
import type { ModelRow, ModelService, ModelStatus, ModelStore } from '../core/model.ts'
import type { Store } from '../core/ports.ts'
import { refuse } from '../core/refusal.ts'
import type { FieldProblem } from '../core/registration.ts'
import { type DriftRule, driftOf } from './drift.ts'
import { loadManifest, type ModelManifest } from './manifest.ts'
import type { ModelRack } from './model-rack.ts'

export interface ModelKeeperOptions {
  rack: ModelRack
  dir: string
  key?: KeyObject
  /** `models.lift` of the site file. */
  siteModel: string
  /** Labels the scenes look for: a model without one of them would be blind to it. */
  neededLabels: readonly string[]
  /** Site-file key models.shadow. */
  shadow?: { model: string; share: number }
  rule: DriftRule & { baselineMs: number; watchMs: number }
  store: ModelStore
  journal: Pick<Store, 'transact' | 'alarms' | 'journal'>
  onSwitched(): void
  onError(error: unknown, what: string): void
  now(): number
}

export interface ModelKeeper {
  service: ModelService
  /** Loads the candidate of the site file; a candidate that cannot be used is an event, never a failed start. */
  start(): Promise<void>
  /** Compares alarm rates after a switch, writes the comparison down. Call it every second; it works once a minute. */
  tick(): void
  /** Resolves when no switch is under way. */
  idle(): Promise<void>
}

const system: Actor = { type: 'system', id: 'gateway' }
const lookEveryMs = 60_000
const listed = 20

/** The model that runs at a start: the one switched to last, unless the site file names another than it did then. */
export function modelToStartWith(store: Pick<ModelStore, 'switches'>, siteModel: string): string {
  const [newest] = store.switches(1)
  return newest && newest.siteModel === siteModel ? newest.to : siteModel
}

/**
 * Which model looks, and for how long it is trusted.
 *
 *   in use ──person switches──▶ watched ──watchMs over──▶ in use
 *     ▲                            │ camera alarms `factor` times as many or as few as before
 *     └──── the model before ◀─────┘ (a line of the journal says with which figures)
 */
export function createModelKeeper(options: ModelKeeperOptions): ModelKeeper {
  const { rack, dir, store, journal, rule, now } = options
  let lookedAt = now()
  let rolling: Promise<unknown> = Promise.resolve()

  const load = (folder: string) => loadManifest(join(dir, folder), options.key)

  function write(transition: string, by: Actor, data: Record<string, unknown>): void {
    const topic = by.type === 'system' ? 'event' : 'audit'
    journal.transact((transaction) =>
      transaction.append({ topic, at: now(), subject: 'models', transition, actor: by, data }),
    )
  }

  async function rows(): Promise<ModelRow[]> {
    const entries = await readdir(dir, { withFileTypes: true })
    const folders = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name)
    const found = await Promise.all(folders.sort().map(async (folder) => describeModel(dir, folder, options.key)))
    return found
      .filter((row) => row !== undefined)
      .map((row) => ({ ...row, ...(row.state === 'ready' ? { state: stateOf(row.folder) } : {}) }))
  }

  const stateOf = (folder: string) =>
    folder === rack.folder ? 'active' : folder === rack.shadowFolder ? 'shadow' : 'ready'

  /** The last switch, while it is watched. */
  function watched() {
    const [newest] = store.switches(1)
    const isWatched =
      newest?.reason === 'person' && newest.to === rack.folder && now() - newest.at < rule.watchMs && newest.at <= now()
    return isWatched ? newest : undefined
  }

  async function status(): Promise<ModelStatus> {
    const turn = watched()
    writeComparison()
    return {
      models: await rows(),
      ...(turn ? { watchedUntil: turn.at + rule.watchMs } : {}),
      comparisons: store.comparisons(listed),
      switches: store.switches(listed),
    }
  }

  async function change(
    folder: string,
    by: Actor,
    reason: 'person' | 'rolled-back',
    data: Record<string, unknown>,
  ): Promise<Refusal | undefined> {
    const from = rack.folder
    if (folder === from) return refuse('model-in-use', { folder })
    if (!/^[\w.-]+$/.test(folder)) return refuse('model-name', { folder })
    let manifest: ModelManifest
    try {
      manifest = await load(folder)
      const missing = options.neededLabels.filter((label) => !manifest.labels.includes(label))
      if (missing.length > 0) return refuse('model-labels', { folder, labels: missing.join(', ') })
      writeComparison()
      await rack.switchTo(folder, manifest)
    } catch (error) {
      if (error instanceof ConfigError)
        return { ...refuse('model-unusable', { problem: error.message }), details: fieldsOf(error) }
      throw error
    }
    store.putSwitch({ at: now(), from, to: folder, siteModel: options.siteModel, by: by.id, reason, data })
    write(reason === 'person' ? 'model-switched' : 'model-rolled-back', by, { from, to: folder, ...data })
    options.onSwitched()
    return undefined
  }

  /** Camera alarms raised from one instant to another; counting ends at a thousand. */
  function alarmsBetween(since: number, until: number): number {
    const { items } = journal.alarms({ since, until, limit: 1000 })
    return items.filter(({ source }) => source.type === 'camera').length
  }

  function watch(): void {
    const turn = watched()
    if (!turn) return
    const begun = journal.journal({ after: 0, limit: 1 })[0]?.at ?? turn.at
    const since = Math.max(turn.at - rule.baselineMs, begun)
    const rates = {
      baselineAlarms: alarmsBetween(since, turn.at),
      baselineMs: turn.at - since,
      alarms: alarmsBetween(turn.at, now()),
      elapsedMs: now() - turn.at,
    }
    const drift = driftOf(rates, rule)
    if (!drift) return
    rolling = change(turn.from, system, 'rolled-back', { drift, factor: rule.factor, ...rates }).then(
      (refusal) => refusal && write('model-roll-back-failed', system, { to: turn.from, reason: refusal.refused }),
      (error) => options.onError(error, `the model before could not be brought back: ${turn.from}`),
    )
  }

  function writeComparison(): void {
    const report = rack.comparer()?.report()
    if (report && report.frames + report.passedOver > 0) store.putComparison(report)
  }

  return {
    service: {
      status,
      async switchTo(folder, by) {
        const comparison = rack.shadowFolder === folder ? rack.comparer()?.report() : undefined
        return (await change(folder, by, 'person', comparison ? { comparison } : {})) ?? status()
      },
      async rollBack(by) {
        const before = store.switches(listed).find(({ to, reason }) => to === rack.folder && reason === 'person')
        if (!before) return refuse('no-model-before')
        return (await change(before.from, by, 'rolled-back', {})) ?? status()
      },
    },
    async start() {
      const { shadow } = options
      if (!shadow || shadow.model === rack.folder) return
      try {
        await rack.shadow(shadow.model, await load(shadow.model), shadow.share)
        write('model-shadow', system, { candidate: shadow.model, share: shadow.share })
      } catch (error) {
        if (!(error instanceof ConfigError)) throw error
        write('model-shadow-failed', system, { candidate: shadow.model, reason: error.message })
      }
    },
    tick() {
      if (Math.abs(now() - lookedAt) < lookEveryMs) return
      lookedAt = now()
      writeComparison()
      watch()
    },
    async idle() {
      await rolling
    },
  }
}

/** What is wrong with a model, told as what is wrong with any file of lines and fields. */
function fieldsOf({ problems }: ConfigError): FieldProblem[] {
  return problems.map(({ path, line, message, phrase }) => ({
    field: [line === undefined ? '' : `line ${line}`, path].filter(Boolean).join(': '),
    message,
    ...(phrase ? { phrase } : {}),
  }))
}

const isWithoutManifest = (phrase: Phrase | undefined) => phrase?.key === 'no-model-file' && phrase.code === 'ENOENT'

/** What a model folder holds; undefined for folders without a model of pictures. */
export async function describeModel(dir: string, folder: string, key?: KeyObject): Promise<ModelRow | undefined> {
  try {
    const { name, version, licence } = await loadManifest(join(dir, folder), key)
    return { folder, model: `${name}@${version}`, licence, signature: key ? 'verified' : 'none', state: 'ready' }
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    // A folder without a manifest (training) or with one of another task (falls) is not ours.
    if (error.problems.some(({ path, phrase }) => path === 'task' || isWithoutManifest(phrase))) return undefined
    return { folder, state: 'unusable', problem: error.message, problems: fieldsOf(error) }
  }
}
