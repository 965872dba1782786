import { type Static, Type } from 'typebox'
import { type Phrase, severities } from '../core/alarm.ts'
import { facadeCalibration } from '../core/facade-calibration.ts'
import type { Place } from '../core/place.ts'
import { placeKey } from '../core/place.ts'
import { type AlarmKey, defineScene, type Finding } from '../core/scene.ts'
import type { ThrowReport } from '../core/throw.ts'

const options = Type.Object(
  {
    calibration: Type.Record(Type.String(), facadeCalibration, {
      default: {},
      description: 'By camera id: edges and floor lines of the facade. What is drawn on the console stands over it.',
    }),
    severity: Type.Enum([...severities], { default: 'critical', description: 'Of each throw.' }),
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
}

/**
 * Something fell past a facade: one alarm for each throw.
 *
 *   none ──throw──▶ open (raise) ──activeMs──▶ none (clear)
 *                     └──another throw from the same floor: clear, and raise anew
 */
export const highRiseThrowing = defineScene<Options>({
  kind: 'high-rise-throwing',
  options,
  per: 'camera',
  create({ severity, activeMs }, { place }) {
    let open: Open[] = []
    return {
      observe(observation) {
        if (observation.type === 'tick') {
          const over = open.filter(({ at }) => observation.at - at >= activeMs)
          open = open.filter((each) => !over.includes(each))
          return over.map(({ key }): Finding => ({ type: 'clear', at: observation.at, ...key }))
        }
        if (observation.type !== 'throw') return []
        const { at, camera, thrown } = observation
        const key: AlarmKey = {
          kind: 'high_rise_throwing',
          place: placeOf(place, thrown),
          source: { type: 'camera', id: camera },
        }
        const same = open.filter((each) => placeKey(each.key.place) === placeKey(key.place))
        open = [...open.filter((each) => !same.includes(each)), { key, at }]
        return [
          ...same.map((each): Finding => ({ type: 'clear', at, ...each.key })),
          { type: 'raise', at, ...key, severity, certainty: Math.min(1, Math.max(0, thrown.score)), why: why(thrown) },
        ]
      },
      wakeAt: () => Math.min(...open.map(({ at }) => at + activeMs)),
    }
  },
})

/** The camera's place, on the floor the object came from. */
function placeOf(place: Place, { origin }: ThrowReport): Place {
  return origin ? { ...place, floor: String(origin.floor) } : place
}

function why({ origin, endSpeedMs, toGroundS, score }: ThrowReport): Phrase[] {
  const phrases: Phrase[] = []
  if (origin) {
    const { floor, floorFrom, floorTo, column } = origin
    phrases.push({ key: 'throw-floor', floor, from: floorFrom, to: floorTo })
    if (column !== undefined) phrases.push({ key: 'throw-column', column })
  } else phrases.push({ key: 'throw-uncalibrated' })
  if (endSpeedMs !== undefined)
    phrases.push({ key: 'throw-speed', speed: tenth(endSpeedMs), kmh: Math.round(endSpeedMs * 3.6) })
  if (toGroundS !== undefined) phrases.push({ key: 'throw-ground', seconds: tenth(toGroundS) })
  phrases.push({ key: 'throw-score', percent: Math.round(score * 100) })
  return phrases
}

const tenth = (value: number) => Math.round(value * 10) / 10
