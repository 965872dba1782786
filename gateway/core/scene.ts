import type { TSchema } from 'typebox'
import type { FallReport } from './acceleration.ts'
import type { Phrase, Severity } from './alarm.ts'
import type { Detection } from './detection.ts'
import type { Metric } from './device-kind.ts'
import type { Elder } from './elder.ts'
import type { Measurement } from './measurement.ts'
import type { Place } from './place.ts'
import type { LocalTime } from './schedule.ts'
import type { ThrowReport } from './throw.ts'

/** Instant of a frame on two clocks: the gateway's (epoch ms) and the stream's own (ms since its session began). */
export interface FrameTime {
  at: number
  mediaMs: number
  /** Names the stream session mediaMs belongs to: it changes at every reconnect. */
  session: string
}

/** What a scene is shown. `at` is the only clock it has. */
export type Observation =
  | { type: 'frame'; at: number; camera: string; frame: FrameTime; detections: readonly Detection[] }
  | { type: 'measurement'; at: number; measurement: Measurement }
  | { type: 'fall'; at: number; fall: FallReport }
  /** Something fell past the facade that the camera watches. */
  | { type: 'throw'; at: number; camera: string; thrown: ThrowReport }
  | { type: 'camera'; at: number; camera: string; isUp: boolean }
  | { type: 'device'; at: number; device: string; isUp: boolean }
  /**
   * What was last known of a device when the gateway started: `at` is now, the measurement keeps its own instants. A
   * state in it still counts (a door stands open since); an occurrence in it (a press, a fall) is over.
   */
  | { type: 'remembered'; at: number; measurement: Measurement }
  | { type: 'tick'; at: number }

/** Which frame shows the finding, and where in it. */
export interface Sighting {
  camera: string
  frame: FrameTime
  detections: readonly Detection[]
  /** The one of them the scene acted on, where it was one. */
  subject?: Detection
}

/** Names an alarm: there is one open alarm of a kind per place and source. */
export interface AlarmKey {
  kind: string
  place: Place
  source: { type: 'camera' | 'device'; id: string }
}

/** What a scene concludes. */
export type Finding =
  | {
      type: 'raise'
      at: number
      /** Alarm kind; a key of the disposal list. */
      kind: string
      place: Place
      source: { type: 'camera' | 'device'; id: string }
      /** Whom it concerns, where it concerns one person: the id of an elder. */
      person?: string
      severity: Severity
      certainty: number
      /** Sentences-in-data for the console: i18n key + parameters, why this alarm was raised. */
      why: readonly Phrase[]
      sighting?: Sighting
      /**
       * It has happened just now (a press, a fall) and does not merely go on. A scene that began anew knows nothing of
       * an alarm from before: where somebody has answered that one, this is a new alarm.
       */
      isOccurrence?: true
    }
  /** More is known of an open alarm: it weighs more or less than it did, and why. */
  | ({ type: 'reassess'; at: number; severity: Severity; certainty: number; why: readonly Phrase[] } & AlarmKey)
  /** While its parent is open an alarm needs nobody of its own; `by` undefined: it stands for itself again. */
  | ({ type: 'suppress'; at: number; by: AlarmKey | undefined } & AlarmKey)
  /**
   * Still there: counts as a repeat of the open alarm and keeps its lastSeenAt fresh. `isAgain`: not the same going on but
   * once more, as another press: where somebody has settled the open alarm this is a new one.
   */
  | {
      type: 'seen'
      at: number
      kind: string
      place: Place
      source: { type: 'camera' | 'device'; id: string }
      isAgain?: true
    }
  | { type: 'clear'; at: number; kind: string; place: Place; source: { type: 'camera' | 'device'; id: string } }
  /** Speak in the place. `nth` counts from 1 within one entry. */
  | { type: 'warn'; at: number; kind: string; place: Place; clip: string; nth: number }
  /** Ask for full frame rate of a camera until `until`: it may be about to matter. */
  | { type: 'attend'; at: number; camera: string; until: number }
  /** Door hold wanted or no longer wanted; the door driver applies its own safety rules. */
  | { type: 'hold-door'; at: number; place: Place; wanted: boolean }
  /** Something a person may want to read tomorrow, but need not act on: an event, not an alarm. */
  | {
      type: 'event'
      at: number
      kind: string
      place: Place
      source: { type: 'camera' | 'device'; id: string }
      data: Record<string, unknown>
    }

/** One running scene. Pure: same observations, same findings. */
export interface Scene {
  observe(observation: Observation): readonly Finding[]
  /**
   * When it wants its next tick, epoch ms; Infinity: not before it is shown something else. Asked after each
   * observation. A scene without it gets every tick.
   */
  wakeAt?(): number
  /** What it has learnt, as JSON, to be kept over a restart. */
  snapshot?(): unknown
  /** What `snapshot` said before the restart, perhaps of an older version: what it cannot use is as good as nothing. */
  restore?(learnt: unknown): void
}

/** A device as scenes need to know it. */
export interface TargetDevice {
  id: string
  kind: string
  place: Place
  heartbeatMs: number
  /** What it reaches us through, where it shares that with others: they fall silent together. */
  bridge?: string
}

/** What a scene watches. */
export interface SceneTarget {
  place: Place
  /** A `camera` scene's own comes first. */
  cameras: readonly string[]
  /** Devices of the same target are each other's neighbours. */
  devices: readonly TargetDevice[]
  /** Whom it is about. */
  elder?: Elder
  /** The site's local time, for scenes that go by the time of day; UTC where absent. */
  localTime?: (at: number) => LocalTime
}

/** What one instance of a scene stands for; `place`: building and unit, as far as they are known. */
export type ScenePer = 'lift' | 'camera' | 'device' | 'place' | 'elder' | 'site'

export interface SceneDefinition<Options> {
  kind: string
  options: TSchema
  /** Default `lift`. */
  per?: ScenePer
  /** Of `camera` scenes: what else it looks at beside its own camera. */
  alsoCameras?(options: Options, camera: string): readonly string[]
  /** Kinds of devices it is shown; absent: every kind. */
  deviceKinds?: readonly string[]
  /** Metrics it reads; others never reach it. Absent: all. */
  metrics?: readonly Metric[]
  /** Runs for all that it fits without an entry in the site file; an entry there changes its options or switches it off. */
  isDefault?: true
  /** Of `elder` scenes: of which kinds the elder must have at least one device. Absent: of any that it is shown. */
  neededKinds?: readonly string[]
  /** Of `elder` scenes: also run for each needed device that belongs to no elder. */
  isForUnowned?: true
  /** Needs the elder's consent to keep health data. */
  needsHealthConsent?: true
  create(options: Options, target: SceneTarget): Scene
}

/** Declares a scene: one file, one line in scenes/index.ts, golden cases beside it. */
export function defineScene<Options>(definition: SceneDefinition<Options>): SceneDefinition<Options> {
  return definition
}
