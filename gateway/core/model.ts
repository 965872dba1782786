import type { Actor, Refusal } from './alarm.ts'
import type { FieldProblem } from './registration.ts'

/** One change of the model that looks into lifts. */
export interface ModelSwitch {
  at: number
  /** Folder names below `models.dir`. */
  from: string
  to: string
  /** What the site file named at that time: when it names another model later, the site file wins. */
  siteModel: string
  by: string
  reason: 'person' | 'rolled-back'
  /** What was known when it was decided. */
  data: Record<string, unknown>
}

/** How a candidate did on the same live frames as the model in use. */
export interface ModelComparison {
  /** Name and version. */
  active: string
  candidate: string
  since: number
  at: number
  /** Looked at by both. */
  frames: number
  /** Frames the candidate had no time for. */
  passedOver: number
  /** Per label: detections both have at one place, and those only one of them has. */
  labels: Record<string, { both: number; onlyActive: number; onlyCandidate: number }>
  /** Median milliseconds in the worker. */
  activeMs: number
  candidateMs: number
}

/** Where switches and comparisons are kept. */
export interface ModelStore {
  putSwitch(turn: ModelSwitch): void
  /** Newest first. */
  switches(limit: number): ModelSwitch[]
  putComparison(comparison: ModelComparison): void
  /** Newest first. */
  comparisons(limit: number): ModelComparison[]
}

/** A model folder as it was found. */
export interface ModelRow {
  folder: string
  /** Name and version; absent where the folder cannot be used. */
  model?: string
  /** `none`: no key is configured, nothing was checked beyond the hash. */
  signature?: 'verified' | 'none'
  licence?: string
  state: 'active' | 'shadow' | 'ready' | 'unusable'
  /** Why it is unusable. */
  problem?: string
  /** The same one by one, with the key of model.json each is about, for translation. */
  problems?: readonly FieldProblem[]
}

export interface ModelStatus {
  models: readonly ModelRow[]
  /** Whether the alarm rate is being watched after a switch, and until when. */
  watchedUntil?: number
  comparisons: readonly ModelComparison[]
  switches: readonly ModelSwitch[]
}

export interface ModelService {
  status(): Promise<ModelStatus>
  /** Loads, warms up and takes over; refused where the folder cannot be used. */
  switchTo(folder: string, by: Actor): Promise<ModelStatus | Refusal>
  /** Back to the model before the last switch. */
  rollBack(by: Actor): Promise<ModelStatus | Refusal>
}
