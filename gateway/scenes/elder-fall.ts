import { type Static, Type } from 'typebox'
import type { FallReport } from '../core/acceleration.ts'
import { type Phrase, severities } from '../core/alarm.ts'
import type { Measurement } from '../core/measurement.ts'
import { defineScene, type Finding, type Scene, type SceneTarget } from '../core/scene.ts'
import { createActivity } from './activity.ts'
import { createElderAlarm, hundredth } from './elder-alarm.ts'
import { nothing } from './sensor-alarm.ts'

const options = Type.Object(
  {
    cancelMs: Type.Number({
      minimum: 0,
      default: 20_000,
      description: 'The wearer may say on the band for so long that nothing happened; until then it weighs less.',
    }),
    togetherMs: Type.Number({ minimum: 0, default: 60_000, description: 'Band and radar so near tell the same fall.' }),
    movingAfterMs: Type.Number({ minimum: 0, default: 30_000, description: 'Who walks so long after it has got up.' }),
    lyingMs: Type.Number({ minimum: 0, default: 60_000, description: 'On the floor for so long, the radar is sure.' }),
    holdMs: Type.Number({
      minimum: 60_000,
      default: 1_800_000,
      description: 'So long after the last word it is over.',
    }),
  },
  { additionalProperties: false },
)
type Options = Static<typeof options>

/** One supposed fall and all that was heard of it. Instants are epoch ms. */
interface Fall {
  at: number
  /** Until then the wearer may take it back. */
  askUntil: number
  lastAt: number
  /** Of the band's model, 0…1; undefined when only the radar saw it. */
  score?: number
  verdict?: NonNullable<FallReport['evidence']>['verdict']
  /** Since when the radar sees somebody on the floor. */
  lyingSince?: number
  hasGotUp: boolean
  isMoving: boolean
  isInBed: boolean
  isCancelled: boolean
}

/**
 * A fall of one person, told by the band (its model, or the band itself) or by a radar.
 *
 *   none ──band──▶ asking (raise, medium) ──cancelMs──▶ fallen (critical; less where evidence speaks against it)
 *     │               └──"I am fine"──▶ none (clear, event)        │ stillness, radar, movement, bed: reassess
 *     └──radar──▶ fallen (high; critical when it lasts)             └──holdMs without a word──▶ none (clear)
 *
 * It is on the console from the first moment. Evidence against a fall lowers it and says so; it removes nothing.
 */
export const elderFall = defineScene<Options>({
  kind: 'elder-fall',
  options,
  per: 'elder',
  neededKinds: ['wearable', 'presence-radar'],
  metrics: ['isFallen', 'isCancelled', 'isMotion', 'isOccupied', 'isInBed', 'isOpen', 'stepCount'],
  isDefault: true,
  create: createScene,
})

