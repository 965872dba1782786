import { type Static, Type } from 'typebox'
import type { FallReport } from '../core/acceleration.ts'
import { type Phrase, severities } from '../core/alarm.ts'
import type { Measurement } from '../core/measurement.ts'
import { defineScene, type Finding, type Scene, type SceneTarget } from '../core/scene.ts'
import { createActivity } from './activity.ts'
import { asOccurrence, createElderAlarm, hundredth } from './elder-alarm.ts'
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
  /** Until then the wearer may take it back; who falls once more is not asked. */
  askUntil: number
  /** Rank it never goes below: what the alarm weighed when this fall began. */
  atLeast: number
  /** There was another one shortly before. */
  isAgain: boolean
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
 *
 * What happens more than `togetherMs` after it, while it is still held, is another fall: the evidence of the first says
 * nothing about it, nobody is asked to take it back, and it never weighs less than the first. Where somebody has settled
 * the first it calls anew. A radar that still sees somebody on the floor, or a device that goes on saying "fallen" and
 * says when that is over, tells of no other fall.
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
  /** Devices that said "fallen" last. */
  const down = new Set<string>()
  /** Devices that also say when a fall is over: "fallen" told again is the same one. Radars all do. */
  const tellsEnd = new Set(target.devices.flatMap(({ id, kind }) => (kind === 'presence-radar' ? [id] : [])))
  /** Instant of what it was shown last. */
  let seenAt = Number.NEGATIVE_INFINITY

  function weigh(current: Fall, at: number) {
    const { score, verdict, lyingSince, isMoving, isInBed, isCancelled, hasGotUp, isAgain, atLeast } = current
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
    if (isAgain) why.push({ key: 'fall-again' })
    return { severity: severities[Math.max(rank, atLeast)]!, certainty: hundredth(Math.max(0.1, certainty)), why }
  }

  const tell = (at: number) => (fall ? alarm.raise(at, weigh(fall, at)) : nothing)

  const isAnother = (happenedAt: number) => fall !== undefined && happenedAt - fall.at > chosen.togetherMs

  /** A fall of which nothing is known yet, but whether somebody lies there. */
  function begin(at: number, happenedAt: number): Fall {
    const before = fall
    fall = {
      ...{ at: happenedAt, lastAt: at, isAgain: before !== undefined },
      askUntil: before ? Number.NEGATIVE_INFINITY : at + chosen.cancelMs,
      atLeast: severities.indexOf((before && alarm.severity) ?? 'medium'),
      ...{ hasGotUp: false, isMoving: false, isInBed: false, isCancelled: false },
      ...(before?.lyingSince === undefined ? {} : { lyingSince: before.lyingSince }),
    }
    return fall
  }

  /** It has happened just now, for the first time or once more. */
  function tellNew(at: number, { isAgain }: Fall): readonly Finding[] {
    const findings = asOccurrence(tell(at))
    if (!isAgain) return findings
    return [...findings.filter(({ type }) => type !== 'seen'), { type: 'seen', at, ...alarm.key, isAgain: true }]
  }

  /** @param isGoingOn the band says again what it said before */
  function onBand(
    at: number,
    happenedAt: number,
    score: number,
    { verdict, isGoingOn = false }: { verdict?: Fall['verdict'] | undefined; isGoingOn?: boolean } = {},
  ): readonly Finding[] {
    const isNew = !fall || (!isGoingOn && isAnother(happenedAt))
    // Evidence of an impact that was taken back, or is over, begins nothing.
    if (isNew && verdict !== undefined && verdict !== 'supports') return nothing
    const current = isNew ? begin(at, happenedAt) : fall!
    current.lastAt = at
    current.score = Math.max(current.score ?? 0, score)
    if (verdict) current.verdict = verdict
    return isNew && !isGoingOn ? tellNew(at, current) : tell(at)
  }

  function onRadar(at: number, isFallen: boolean, isGoingOn: boolean): readonly Finding[] {
    if (isFallen) {
      const isNew = !fall || (!isGoingOn && fall.lyingSince === undefined && isAnother(at))
      const current = isNew ? begin(at, at) : fall!
      current.lastAt = at
      current.lyingSince ??= at
      current.hasGotUp = false
      return isNew && !isGoingOn ? tellNew(at, current) : tell(at)
    }
    if (fall?.lyingSince === undefined) return nothing
    delete fall.lyingSince
    fall.hasGotUp = true
    return tell(at)
  }

  /** Whether it said so before, and would have said if that were over. */
  function keepsSaying({ device, value }: Measurement): boolean {
    const isGoingOn = value === true && down.has(device) && tellsEnd.has(device)
    if (value === true) down.add(device)
    else {
      down.delete(device)
      tellsEnd.add(device)
    }
    return isGoingOn
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
    if (metric === 'isFallen') {
      const isGoingOn = keepsSaying(measurement)
      if (kinds.get(device) === 'presence-radar') return onRadar(at, value === true, isGoingOn)
      return value === true ? onBand(at, at, 0.8, { isGoingOn }) : nothing
    }
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
          return onBand(observation.at, impactAt, score, { verdict: evidence?.verdict })
        }
        case 'remembered': {
          const { measurement } = observation
          if (measurement.metric === 'isFallen' && measurement.clockTrusted) keepsSaying(measurement)
          return nothing
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
