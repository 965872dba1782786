import { type Actor, type Alarm, isRefusal, type Refusal } from '../core/alarm.ts'
import type { Box, Detection } from '../core/detection.ts'
import type { JudgedExample, LearnedVersion, LearningService, LearningStatus, LearningStore } from '../core/learning.ts'
import type { Frame, Inference, Store } from '../core/ports.ts'
import { refuse } from '../core/refusal.ts'
import type { Sighting } from '../core/scene.ts'
import { createAdapter } from './adapter.ts'
import { evaluateHead, type LearningRules } from './evaluation.ts'
import { createExampleKeeper } from './example-keeper.ts'
import { canFit, compare, fitHead } from './head.ts'
import { createSwitch } from './switch.ts'

export interface LearningOptions {
  mode: 'watch' | 'auto'
  label: string
  rules: LearningRules
  /** How long examples are kept, by whether somebody judged them. */
  keepMs: { unjudged: number; judged: number }
  store: LearningStore
  journal: Pick<Store, 'transact' | 'onAppend' | 'alarm'>
  /** The model in use, and whether it gives embeddings. */
  model(): { name: string; canEmbed: boolean }
  liftOf(camera: string): string | undefined
  /** Part of a frame as JPEG; takes the pixels before it returns. */
  encodeCrop(frame: Frame, box: Box): Promise<Uint8Array>
  onError(error: unknown, what: string): void
  now(): number
  newId(): string
  /** Verdicts within this time are learned from together. Default 2 s. */
  settleMs?: number
}

/** What the pipeline needs (its `SecondStage`), what the API offers, and what the composition root looks after. */
export interface Learning {
  embed(): readonly string[]
  review(frame: Frame, inference: Inference): readonly Detection[]
  why: ReturnType<typeof createAdapter>['why']
  keep(alarm: Alarm, sighting: Sighting, frame: Frame): void
  readonly counts: LearningStatus['counts']
  service: LearningService
  /** The model in use has changed: what was learned for another one is of no use. */
  onModel(): void
  sweep(): Promise<void>
  /** Resolves when nothing is being written or fitted. */
  idle(): Promise<void>
  close(): Promise<void>
}

/** Newest verdicts that are fitted to; older ones stay for export. */
const fittedTo = 300
const listedVersions = 20
const listedSwitches = 50

/**
 * Verdicts become a second stage.
 *
 *   verdict ─▶ example judged ─settle─▶ fit ─▶ held-back evaluation ─▶ version
 *                                                   │ better, mode auto, nobody switched it off ─▶ on
 *                                                   │ would lose a confirmed one, while on ─────▶ off
 *                                                   └ otherwise ─▶ only reported
 */
