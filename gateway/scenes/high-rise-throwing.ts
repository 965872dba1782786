import { type Static, Type } from 'typebox'
import { type Phrase, severities } from '../core/alarm.ts'
import type { Box, Detection } from '../core/detection.ts'
import { facadeCalibration } from '../core/facade-calibration.ts'
import type { Place } from '../core/place.ts'
import { placeKey } from '../core/place.ts'
import { type AlarmKey, defineScene, type Finding } from '../core/scene.ts'
import type { ThrowOrigin, ThrowReport } from '../core/throw.ts'
import { isInZone } from '../core/zone.ts'

const options = Type.Object(
  {
    calibration: Type.Record(Type.String(), facadeCalibration, {
      default: {},
      description: 'By camera id: edges and floor lines of the facade. What is drawn on the console stands over it.',
    }),
    severity: Type.Enum([...severities], {
      default: 'critical',
      description: 'Of each throw. With `ground`, what a throw weighs while nobody is seen there.',
    }),
    ground: Type.Record(
      Type.String(),
      Type.Object(
        {
          camera: Type.String({ description: 'Camera that sees where things come down; not a facade camera.' }),
          zone: Type.Optional(
            Type.Array(Type.Tuple([Type.Number(), Type.Number()]), {
              minItems: 3,
              description: 'Polygon in fractions of its picture; the whole picture when absent.',
            }),
          ),
          minScore: Type.Number({ minimum: 0, maximum: 1, default: 0.5, description: 'Of a person seen there.' }),
          withinMs: Type.Number({
            minimum: 0,
            default: 10_000,
            description: 'So long before a throw, and while it is active, a person there makes it critical.',
          }),
        },
        { additionalProperties: false },
      ),
      { default: {}, description: 'By camera id: where people are below its facade.' },
    ),
    flats: Type.Record(
      Type.String(),
      Type.Array(
        Type.Object(
          {
            unit: Type.Optional(Type.String({ description: 'Unit (stairwell) of the building.' })),
            flat: Type.Optional(Type.String({ description: 'Number of the flat; {floor} stands for the storey.' })),
          },
          { additionalProperties: false },
        ),
      ),
      { default: {}, description: 'By camera id: what lies behind each column of its facade, from the left edge.' },
    ),
    activeMs: Type.Number({
      minimum: 1000,
      default: 60_000,
      description: 'A throw is over at once; its alarm counts as active for so long.',
    }),
  },
  { additionalProperties: false },
)
type Options = Static<typeof options>

interface Open {
  key: AlarmKey
  at: number
  thrown: ThrowReport
  /** Most people seen below so far. */
  people: number
}

type Ground = Options['ground'][string]

/**
 * Something fell past a facade: one alarm for each throw.
 *
 *   none ──throw──▶ open (raise) ──activeMs──▶ none (clear)
 *                     ├──a person below: critical (reassess)
 *                     └──another throw from the same floor: clear, and raise anew
 */
