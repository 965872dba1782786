import type { Actor, Phrase, Refusal } from './alarm.ts'
import type { Box, Detection } from './detection.ts'

/*
 * A site that learns from its operators. What an alarm showed is kept until somebody says what it was; what was said
 * trains a small second stage between detector and scenes, which may take false sightings back and nothing else.
 */

/** What an alarm showed, or what was taken back instead of raising one, cut out of the very frame. */
export interface LearningExample {
  id: string
  /** Absent: it was taken back, so there is no alarm, and it is judged by itself. */
  alarmId?: string
  camera: string
  lift?: string
  label: string
  /** Model name and version: embeddings of different models have nothing to do with each other. */
  model: string
  /** The detector's own score, 0…1. */
  score: number
  /** In fractions of the frame. */
  box: Box
  /** What the crop shows, in fractions of the frame: the box with some of its surroundings. */
  cropBox: Box
  /** What else the model saw in the frame, without embeddings. */
  others: readonly Detection[]
  /** Epoch ms, on the frame's clock. */
  seenAt: number
  /** Of unit length; absent where the model has none. */
  embedding?: Float32Array
  /** Path below the folder of crops. */
  file: string
  sha256: string
  createdAt: number
  verdict?: ExampleVerdict
}

export interface ExampleVerdict {
  value: 'confirmed' | 'false-alarm'
  reason?: string
  by: string
  at: number
}

/** A judged example as fitting needs it. */
export interface JudgedExample extends LearningExample {
  embedding: Float32Array
  verdict: ExampleVerdict
}

/** One way of asking "what if": every example was judged by a head that had not seen it. */
export interface HeldBack {
  /** How the examples were held back. */
  split: 'one-out' | 'newest' | 'lift-out'
  confirmed: number
  /** Confirmed ones it would have taken back. */
  confirmedLost: number
  falseAlarms: number
  falseRemoved: number
}

/** What shadow evaluation said of one version. */
export interface LearningReport {
  at: number
  confirmed: number
  falseAlarms: number
  heldBack: readonly HeldBack[]
  /** Whether it may be switched on. */
  isBetter: boolean
  /** Why not, for the console. */
  why: readonly Phrase[]
}

/** A linear head over embeddings, with the examples its floors compare to. Plain data: stored as JSON. */
export interface LearnedHead {
  label: string
  mean: readonly number[]
  /** Root mean square distance of the examples from `mean`. */
  scale: number
  weights: readonly number[]
  bias: number
  /** Below this margin something is like a false alarm. */
  vetoBelow: number
  /** Ids of the examples it was fitted to. */
  confirmed: readonly string[]
  falseAlarms: readonly string[]
}

/** One version of what a site has learned. Versions are never changed. */
export interface LearnedVersion {
  version: number
  model: string
  createdAt: number
  head: LearnedHead
  report: LearningReport
}

/** One turn of the switch; the newest tells what runs. */
export interface LearningSwitch {
  at: number
  /** Absent: off. */
  version?: number
  by: string
  reason: 'person' | 'better' | 'rolled-back' | 'confirmed-lost'
}

/** Where examples and versions are kept. */
export interface LearningStore {
  /** Crop first (fsync, rename), then the row that names it. */
  putExample(example: Omit<LearningExample, 'file' | 'sha256'>, jpeg: Uint8Array): Promise<LearningExample>
  example(id: string): LearningExample | undefined
  exampleOfAlarm(alarmId: string): LearningExample | undefined
  /** Newest first. */
  examples(filter: { isJudged?: boolean; model?: string; limit: number }): LearningExample[]
  setVerdict(id: string, verdict: ExampleVerdict): void
  /** Taken back, not judged: all but the newest `keep`. */
  takenBackBeyond(keep: number): LearningExample[]
  /** Absolute path of a crop; undefined when it is gone. */
  cropPath(example: LearningExample): string | undefined
  /** Deletes crop and embedding for good. */
  removeExample(id: string): Promise<boolean>
  /** Deletes unjudged examples made before one instant and judged ones made before the other; files without a row. */
  sweep(before: { unjudged: number; judged: number }): Promise<number>
  putVersion(draft: Omit<LearnedVersion, 'version'>): LearnedVersion
  version(version: number): LearnedVersion | undefined
  /** Newest first. */
  versions(limit: number): LearnedVersion[]
  putSwitch(turn: LearningSwitch): void
  /** Newest first. */
  switches(limit: number): LearningSwitch[]
}

/** What the API offers of it. */
export interface LearningStatus {
  /** `watch`: learns and evaluates, never switches on by itself. */
  mode: 'off' | 'watch' | 'auto'
  label: string
  model: string
  /** Whether the model in use gives embeddings at all. */
  canLearn: boolean
  /** The version in use; absent while off. */
  active?: { version: number; since: number; by: string }
  /** `takenBack`: without an alarm, and nobody has said yet what they were. */
  examples: { confirmed: number; falseAlarms: number; unjudged: number; takenBack: number }
  /** Newest first. */
  versions: ReadonlyArray<Pick<LearnedVersion, 'version' | 'model' | 'createdAt' | 'report'>>
  switches: readonly LearningSwitch[]
  /** Since the start. */
  counts: { judged: number; vetoed: number; protected: number }
}

export interface LearningService {
  status(): LearningStatus
  examples(limit: number): LearningExample[]
  cropPath(id: string): string | undefined
  removeExample(id: string, by: Actor): Promise<Refusal | undefined>
  /**
   * What a sighting that was taken back really was. A confirmed one switches off what took it back. Refused for
   * examples of alarms: those are judged on the alarm.
   */
  judge(id: string, verdict: Pick<ExampleVerdict, 'value' | 'reason'>, by: Actor): LearningStatus | Refusal
  /** Fits and evaluates now; nothing is switched. */
  evaluate(by: Actor): Promise<LearningStatus | Refusal>
  /** The newest version that is better, or the one named. */
  switchOn(version: number | undefined, by: Actor): LearningStatus | Refusal
  switchOff(by: Actor): LearningStatus | Refusal
  /** Back to the version that ran before the present one; off where there was none. */
  rollBack(by: Actor): LearningStatus | Refusal
}