export function createLearning(options: LearningOptions): Learning {
  const { store, journal, label, now, settleMs = 2_000 } = options
  const adapter = createAdapter({
    label,
    floors: options.rules.floors,
    onVetoed: (camera, { at, ...facts }) =>
      journal.transact((transaction) =>
        transaction.append({
          ...{ topic: 'event', at, subject: camera, transition: 'learning-vetoed' },
          ...{ actor: { type: 'system', id: 'gateway' }, data: { label, ...facts } },
        }),
      ),
    onTakenBack: (detection, all, frame, of) => keeper.keepTakenBack(frame.camera, detection, all, frame, of),
  })
  const lever = createSwitch({ store, journal, now })
  const keeper = createExampleKeeper({
    ...{ label, store, liftOf: options.liftOf, encodeCrop: options.encodeCrop },
    ...{ onError: options.onError, now, newId: options.newId, alarm: journal.alarm, onJudged: schedule },
  })
  const lastModel = new Map<string, string>()
  let timer: NodeJS.Timeout | undefined
  let fitting: Promise<unknown> = Promise.resolve()
  let isClosed = false

  const stopListening = journal.onAppend(({ topic, transition, subject, data }) => {
    if (topic !== 'alarm' || transition !== 'verdict') return
    const { verdict } = (data as { alarm: Alarm }).alarm
    if (verdict) keeper.onVerdict(subject, verdict)
  })

  function schedule(): void {
    clearTimeout(timer)
    if (isClosed) return
    timer = setTimeout(() => {
      timer = undefined
      void learn().catch((error) => options.onError(error, 'learning from verdicts failed'))
    }, settleMs)
    timer.unref()
  }

  function judged(): JudgedExample[] {
    const all = store.examples({ isJudged: true, model: options.model().name, limit: fittedTo })
    return all.filter((each): each is JudgedExample => Boolean(each.embedding && each.verdict && each.label === label))
  }

  /** One at a time: each fit sees all verdicts before it. */
  function fit(): Promise<LearnedVersion | Refusal> {
    const next = fitting.then(fitNow, fitNow)
    fitting = next
    return next
  }

  async function fitNow(): Promise<LearnedVersion | Refusal> {
    const { name: model } = options.model()
    const comparison = compare(judged())
    const everything = comparison.examples.map((_, i) => i)
    if (!canFit(comparison, everything)) return refuse('too-few-examples')
    const pause = () => new Promise<void>((resolve) => setImmediate(resolve))
    const report = await evaluateHead(comparison, options.rules, now(), pause)
    return store.putVersion({ model, createdAt: now(), head: fitHead(label, comparison), report })
  }

  /** After verdicts: what they say is tried, and switched where that is allowed. */
  async function learn(): Promise<void> {
    const version = await fit()
    if (isClosed || isRefusal(version)) return
    const { report } = version
    if (report.isBetter && options.mode === 'auto' && !lever.isHeld()) lever.turn(version.version, 'gateway', 'better')
    else if (adapter.version !== undefined && report.heldBack.some(({ confirmedLost }) => confirmedLost > 0))
      lever.turn(undefined, 'gateway', 'confirmed-lost')
    apply()
  }

  /** Takes in use what the switch says, if it belongs to the model in use and its examples are still there. */
  function apply(): void {
    const wanted = lever.version()
    const version = wanted === undefined ? undefined : store.version(wanted)
    const examples = version ? store.examples({ isJudged: true, model: version.model, limit: 10_000 }) : []
    const kept = new Set(examples.map(({ id }) => id))
    const isWhole = version?.head.confirmed.every((id) => kept.has(id)) ?? false
    adapter.use(version && isWhole && version.model === options.model().name ? version : undefined, examples)
  }

  function status(): LearningStatus {
    const { name, canEmbed } = options.model()
    const all = store.examples({ limit: 10_000 }).filter((each) => each.label === label)
    const of = (value: string) => all.filter(({ verdict }) => verdict?.value === value).length
    const [newest] = store.switches(1)
    return {
      ...{ mode: options.mode, label, model: name, canLearn: canEmbed },
      ...(adapter.version !== undefined && newest
        ? { active: { version: adapter.version, since: newest.at, by: newest.by } }
        : {}),
      examples: {
        confirmed: of('confirmed'),
        falseAlarms: of('false-alarm'),
        unjudged: all.filter(({ verdict, alarmId }) => !verdict && alarmId !== undefined).length,
        takenBack: all.filter(({ verdict, alarmId }) => !verdict && alarmId === undefined).length,
      },
      versions: store
        .versions(listedVersions)
        .map(({ version, model, createdAt, report }) => ({ version, model, createdAt, report })),
      switches: store.switches(listedSwitches),
      counts: { ...adapter.counts },
    }
  }

  const service: LearningService = {
    status,
    examples: (limit) => store.examples({ limit }),
    cropPath(id) {
      const example = store.example(id)
      return example && store.cropPath(example)
    },
    async removeExample(id, by) {
      const example = store.example(id)
      if (!example || !(await store.removeExample(id))) return refuse('no-example', { id })
      lever.audit('learning-example-deleted', by, { example: id, alarm: example.alarmId, sha256: example.sha256 })
      apply()
      schedule()
      return undefined
    },
    judge(id, { value, reason }, by) {
      const example = store.example(id)
      if (!example) return refuse('no-example', { id })
      if (example.alarmId !== undefined) return refuse('example-of-alarm')
      store.setVerdict(id, { value, by: by.id, at: now(), ...(reason === undefined ? {} : { reason }) })
      lever.audit('learning-example-judged', by, { example: id, camera: example.camera, value })
      if (value === 'confirmed' && adapter.version !== undefined) lever.turn(undefined, 'gateway', 'confirmed-lost')
      apply()
      schedule()
      return status()
    },
    async evaluate(by) {
      const version = await fit()
      if (isRefusal(version)) return version
      lever.audit('learning-evaluated', by, { version: version.version, isBetter: version.report.isBetter })
      return status()
    },
    switchOn(wanted, by) {
      const model = options.model().name
      const found =
        wanted === undefined
          ? store.versions(listedVersions).find((each) => each.model === model && each.report.isBetter)
          : store.version(wanted)
      if (!found) return wanted === undefined ? refuse('no-better-version') : refuse('no-version', { version: wanted })
      if (found.model !== model) return refuse('version-of-model', { version: found.version, model: found.model })
      if (!found.report.isBetter) return refuse('version-not-better', { version: found.version })
      return turned(found.version, by, 'person')
    },
    switchOff: (by) => (lever.version() === undefined ? refuse('learning-off') : turned(undefined, by, 'person')),
    rollBack: (by) =>
      lever.version() === undefined ? refuse('nothing-switched-on') : turned(lever.before(), by, 'rolled-back'),
  }

  function turned(version: number | undefined, by: Actor, reason: 'person' | 'rolled-back'): LearningStatus | Refusal {
    lever.turn(version, by, reason)
    apply()
    if (version !== undefined && adapter.version !== version) return refuse('version-without-examples', { version })
    return status()
  }

  apply()
  return {
    embed: () => (options.model().canEmbed ? [label] : []),
    review(frame, inference) {
      lastModel.set(frame.camera, inference.model)
      return adapter.review(frame, inference)
    },
    why: adapter.why,
    counts: adapter.counts,
    keep: (alarm, sighting, frame) =>
      keeper.keep(alarm, sighting, frame, lastModel.get(sighting.camera) ?? options.model().name),
    service,
    onModel: apply,
    async sweep() {
      const at = now()
      const removed = await store.sweep({ unjudged: at - options.keepMs.unjudged, judged: at - options.keepMs.judged })
      if (removed > 0) apply()
    },
    async idle() {
      await keeper.idle()
      await fitting.catch(() => {})
    },
    async close() {
      isClosed = true
      clearTimeout(timer)
      stopListening()
      adapter.flush()
      await keeper.idle()
      await fitting.catch(() => {})
    },
  }
}
