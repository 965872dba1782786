import type { Phrase } from '../core/alarm.ts'
import type { Detection } from '../core/detection.ts'
import type { LearnedVersion, LearningExample } from '../core/learning.ts'
import type { Frame, Inference } from '../core/ports.ts'
import type { Sighting } from '../core/scene.ts'
import { type Anchors, type Floors, type Judgement, judge } from './second-stage.ts'

export interface AdapterOptions {
  label: string
  floors: Floors
  /** Told once a minute and camera that sightings were taken back, and how many. */
  onVetoed(camera: string, facts: VetoFacts): void
  /** Told of the first detection of a frame that is taken back. */
  onTakenBack?(detection: Detection, all: readonly Detection[], frame: Frame, model: string): void
}

export interface VetoFacts {
  at: number
  version: number
  vetoed: number
  bestScore: number
}

export interface Adapter {
  /** Takes this version in use with the examples it rests on; undefined: none. */
  use(version: LearnedVersion | undefined, examples: readonly LearningExample[]): void
  readonly version: number | undefined
  review(frame: Frame, inference: Inference): readonly Detection[]
  why(sighting: Sighting): readonly Phrase[]
  /** Reports what was taken back since the last report. */
  flush(): void
  readonly counts: { judged: number; vetoed: number; protected: number }
}

/** What a floor protected once is not taken back so long: a thing that turns must not flicker. */
const protectedForMs = 10_000
const reportEveryMs = 60_000

interface CameraMemory {
  protectedUntil: number
  /** Taken back and not yet reported. */
  vetoed: number
  bestScore: number
  lastAt: number
  reportedAt: number
  /** Taken back since the last alarm was explained. */
  sinceAlarm: number
}

/** The second stage in use: takes sightings back, says so, and explains itself. Holds one version at a time. */
export function createAdapter({ label, floors, onVetoed, onTakenBack }: AdapterOptions): Adapter {
  const counts = { judged: 0, vetoed: 0, protected: 0 }
  const cameras = new Map<string, CameraMemory>()
  /** By the very object that is handed on to the scene. */
  const judgements = new WeakMap<Detection, Judgement>()
  let current: { version: LearnedVersion; anchors: Anchors } | undefined

  function memoryOf(camera: string): CameraMemory {
    const known = cameras.get(camera)
    if (known) return known
    const fresh = { protectedUntil: 0, vetoed: 0, bestScore: 0, lastAt: 0, reportedAt: 0, sinceAlarm: 0 }
    cameras.set(camera, fresh)
    return fresh
  }

  function report(camera: string, memory: CameraMemory, version: number): void {
    const { lastAt, vetoed, bestScore } = memory
    Object.assign(memory, { vetoed: 0, bestScore: 0, reportedAt: lastAt })
    onVetoed(camera, { at: lastAt, version, vetoed, bestScore: hundredth(bestScore) })
  }

  function flush(): void {
    if (!current) return
    for (const [camera, memory] of cameras) if (memory.vetoed > 0) report(camera, memory, current.version.version)
  }

  return {
    counts,
    get version() {
      return current?.version.version
    },
    use(version, examples) {
      flush()
      cameras.clear()
      const embeddings = (ids: readonly string[]) => {
        const wanted = new Set(ids)
        return examples.flatMap(({ id, embedding }) => (embedding && wanted.has(id) ? [embedding] : []))
      }
      current = version && {
        version,
        anchors: { confirmed: embeddings(version.head.confirmed), falseAlarms: embeddings(version.head.falseAlarms) },
      }
    },
    review(frame, { detections, model }) {
      const { camera, time } = frame
      if (!current || current.version.model !== model) return detections
      const { version, anchors } = current
      const ours = detections.filter((detection) => detection.label === label)
      if (ours.length === 0) return detections
      const memory = memoryOf(camera)
      for (const detection of ours) {
        const judgement = judge(version.head, anchors, floors, detection)
        judgements.set(detection, judgement)
        counts.judged++
        if (!judgement.outcome.startsWith('protected')) continue
        counts.protected++
        memory.protectedUntil = time.at + protectedForMs
      }
      // A clock set back must not protect for longer than the time says.
      if (memory.protectedUntil - time.at > protectedForMs) memory.protectedUntil = 0
      if (time.at < memory.protectedUntil) return detections
      const isTakenBack = (detection: Detection) => judgements.get(detection)?.outcome === 'vetoed'
      const first = ours.find(isTakenBack)
      if (first) onTakenBack?.(first, detections, frame, model)
      return detections.filter((detection) => {
        if (!isTakenBack(detection)) return true
        counts.vetoed++
        memory.vetoed++
        memory.sinceAlarm++
        memory.bestScore = Math.max(memory.bestScore, detection.score)
        memory.lastAt = time.at
        if (Math.abs(time.at - memory.reportedAt) >= reportEveryMs) report(camera, memory, version.version)
        return false
      })
    },
    why({ camera, subject }) {
      if (!current || !subject) return []
      const { version } = current.version
      const memory = memoryOf(camera)
      const judgement = judgements.get(subject)
      const before = memory.sinceAlarm
      memory.sinceAlarm = 0
      return [
        ...(judgement && judgement.outcome !== 'not-embedded'
          ? [
              {
                key: `learned-${judgement.outcome === 'vetoed' ? 'protected-similar' : judgement.outcome}`,
                version,
                toConfirmed: hundredth(judgement.toConfirmed),
                toFalse: hundredth(judgement.toFalse),
              },
            ]
          : []),
        ...(before > 0 ? [{ key: 'learned-vetoed-before', version, vetoed: before }] : []),
      ]
    },
    flush,
  }
}

function hundredth(value: number): number {
  return Math.round(value * 100) / 100
}