function createScene(chosen: Options, target: SceneTarget): Scene {
  const alarm = createElderAlarm('elder_fall', target)
  const activity = createActivity(target.devices)
  const kinds = new Map(target.devices.map(({ id, kind }) => [id, kind]))
  let fall: Fall | undefined
  /** Instant of what it was shown last. */
  let seenAt = Number.NEGATIVE_INFINITY

  function weigh(current: Fall, at: number) {
    const { score, verdict, lyingSince, isMoving, isInBed, isCancelled, hasGotUp } = current
    const isSeen = lyingSince !== undefined
    const isLying = isSeen && at - lyingSince >= chosen.lyingMs
    const why: Phrase[] = []
    let rank = severities.indexOf('critical')
    let certainty = score === undefined ? 0.6 : 0.5 + 0.4 * score
    const less = (by: number, sure: number, key: string) => {
      rank -= by
      certainty -= sure
      why.push({ key })
    }
    if (score !== undefined) why.push({ key: 'fall-band', score: Math.round(score * 100) })
    if (isSeen) why.push({ key: isLying ? 'fall-lying' : 'fall-radar' })
    if (verdict === 'supports') why.push({ key: 'fall-still' })
    const isSure = verdict === 'supports' || isLying || (isSeen && score !== undefined)
    if (isSure) certainty = Math.max(certainty, 0.95)
    if (score === undefined && !isLying) rank--
    if (verdict === 'contradicts') less(1, 0.25, 'fall-went-on')
    if (isInBed && !isSeen) less(1, 0.15, 'fall-in-bed')
    if (isMoving && !isSeen) less(isSure ? 0 : 1, 0.1, 'fall-moving')
    if (hasGotUp) less(1, 0.1, 'fall-got-up')
    if (isCancelled) less(1, 0.2, 'fall-cancelled')
    if (at < current.askUntil && !isSure && score !== undefined) {
      rank = severities.indexOf('medium')
      why.push({ key: 'fall-asking' })
    }
    const least = severities.indexOf('medium')
    return { severity: severities[Math.max(rank, least)]!, certainty: hundredth(Math.max(0.1, certainty)), why }
  }

  const tell = (at: number) => (fall ? alarm.raise(at, weigh(fall, at)) : nothing)

  function begin(at: number, happenedAt: number): Fall {
    fall ??= {
      ...{ at: happenedAt, askUntil: at + chosen.cancelMs, lastAt: at },
      ...{ hasGotUp: false, isMoving: false, isInBed: false, isCancelled: false },
    }
    fall.lastAt = at
    return fall
  }

  function onBand(at: number, happenedAt: number, score: number, verdict?: Fall['verdict']): readonly Finding[] {
    // Evidence of an impact that was taken back, or is over, begins nothing.
    if (!fall && verdict !== undefined && verdict !== 'supports') return nothing
    const isAnother = fall !== undefined && happenedAt - fall.at > chosen.togetherMs
    const current = begin(at, happenedAt)
    if (isAnother) Object.assign(current, { at: happenedAt, hasGotUp: false, isMoving: false, isCancelled: false })
    current.score = Math.max(current.score ?? 0, score)
    if (verdict) current.verdict = verdict
    return tell(at)
  }

  function onRadar(at: number, isFallen: boolean): readonly Finding[] {
    if (isFallen) {
      const current = begin(at, at)
      current.lyingSince ??= at
      current.hasGotUp = false
      return tell(at)
    }
    if (fall?.lyingSince === undefined) return nothing
    delete fall.lyingSince
    fall.hasGotUp = true
    return tell(at)
  }

  function onCancelled(at: number): readonly Finding[] {
    if (!fall) return nothing
    if (at > fall.askUntil || fall.lyingSince !== undefined) {
      fall.isCancelled = true
      return tell(at)
    }
    const { score = 0 } = fall
    fall = undefined
    const { source, place } = alarm.key
    const data = { score: hundredth(score), ...(target.elder ? { person: target.elder.id } : {}) }
    return [...alarm.clear(at), { type: 'event', at, kind: 'elder_fall_cancelled', place, source, data }]
  }

  function onMeasurement(at: number, measurement: Measurement): readonly Finding[] {
    const { metric, value, device, clockTrusted } = measurement
    const sign = activity.signOf(measurement)
    if (!clockTrusted) return nothing
    if (metric === 'isFallen' && kinds.get(device) === 'presence-radar') return onRadar(at, value === true)
    if (metric === 'isFallen') return value === true ? onBand(at, at, 0.8) : nothing
    if (metric === 'isCancelled') return value === true ? onCancelled(at) : nothing
    if (!fall) return nothing
    if (metric === 'isInBed') {
      if (fall.isInBed === (value === true)) return nothing
      fall.isInBed = value === true
      return tell(at)
    }
    if (sign === undefined || fall.isMoving || at - fall.at < chosen.movingAfterMs) return nothing
    fall.isMoving = true
    return tell(at)
  }

  function onTick(at: number): readonly Finding[] {
    if (!fall) return nothing
    if (at < fall.lastAt) fall.lastAt = at
    if (at - fall.lastAt < chosen.holdMs || fall.lyingSince !== undefined) return tell(at)
    fall = undefined
    return alarm.clear(at)
  }

  return {
    observe(observation) {
      seenAt = observation.at
      switch (observation.type) {
        case 'fall': {
          const { impactAt, score, evidence } = observation.fall
          return onBand(observation.at, impactAt, score, evidence?.verdict)
        }
        case 'measurement':
          return onMeasurement(observation.at, observation.measurement)
        case 'tick':
          return onTick(observation.at)
        default:
          return nothing
      }
    },
    wakeAt() {
      if (!fall) return Number.POSITIVE_INFINITY
      const { askUntil, lastAt, lyingSince } = fall
      const times = [askUntil, ...(lyingSince === undefined ? [lastAt + chosen.holdMs] : [lyingSince + chosen.lyingMs])]
      return Math.min(Number.POSITIVE_INFINITY, ...times.filter((time) => time > seenAt))
    },
  }
}
