import { type Static, Type } from 'typebox'
import { type Detection, intersectionOverUnion } from '../core/detection.ts'
import { defineScene, type Finding, type FrameTime, type Scene, type SceneTarget } from '../core/scene.ts'
import { isInZone, type Zone } from '../core/zone.ts'

const options = Type.Object(
  {
    label: Type.String({ default: 'e-bike', description: 'Label of the model that counts as a sighting.' }),
    minScore: Type.Number({
      minimum: 0,
      maximum: 1,
      default: 0.5,
      description: 'Below this a detection is no sighting.',
    }),
    minScoreByLift: Type.Record(Type.String(), Type.Number({ minimum: 0, maximum: 1 }), {
      default: {},
      description: 'Another minScore for single lifts, by lift id.',
    }),
    minArea: Type.Number({
      minimum: 0,
      maximum: 1,
      default: 0.01,
      description: 'Smallest box, as a share of the picture.',
    }),
    vetoLabels: Type.Array(Type.String(), {
      default: ['bicycle', 'stroller', 'wheelchair', 'trolley'],
      description: 'A better score of one of these at the same place takes the sighting back.',
    }),
    sightings: Type.Integer({ minimum: 1, default: 3, description: 'Sightings that confirm …' }),
    samples: Type.Integer({ minimum: 1, default: 5, description: '… among so many samples in a row …' }),
    windowMs: Type.Integer({ minimum: 100, default: 1000, description: '… within this time.' }),
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
      description: 'Without any picture for so long an entry ends: nobody can say whether it is still there.',
    }),
    holdDoor: Type.Boolean({ default: false, description: 'Ask the lift’s door hold, where one is commissioned.' }),
    ignoreZones: Type.Record(
      Type.String(),
      Type.Array(Type.Array(Type.Tuple([Type.Number(), Type.Number()]), { minItems: 3 })),
      { default: {}, description: 'Polygons in fractions of the picture, by camera id. Cameras bring their own.' },
    ),
  },
  { additionalProperties: false },
)
type Options = Static<typeof options>

const kind = 'ebike_in_elevator'
/** A sighting asks for full frame rate this long. */
const attendMs = 3_000
/** The voice repeats only what was seen this recently. */
const freshMs = 2_500
const seenEveryMs = 1_000
/** Two boxes that share this much are the same thing. */
const samePlace = 0.55

interface Sample {
  at: number
  camera: string
  frame: FrameTime
  detections: readonly Detection[]
  /** Best score of a sighting in it; undefined without one. */
  score?: number
}

/** One thing that came in and has not left. */
interface Entry {
  camera: string
  lastSightingAt: number
  lastWarningAt: number
  lastSeenAt: number
  warnings: number
}

/**
 * An e-bike in a lift: the lift's cameras together are one target, so that one entry is one alarm.
 *
 *   idle ──sighting──▶ suspicious ──N of M samples of one camera within windowMs──▶ warned (raise, first warning)
 *    ▲                     │                                                          │  ▲
 *    │◀──no sighting left──┘                              sighting, repeatEveryMs ago └──┘ repeated, at most 3
 *    │                                                                                │
 *    └──── quietMs over ──── quiet ◀──── gone: goneAfterMs of pictures without a sighting (clear)
 *
 * A dead camera shows nothing, which is not the same as an empty cab: time without pictures does not count towards
 * gone; after blindClearMs of it the entry ends all the same.
 */
export const ebikeInElevator = defineScene<Options>({
  kind: 'ebike-in-elevator',
  options,
  create: (chosen, target) => createScene(chosen, target),
})

