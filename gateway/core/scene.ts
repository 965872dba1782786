import type { TSchema } from 'typebox'
import type { FallReport } from './acceleration.ts'
import type { Severity } from './alarm.ts'
import type { Detection } from './detection.ts'
import type { Measurement } from './measurement.ts'
import type { Place } from './place.ts'

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
  | { type: 'camera'; at: number; camera: string; isUp: boolean }
  | { type: 'device'; at: number; device: string; isUp: boolean }
  | { type: 'tick'; at: number }

/** Which frame shows the finding, and where in it. */
export interface Sighting {
  camera: string
  frame: FrameTime
  detections: readonly Detection[]
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
      why: ReadonlyArray<{ key: string; [parameter: string]: string | number }>
      sighting?: Sighting
    }
  /** Still there: counts as a repeat of the open alarm and keeps its lastSeenAt fresh. */
  | { type: 'seen'; at: number; kind: string; place: Place; source: { type: 'camera' | 'device'; id: string } }
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
  observe(observation: Observation): Finding[]
}

/** What a scene watches. */
export interface SceneTarget {
  place: Place
  cameras: readonly string[]
  devices: readonly string[]
}

export interface SceneDefinition<Options> {
  kind: string
  options: TSchema
  create(options: Options, target: SceneTarget): Scene
}

/** Declares a scene: one file, one line in scenes/index.ts, golden cases beside it. */
export function defineScene<Options>(definition: SceneDefinition<Options>): SceneDefinition<Options> {
  return definition
}
