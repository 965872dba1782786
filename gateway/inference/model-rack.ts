import type { Detector, Frame, Inference, LookOptions } from '../core/ports.ts'
import { type Comparer, createComparer } from './comparison.ts'
import type { ModelManifest } from './manifest.ts'
import type { DetectorPool, DetectorStats } from './pool.ts'

export interface ModelRackOptions {
  /** The model to begin with, under the name of its folder. */
  folder: string
  manifest: ModelManifest
  /** Opens a pool and resolves when every worker has loaded and tried the model. Rejects with a ConfigError. */
  openPool(manifest: ModelManifest, purpose: 'active' | 'shadow'): Promise<DetectorPool>
  onError(error: unknown, what: string): void
  now(): number
  /** Uniform in [0, 1): which frames a candidate is shown. */
  random(): number
}

/** The models that are loaded: one that decides, perhaps a candidate beside it, and those on their way out. */
export interface ModelRack extends Detector {
  readonly folder: string
  readonly manifest: ModelManifest
  readonly shadowFolder: string | undefined
  /** Of the model in use. */
  stats(): DetectorStats
  /**
   * Loads a model beside the one in use and hands over to it. Frames under way are answered by the model they were
   * given to, and before any later frame of their camera. Rejects with a ConfigError and changes nothing when the model
   * cannot be used.
   */
  switchTo(folder: string, manifest: ModelManifest): Promise<void>
  /** Shows a candidate a share of the live frames; nothing it says has any effect. Ends the candidate before it. */
  shadow(folder: string, manifest: ModelManifest, share: number): Promise<void>
  endShadow(): Promise<void>
  comparer(): Comparer | undefined
  close(): Promise<void>
}

interface Stand {
  folder: string
  manifest: ModelManifest
  pool: DetectorPool
  /** Frames under way, by camera. */
  pending: Map<string, Set<Promise<unknown>>>
}

/** A model on its way out that still has not answered after so long is closed; its frames count as lost with it. */
const leaveWithinMs = 30_000

export async function createModelRack(options: ModelRackOptions): Promise<ModelRack> {
  const { openPool, random, now } = options
  const stand = async (folder: string, manifest: ModelManifest, purpose: 'active' | 'shadow'): Promise<Stand> => ({
    ...{ folder, manifest, pool: await openPool(manifest, purpose), pending: new Map() },
  })
  let active = await stand(options.folder, options.manifest, 'active')
  let candidate: { stand: Stand; share: number; comparer: Comparer } | undefined
  const leaving = new Set<Stand>()
  const retirements = new Set<Promise<void>>()
  let switching: Promise<unknown> = Promise.resolve()
  let isClosed = false

  /** One change at a time: loading takes seconds. */
  function oneByOne<T>(work: () => Promise<T>): Promise<T> {
    const next = switching.then(work, work)
    switching = next.catch(() => {})
    return next
  }

  function look(at: Stand, frame: Frame, how: LookOptions): Promise<Inference | undefined> {
    const answer = at.pool.detect(frame, how)
    const ofCamera = at.pending.get(frame.camera) ?? new Set()
    at.pending.set(frame.camera, ofCamera)
    ofCamera.add(answer)
    void answer.finally(() => ofCamera.delete(answer)).catch(() => {})
    if (at === active) show(frame, answer, how.focus)
    return answer
  }

  /** Shows the candidate the same frame, when the model in use leaves it the time. */
  function show(frame: Frame, answer: Promise<Inference | undefined>, focus: LookOptions['focus']): void {
    if (!candidate || random() >= candidate.share) return
    const { stand, comparer } = candidate
    if (underWay(stand) > 0) {
      comparer.passOver()
      return
    }
    const other = look(stand, frame, { priority: 0, ...(focus && { focus }) })
    Promise.all([answer, other]).then(
      ([ours, theirs]) => (ours && theirs ? comparer.add(ours, theirs) : comparer.passOver()),
      () => comparer.passOver(),
    )
  }

  async function retire(old: Stand): Promise<void> {
    leaving.add(old)
    let timer: NodeJS.Timeout | undefined
    const patience = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, leaveWithinMs)
    })
    while (underWay(old) > 0) {
      const all = [...old.pending.values()].flatMap((ofCamera) => [...ofCamera])
      const isOver = await Promise.race([Promise.allSettled(all).then(() => false), patience.then(() => true)])
      if (isOver) break
    }
    clearTimeout(timer)
    leaving.delete(old)
    await old.pool.close()
  }

  function letGo(old: Stand): void {
    const done = retire(old)
      .catch((error) => options.onError(error, `model ${old.folder} did not close cleanly`))
      .finally(() => retirements.delete(done))
    retirements.add(done)
  }

  async function dropCandidate(): Promise<void> {
    const old = candidate
    candidate = undefined
    if (old) letGo(old.stand)
  }

  return {
    get model() {
      return active.pool.model
    },
    get folder() {
      return active.folder
    },
    get manifest() {
      return active.manifest
    },
    get shadowFolder() {
      return candidate?.stand.folder
    },
    stats: () => active.pool.stats(),
    async detect(frame, how) {
      const before = [...leaving].flatMap((old) => [...(old.pending.get(frame.camera) ?? [])])
      if (before.length === 0) return look(active, frame, how)
      // A later frame answered first would make its scene pass over the earlier one, and what it shows.
      frame.retain()
      try {
        await Promise.allSettled(before)
        return await look(active, frame, how)
      } finally {
        frame.release()
      }
    },
    switchTo: (folder, manifest) =>
      oneByOne(async () => {
        const next = await stand(folder, manifest, 'active')
        if (isClosed) return next.pool.close()
        const old = active
        active = next
        letGo(old)
        // What was compared was compared with the model that has just left.
        await dropCandidate()
      }),
    shadow: (folder, manifest, share) =>
      oneByOne(async () => {
        const next = await stand(folder, manifest, 'shadow')
        if (isClosed) return next.pool.close()
        await dropCandidate()
        candidate = { stand: next, share, comparer: createComparer(active.pool.model, next.pool.model, now) }
      }),
    endShadow: () => oneByOne(dropCandidate),
    comparer: () => candidate?.comparer,
    async close() {
      isClosed = true
      await switching
      await Promise.all([
        active.pool.close(),
        candidate?.stand.pool.close(),
        ...[...leaving].map((old) => old.pool.close()),
      ])
      await Promise.all(retirements)
    },
  }
}

function underWay({ pending }: Stand): number {
  return [...pending.values()].reduce((sum, ofCamera) => sum + ofCamera.size, 0)
}