function createScene(chosen: Options, target: SceneTarget): Scene {
  const { place } = target
  const minScore = (place.lift && chosen.minScoreByLift[place.lift]) || chosen.minScore
  const samples = new Map<string, Sample[]>(target.cameras.map((camera) => [camera, []]))
  let entry: Entry | undefined
  let quietUntil = Number.NEGATIVE_INFINITY
  let lastPictureAt = Number.NEGATIVE_INFINITY

  /** Best score of a sighting in the frame: large enough, not ignored, and nothing else with a better claim. */
  function bestSighting(camera: string, detections: readonly Detection[]): number | undefined {
    const zones = (chosen.ignoreZones[camera] ?? []) as unknown as Zone[]
    const scores = detections
      .filter(
        ({ label, score, box }) =>
          label === chosen.label &&
          score >= minScore &&
          box.width * box.height >= chosen.minArea &&
          !zones.some((zone) => isInZone(box, zone)),
      )
      .filter(
        (sighting) =>
          !detections.some(
            (other) =>
              chosen.vetoLabels.includes(other.label) &&
              other.score > sighting.score &&
              intersectionOverUnion(other.box, sighting.box) >= samePlace,
          ),
      )
      .map(({ score }) => score)
    return scores.length > 0 ? Math.max(...scores) : undefined
  }

  function onSample(sample: Sample, history: Sample[]): Finding[] {
    if (sample.score === undefined) return entry ? leaveOrStay(sample.at) : []
    const findings: Finding[] = [{ type: 'attend', at: sample.at, camera: sample.camera, until: sample.at + attendMs }]
    if (entry) {
      entry.lastSightingAt = sample.at
      findings.push(...stay(sample.at, entry))
    } else if (sample.at >= quietUntil) {
      const recent = history.filter(({ at }) => sample.at - at <= chosen.windowMs)
      const sighted = recent.filter(({ score }) => score !== undefined)
      if (sighted.length >= chosen.sightings) findings.push(...confirm(sample, recent.length, sighted))
    }
    return findings
  }

  function confirm(sample: Sample, looked: number, sighted: readonly Sample[]): Finding[] {
    const { at, camera, frame, detections } = sample
    const scores = sighted.map(({ score }) => score ?? 0)
    const best = Math.max(...scores)
    const source = { type: 'camera', id: camera } as const
    entry = { camera, lastSightingAt: at, lastWarningAt: at, lastSeenAt: at, warnings: 0 }
    return [
      ...warn(at, entry),
      {
        type: 'raise',
        at,
        kind,
        place,
        source,
        severity: 'high',
        certainty: scores.reduce((sum, score) => sum + score, 0) / scores.length,
        why: [
          {
            key: 'sightings',
            sightings: sighted.length,
            samples: looked,
            windowMs: chosen.windowMs,
            score: Math.round(best * 100) / 100,
          },
        ],
        sighting: { camera, frame, detections },
      },
      ...(chosen.holdDoor ? [{ type: 'hold-door', at, place, wanted: true } as const] : []),
    ]
  }

  function warn(at: number, current: Entry): Finding[] {
    if (current.warnings >= chosen.maxWarnings) return []
    current.warnings++
    current.lastWarningAt = at
    return [{ type: 'warn', at, kind, place, clip: `ebike-warning-${current.warnings}`, nth: current.warnings }]
  }

  function stay(at: number, current: Entry): Finding[] {
    const findings: Finding[] = []
    if (at - current.lastSeenAt >= seenEveryMs) {
      current.lastSeenAt = at
      findings.push({ type: 'seen', at, kind, place, source: { type: 'camera', id: current.camera } })
    }
    if (at - current.lastWarningAt >= chosen.repeatEveryMs) findings.push(...warn(at, current))
    return findings
  }

  function leaveOrStay(at: number): Finding[] {
    if (!entry) return []
    if (at - entry.lastSightingAt >= chosen.goneAfterMs) return leave(at)
    const isFresh = at - entry.lastSightingAt < freshMs
    return isFresh && at - entry.lastWarningAt >= chosen.repeatEveryMs ? warn(at, entry) : []
  }

  function leave(at: number): Finding[] {
    const source = { type: 'camera', id: entry!.camera } as const
    entry = undefined
    quietUntil = at + chosen.quietMs
    return [
      { type: 'clear', at, kind, place, source },
      ...(chosen.holdDoor ? [{ type: 'hold-door', at, place, wanted: false } as const] : []),
    ]
  }

  return {
    observe(observation) {
      if (observation.type === 'frame') {
        const { at, camera, frame, detections } = observation
        const history = samples.get(camera)
        if (!history || at <= (history.at(-1)?.at ?? Number.NEGATIVE_INFINITY)) return []
        const score = bestSighting(camera, detections)
        const sample: Sample = { at, camera, frame, detections, ...(score === undefined ? {} : { score }) }
        history.push(sample)
        if (history.length > chosen.samples) history.shift()
        lastPictureAt = Math.max(lastPictureAt, at)
        return onSample(sample, history)
      }
      if (observation.type === 'tick' && entry && observation.at - lastPictureAt >= chosen.blindClearMs)
        return leave(observation.at)
      return []
    },
  }
}
