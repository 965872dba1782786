import { type Static, Type } from 'typebox'
import type { Detection } from '../core/detection.ts'
import { defineScene, type Finding, type FrameTime, type Scene, type SceneTarget } from '../core/scene.ts'
import { bestSighting, sightingOptions } from './ebike-sighting.ts'

const options = Type.Object(
  {
    ...sightingOptions,
    sightings: Type.Integer({ minimum: 1, default: 3, description: 'Sightings that confirm …' }),
    samples: Type.Integer({ minimum: 1, default: 5, description: '… among so many samples of one camera in a row …' }),
    windowMs: Type.Integer({ minimum: 100, default: 1000, description: '… within this time.' }),
    strictAfterRejectMs: Type.Integer({
      minimum: 0,
      default: 48_000,
      description: 'After a burst of sightings that was not confirmed, one more sighting is needed for so long.',
    }),
    maxWarnings: Type.Integer({ minimum: 0, maximum: 3, default: 3, description: 'Times it speaks for one entry.' }),
    repeatEveryMs: Type.Integer({ minimum: 3000, default: 10_000, description: 'Between two warnings.' }),
    goneAfterMs: Type.Integer({ minimum: 500, default: 7000, description: 'Gone after so long without a sighting.' }),
    quietMs: Type.Integer({
      minimum: 0,
      default: 10_000,
      description: 'After it has gone nothing new is raised so long.',
    }),
    blindClearMs: Type.Integer({
      minimum: 10_000,
      default: 120_000,
      description: 'Without a picture of it for so long an entry ends: nobody can say whether it is still there.',
    }),
    holdDoor: Type.Boolean({ default: false, description: 'Ask the lift’s door hold, where one is commissioned.' }),
  },
  { additionalProperties: false },
)
type Options = Static<typeof options>

const kind = 'ebike_in_elevator'
const sightLostKind = 'ebike_in_elevator_sight_lost'
/** A first sighting asks for full frame rate this long. */
const attendMs = 3000
const seenEveryMs = 1000
/** Samples further apart than this are not in a row; of the time between them only so much counts as seen. */
const maxSampleGapMs = 2000
/** A tick this far before the last means that the clock was set back. */
const clockStepMs = 2000

interface Sample {
  at: number
  camera: string
  frame: FrameTime
  detections: readonly Detection[]
  /** The best sighting in it; undefined without one. */
  subject: Detection | undefined
}

/** One thing that came in and has not left. Instants are epoch ms. */
interface Entry {
  /** Camera that raised the alarm: its name in all that follows. */
  camera: string
  /** Camera of the last sighting: only its pictures can show that the place is empty now. */
  seenBy: string
  /** Last picture of that camera. */
  pictureAt: number
  /** How long its pictures have shown no e-bike. */
  emptyMs: number
  warnings: number
  warnedAt: number
  reportedAt: number
}

/** Sightings that may become an entry. */
interface Burst {
  sightings: number
  lastAt: number
}

/**
 * An e-bike in a lift. The lift's cameras together are one target: one entry is one alarm, whichever of them sees it.
 *
 *   idle ──sighting (attend)──▶ suspicious ──N of M──▶ warned (raise, warn 1, door) ──▶ repeated (warn 2, 3)
 *    ▲ ▲                            │                      │ sighting: seen, at most once a second     │
 *    │ └─ nothing more for 2 s ─────┘                      └──────────────────┬────────────────────────┘
 *    │    (two or more sightings: strict for strictAfterRejectMs)             │ goneAfterMs of empty pictures: clear
 *    └──────────────────────── quietMs over ──────────── quiet ◀──────────────┘ or blindClearMs without a picture
 *
 * - N of M: `sightings` among the last `samples` pictures of one camera within `windowMs`; a camera too slow for that
 *   confirms with `sightings` in a row. Strict asks for one more: rejected bursts make wary, never blind.
 * - A warning is repeated `repeatEveryMs` after the last, by a sighting, so that nobody talks to an empty cab.
 * - A dead camera shows nothing, which is not the same as an empty cab. Only pictures of the camera that saw it last
 *   count towards gone, and only the time they cover. After `blindClearMs` the entry ends all the same, with an event.
 * - Quiet raises nothing; a thing that still is there, or the next one, is raised at the end of it.
 * - Pictures older than the last of their camera are passed over. When a tick shows that the clock was set back, the
 *   scene's instants are set back with it.
 */
export const ebikeInElevator = defineScene<Options>({
  kind: 'ebike-in-elevator',
  options,
  create: (chosen, target) => createScene(chosen, target),
})