export const highRiseThrowing = defineScene<Options>({
  kind: 'high-rise-throwing',
  options,
  per: 'camera',
  alsoCameras: ({ ground }, camera) => (ground[camera] ? [ground[camera].camera] : []),
  create({ severity, activeMs, ground: grounds, flats }, { place, cameras: [own = ''] }) {
    const ground = grounds[own]
    const columns = flats[own] ?? []
    let open: Open[] = []
    let below = { people: 0, at: Number.NEGATIVE_INFINITY }
    const weight = (people: number) => (people > 0 ? 'critical' : severity)
    const reasons = ({ thrown, people }: Open) => [
      ...why(thrown, columns),
      ...(people > 0 ? [{ key: 'throw-people', count: people }] : []),
    ]

    /** People below, now: what is open weighs more. */
    function look(people: number, at: number): Finding[] {
      if (people === 0) return []
      below = { people, at }
      return open
        .filter((each) => people > each.people)
        .map((each): Finding => {
          each.people = people
          const { certainty } = assessed(each.thrown)
          return { type: 'reassess', at, ...each.key, severity: weight(people), certainty, why: reasons(each) }
        })
    }

    return {
      observe(observation) {
        if (observation.type === 'tick') {
          const over = open.filter(({ at }) => observation.at - at >= activeMs)
          open = open.filter((each) => !over.includes(each))
          return over.map(({ key }): Finding => ({ type: 'clear', at: observation.at, ...key }))
        }
        if (observation.type === 'frame') {
          if (observation.camera !== ground?.camera) return []
          return look(peopleIn(ground, observation.detections), observation.at)
        }
        if (observation.type !== 'throw') return []
        const { at, camera, thrown } = observation
        const key: AlarmKey = {
          kind: 'high_rise_throwing',
          place: placeOf(place, thrown, columns),
          source: { type: 'camera', id: camera },
        }
        const same = open.filter((each) => placeKey(each.key.place) === placeKey(key.place))
        const isNear = ground !== undefined && Math.abs(at - below.at) <= ground.withinMs
        const one: Open = { key, at, thrown, people: isNear ? below.people : 0 }
        open = [...open.filter((each) => !same.includes(each)), one]
        return [
          ...same.map((each): Finding => ({ type: 'clear', at, ...each.key })),
          { type: 'raise', at, ...key, severity: weight(one.people), ...assessed(thrown), why: reasons(one) },
        ]
      },
      wakeAt: () => Math.min(...open.map(({ at }) => at + activeMs)),
    }
  },
})

const assessed = ({ score }: ThrowReport) => ({ certainty: Math.min(1, Math.max(0, score)) })

function peopleIn({ zone, minScore }: Ground, detections: readonly Detection[]): number {
  return detections.filter(
    ({ label, score, box }) => label === 'person' && score >= minScore && (!zone || isInZone(feetOf(box), zone)),
  ).length
}

/** People stand where their feet are. */
const feetOf = ({ x, y, width, height }: Box): Box => ({ x, y: y + height, width, height: 0 })

type Columns = Options['flats'][string]

/** The camera's place, on the floor the object came from; the flat only where the floor is certain. */
function placeOf(place: Place, { origin }: ThrowReport, columns: Columns): Place {
  if (!origin) return place
  const { unit } = columns[(origin.column ?? 0) - 1] ?? {}
  const [flat, ...others] = flatsOf(origin, columns)
  return {
    ...place,
    floor: String(origin.floor),
    ...(unit === undefined ? {} : { unit }),
    ...(flat === undefined || others.length > 0 ? {} : { flat }),
  }
}

/** Flats of the column within the floor's band, lowest first. */
function flatsOf({ floorFrom, floorTo, column }: ThrowOrigin, columns: Columns): string[] {
  const flat = columns[(column ?? 0) - 1]?.flat
  if (flat === undefined) return []
  return Array.from({ length: floorTo - floorFrom + 1 }, (_, i) => flat.replaceAll('{floor}', String(floorFrom + i)))
}

function why({ origin, endSpeedMs, toGroundS, score }: ThrowReport, columns: Columns): Phrase[] {
  const phrases: Phrase[] = []
  if (origin) {
    const { floor, floorFrom, floorTo, column } = origin
    phrases.push({ key: 'throw-floor', floor, from: floorFrom, to: floorTo })
    if (column !== undefined) phrases.push({ key: 'throw-column', column })
    const flats = flatsOf(origin, columns)
    if (flats.length > 0) phrases.push({ key: 'throw-flats', flats: flats.join(', ') })
  } else phrases.push({ key: 'throw-uncalibrated' })
  if (endSpeedMs !== undefined)
    phrases.push({ key: 'throw-speed', speed: tenth(endSpeedMs), kmh: Math.round(endSpeedMs * 3.6) })
  if (toGroundS !== undefined) phrases.push({ key: 'throw-ground', seconds: tenth(toGroundS) })
  phrases.push({ key: 'throw-score', percent: Math.round(score * 100) })
  return phrases
}

const tenth = (value: number) => Math.round(value * 10) / 10
