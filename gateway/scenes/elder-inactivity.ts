import { type Static, Type } from 'typebox'
import { defineScene, type Finding, type Scene, type SceneTarget } from '../core/scene.ts'
import { activityKinds, activityMetrics, createActivity, type Sign } from './activity.ts'
import { createElderAlarm, hourMs, minuteMs } from './elder-alarm.ts'
import { localTimeOf } from './hours.ts'
import { nothing } from './sensor-alarm.ts'

const options = Type.Object(
  {
    surprise: Type.Number({
      minimum: 1,
      default: 6,
      description: 'How unlikely a silence must be: 6 means one in four hundred for this person at these hours.',
    }),
    leastMs: Type.Number({ minimum: 600_000, default: 2 * hourMs, description: 'No silence is told before so long.' }),
    outShare: Type.Number({
      minimum: 0,
      maximum: 1,
      default: 0.33,
      description: 'Whose last sign was the door may be out: the silence then counts by this share.',
    }),
  },
  { additionalProperties: false },
)
type Options = Static<typeof options>

/** How often this hour of the day shows a sign of life, 0…1, and on how many days that rests. */
interface Hour {
  share: number
  days: number
}

/** Before anything is learnt: awake from seven to nine in the evening, half of the hours with a sign of life. */
const firstGuess = (hour: number): Hour => ({ share: hour >= 7 && hour < 21 ? 0.5 : 0.05, days: 0 })
/** The guess weighs as much as so many days. */
const guessedDays = 3
/** Habits older than so many days fade. */
const rememberedDays = 21
const [leastShare, mostShare] = [0.02, 0.95]
const checkEveryMs = 5 * minuteMs
/** Longer between two checks the gateway was away: nobody knows what happened meanwhile. */
const longestGapMs = 15 * minuteMs
/** An hour teaches something when it was watched for so long. */
const watchedMs = 45 * minuteMs

/**
 * Nothing moves in a home, at an hour at which something usually does. For each hour of the day it is learnt how often
 * this person shows a sign of life in it; a silence is as surprising as its hours together are unlikely, −Σ ln(1 − share).
 * A quiet night is no surprise, a quiet morning is one after two hours. 24 numbers are all that is kept.
 *
 *   quiet ──surprise reached──▶ missed (raise) ──sign of life──▶ quiet (clear)
 *
 * While none of the home's devices is up, or was heard since the start, nothing is learnt and nothing is counted: that
 * is an alarm of its own.
 */
export const elderInactivity = defineScene<Options>({
  kind: 'elder-inactivity',
  options,
  per: 'elder',
  deviceKinds: activityKinds,
  metrics: activityMetrics,
  isDefault: true,
  needsHealthConsent: true,
  create: createScene,
})

function createScene(chosen: Options, target: SceneTarget): Scene {
  const alarm = createElderAlarm('elder_inactivity', target)
  const activity = createActivity(target.devices)
  const local = localTimeOf(target)
  /** Devices known to be up: after a start none is until it was heard. */
  const up = new Set<string>()
  let hours = Array.from({ length: 24 }, (_, hour) => firstGuess(hour))
  /** What the silence amounts to by now. */
  let surprise = 0
  let silentMs = 0
  let lastSign: Sign = 'inside'
  let checkedAt: number | undefined
  let current = { hour: -1, isActive: false, watchedMs: 0 }

  function learn(): void {
    const known = hours[current.hour]
    if (!known || current.watchedMs < watchedMs) return
    known.days++
    known.share += ((current.isActive ? 1 : 0) - known.share) / Math.min(known.days + guessedDays, rememberedDays)
  }

  /** Counts the time since the last check. */
  function check(at: number): void {
    const since = checkedAt
    checkedAt = at
    const hour = Math.floor(local(at).minutes / 60)
    if (hour !== current.hour) {
      learn()
      current = { hour, isActive: false, watchedMs: 0 }
    }
    if (since === undefined || at <= since || at - since > longestGapMs || up.size === 0) return
    const share = Math.min(mostShare, Math.max(leastShare, hours[hour]!.share))
    const weight = lastSign === 'door' ? chosen.outShare : 1
    surprise += (-Math.log(1 - share) * weight * (at - since)) / hourMs
    silentMs += at - since
    current.watchedMs += at - since
  }

  function onSign(at: number, sign: Sign): readonly Finding[] {
    check(at)
    current.isActive = true
    lastSign = sign
    surprise = 0
    silentMs = 0
    return alarm.clear(at)
  }

  function conclude(at: number): readonly Finding[] {
    if (surprise < chosen.surprise || silentMs < chosen.leastMs) return nothing
    const isOut = lastSign === 'door'
    const facts = { hours: Math.round((silentMs / hourMs) * 10) / 10 }
    const share = Math.round(100 * hours[current.hour]!.share)
    const why = [
      { key: isOut ? 'inactive-maybe-out' : 'inactive', ...facts },
      { key: 'inactive-usual', share },
    ]
    return alarm.raise(at, { severity: isOut ? 'medium' : 'high', certainty: isOut ? 0.4 : 0.7, why })
  }

  return {
    observe(observation) {
      const { at } = observation
      switch (observation.type) {
        case 'measurement': {
          const { measurement } = observation
          if (measurement.clockTrusted && !up.has(measurement.device)) {
            check(at)
            up.add(measurement.device)
          }
          const sign = activity.signOf(measurement)
          return sign ? onSign(at, sign) : nothing
        }
        case 'remembered':
          activity.remember(observation.measurement)
          return nothing
        case 'device':
          check(at)
          if (observation.isUp) up.add(observation.device)
          else up.delete(observation.device)
          return nothing
        case 'tick':
          check(at)
          return conclude(at)
        default:
          return nothing
      }
    },
    wakeAt: () => (checkedAt === undefined ? 0 : checkedAt + checkEveryMs),
    snapshot: () => ({ hours, surprise, silentMs, lastSign }),
    restore(known) {
      const learnt = known as { hours?: Hour[]; surprise?: number; silentMs?: number; lastSign?: Sign } | undefined
      const isWhole = learnt?.hours?.length === 24 && learnt.hours.every(({ share, days }) => share + days >= 0)
      if (isWhole) hours = learnt.hours!.map(({ share, days }) => ({ share, days }))
      if (Number.isFinite(learnt?.surprise)) surprise = learnt!.surprise!
      if (Number.isFinite(learnt?.silentMs)) silentMs = learnt!.silentMs!
      if (learnt?.lastSign === 'door') lastSign = 'door'
    },
  }
}