function createScene(chosen: Options, { place, cameras }: SceneTarget): Scene {
  const histories = new Map<string, Sample[]>(cameras.map((camera) => [camera, []]))
  let entry: Entry | undefined
  let burst: Burst | undefined
  let strictUntil = Number.NEGATIVE_INFINITY
  let quietUntil = Number.NEGATIVE_INFINITY
  let tickAt = Number.NEGATIVE_INFINITY

  function onPicture(sample: Sample, history: Sample[]): Finding[] {
    endBurst(sample.at)
    if (!sample.subject) return entry ? watchLeaving(sample, entry) : []
    const { at, camera } = sample
    const until = at + (entry ? chosen.goneAfterMs : attendMs)
    const attend: Finding = { type: 'attend', at, camera, until }
    if (entry) return [attend, ...stay(sample, entry)]
    if (at < quietUntil) return [attend]
    burst = { sightings: (burst?.sightings ?? 0) + 1, lastAt: at }
    const evidence = confirming(sample, history)
    return evidence ? [attend, ...enter(sample, evidence)] : [attend]
  }

  /** The samples that confirm an entry, oldest first; undefined while there are not enough. */
  function confirming({ at }: Sample, history: readonly Sample[]): readonly Sample[] | undefined {
    const most = Math.max(chosen.samples, chosen.sightings)
    const needed = at < strictUntil ? Math.min(chosen.sightings + 1, most) : chosen.sightings
    const recent = history.filter((sample) => at - sample.at <= chosen.windowMs)
    if (recent.filter(({ subject }) => subject).length >= needed) return recent
    const row = history.slice(-needed)
    const isRow = row.every(({ at, subject }, i) => subject && (i === 0 || at - row[i - 1]!.at <= maxSampleGapMs))
    return isRow && row.length === needed ? row : undefined
  }

  function enter({ at, camera, frame, detections, subject }: Sample, evidence: readonly Sample[]): Finding[] {
    const scores = evidence.flatMap(({ subject }) => subject?.score ?? [])
    const hundredth = (value: number) => Math.round(value * 100) / 100
    const score = hundredth(Math.max(...scores))
    const windowMs = at - evidence[0]!.at
    entry = { camera, seenBy: camera, pictureAt: at, emptyMs: 0, warnings: 0, warnedAt: at, reportedAt: at }
    burst = undefined
    return [
      ...warn(at, entry),
      {
        type: 'raise',
        at,
        kind,
        place,
        source: { type: 'camera', id: camera },
        severity: 'high',
        certainty: hundredth(scores.reduce((sum, one) => sum + one, 0) / scores.length),
        why: [{ key: 'sightings', sightings: scores.length, samples: evidence.length, windowMs, score }],
        sighting: { camera, frame, detections, ...(subject && { subject }) },
      },
      ...holdDoor(at, true),
    ]
  }

  function stay({ at, camera }: Sample, current: Entry): Finding[] {
    Object.assign(current, { seenBy: camera, pictureAt: at, emptyMs: 0 })
    const findings: Finding[] = []
    if (at - current.reportedAt >= seenEveryMs) {
      current.reportedAt = at
      findings.push({ type: 'seen', at, kind, place, source: { type: 'camera', id: current.camera } })
    }
    if (at - current.warnedAt >= chosen.repeatEveryMs) findings.push(...warn(at, current))
    return findings
  }

  function watchLeaving({ at, camera }: Sample, current: Entry): Finding[] {
    if (camera !== current.seenBy) return []
    current.emptyMs += Math.min(at - current.pictureAt, maxSampleGapMs)
    current.pictureAt = at
    return current.emptyMs >= chosen.goneAfterMs ? leave(at, current) : []
  }

  function leave(at: number, { camera }: Entry): Finding[] {
    entry = undefined
    quietUntil = at + chosen.quietMs
    return [{ type: 'clear', at, kind, place, source: { type: 'camera', id: camera } }, ...holdDoor(at, false)]
  }

  function warn(at: number, current: Entry): Finding[] {
    if (current.warnings >= chosen.maxWarnings) return []
    current.warnings++
    current.warnedAt = at
    return [{ type: 'warn', at, kind, place, clip: `ebike-warning-${current.warnings}`, nth: current.warnings }]
  }

  const holdDoor = (at: number, wanted: boolean): Finding[] =>
    chosen.holdDoor ? [{ type: 'hold-door', at, place, wanted }] : []

  function endBurst(at: number): void {
    if (!burst || at - burst.lastAt <= maxSampleGapMs) return
    if (burst.sightings >= 2) strictUntil = at + chosen.strictAfterRejectMs
    burst = undefined
  }

  function onTick(at: number): Finding[] {
    if (at < tickAt - clockStepMs) setBack(tickAt - at)
    tickAt = at
    endBurst(at)
    if (!entry || at - entry.pictureAt < chosen.blindClearMs) return []
    const { camera, seenBy, pictureAt } = entry
    const source = { type: 'camera', id: seenBy } as const
    const data = { alarmSource: camera, blindForMs: at - pictureAt }
    return [...leave(at, entry), { type: 'event', at, kind: sightLostKind, place, source, data }]
  }

  function setBack(byMs: number): void {
    for (const history of histories.values()) history.length = 0
    burst = undefined
    strictUntil -= byMs
    quietUntil -= byMs
    if (!entry) return
    entry.pictureAt -= byMs
    entry.warnedAt -= byMs
    entry.reportedAt -= byMs
  }

  return {
    observe(observation) {
      if (observation.type === 'tick') return onTick(observation.at)
      if (observation.type !== 'frame') return []
      const { at, camera, frame, detections } = observation
      const history = histories.get(camera)
      if (!history || at <= (history.at(-1)?.at ?? Number.NEGATIVE_INFINITY)) return []
      const subject = bestSighting(detections, { camera, lift: place.lift }, chosen)
      const sample = { at, camera, frame, detections, subject }
      history.push(sample)
      if (history.length > Math.max(chosen.samples, chosen.sightings)) history.shift()
      return onPicture(sample, history)
    },
  }
}
