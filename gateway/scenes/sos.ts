import { type Static, Type } from 'typebox'
import { type Phrase, type Severity, severities } from '../core/alarm.ts'
import type { Measurement } from '../core/measurement.ts'
import { defineScene, type Finding, type Scene, type SceneTarget } from '../core/scene.ts'
import { createActivity } from './activity.ts'
import { asOccurrence, hourMs, minuteMs } from './elder-alarm.ts'
import { createSensorAlarm, deviceAlarm, nothing } from './sensor-alarm.ts'

const options = Type.Object(
  {
    holdMs: Type.Number({
      minimum: 60_000,
      default: 600_000,
      description: 'Presses within so long of the last are one call for help; a later one is a new alarm.',
    }),
    burstPresses: Type.Integer({ minimum: 3, default: 4, description: 'So many presses …' }),
    burstMs: Type.Number({ minimum: 100, default: 1000, description: '… within this time: no hand is that fast.' }),
    evidenceMs: Type.Number({ minimum: 0, default: 600_000, description: 'A fall so near to the press confirms it.' }),
    stillMs: Type.Number({
      minimum: 0,
      default: hourMs,
      description: 'No movement in the home for so long gives a doubtful press more weight.',
    }),
  },
  { additionalProperties: false },
)
type Options = Static<typeof options>

/** Words for a press that devices of every make use. */
const pressWords: ReadonlySet<unknown> = new Set(['single', 'double', 'long', 'emergency'])

/** One call for help. */
interface Call {
  lastAt: number
  /** A press nobody doubts. */
  isPlain: boolean
  isReplayed: boolean
  isTest: boolean
  isBurst: boolean
  isCancelled: boolean
  unknownWord?: string
  times: number[]
}

/**
 * Somebody presses a button, pulls a cord, or the band's key.
 *
 *   idle ──press──▶ calling (raise at once) ──evidence or doubt: reassess──▶ … ──holdMs without a press──▶ idle (clear)
 *
 * No press is ever left out. What is doubtful weighs less: a burst no hand can make, a word nobody knows, a press that a
 * broker tells again. A fall nearby, or a home in which nothing moves, makes it weigh more.
 */
export const sos = defineScene<Options>({
  kind: 'sos',
  options,
  per: 'elder',
  neededKinds: ['sos', 'wearable'],
  isForUnowned: true,
  metrics: [
    'sosPress',
    'isCancelled',
    'isFallen',
    'isTest',
    'isMotion',
    'isOccupied',
    'isInBed',
    'isOpen',
    'stepCount',
  ],
  isDefault: true,
  create: createScene,
})

function createScene(chosen: Options, target: SceneTarget): Scene {
  const { devices, place, elder } = target
  const activity = createActivity(devices)
  const calls = new Map<string, Call>()
  const alarms = new Map(
    devices.map(({ id }) => [id, createSensorAlarm({ ...deviceAlarm('elder_sos', id, place), person: elder?.id })]),
  )
  const testing = new Set<string>()
  let fallAt = Number.NEGATIVE_INFINITY
  let movedAt: number | undefined

  function weigh(call: Call, at: number): { severity: Severity; certainty: number; why: Phrase[] } {
    const why: Phrase[] = []
    let rank = severities.indexOf('critical')
    let certainty = 0.9
    const doubt = (severity: Severity, sure: number, phrase: Phrase) => {
      rank = Math.min(rank, severities.indexOf(severity))
      certainty = Math.min(certainty, sure)
      why.push(phrase)
    }
    if (call.isPlain) why.push({ key: 'sos-pressed', count: call.times.length })
    else if (call.unknownWord !== undefined) doubt('high', 0.6, { key: 'sos-unknown-word', word: call.unknownWord })
    else doubt('medium', 0.3, { key: 'sos-replayed' })
    if (call.isBurst) doubt('high', 0.5, { key: 'sos-burst', count: call.times.length })
    if (call.isTest) doubt('low', 0.2, { key: 'sos-test' })
    if (call.isCancelled) doubt('high', 0.5, { key: 'sos-cancelled' })
    const isDoubtful = rank < severities.indexOf('critical')
    const hasFallen = Math.abs(call.lastAt - fallAt) <= chosen.evidenceMs
    const isStill = movedAt !== undefined && at - movedAt >= chosen.stillMs
    if (hasFallen) {
      why.push({ key: 'sos-with-fall' })
      rank = severities.indexOf('critical')
      certainty = 0.97
    } else if (isDoubtful && isStill && !call.isTest) {
      why.push({ key: 'sos-nothing-moves', minutes: Math.round((at - movedAt!) / minuteMs) })
      rank++
      certainty += 0.1
    }
    return { severity: severities[rank]!, certainty: Math.round(certainty * 100) / 100, why }
  }

  const tell = (device: string, call: Call, at: number) => alarms.get(device)!.raise(at, weigh(call, at))

  function press(at: number, { device, value, clockTrusted, deviceAt }: Measurement): readonly Finding[] {
    // Some devices clear the word after a press.
    if (typeof value !== 'string' || value === '') return nothing
    const known = calls.get(device)
    const call = known ?? {
      ...{ lastAt: at, isPlain: false, isReplayed: false, isBurst: false, isCancelled: false, times: [] },
      isTest: testing.has(device),
    }
    const isLate = !clockTrusted || at - deviceAt > chosen.holdMs
    if (isLate) call.isReplayed = true
    else if (pressWords.has(value)) {
      call.isPlain = true
      // Whoever presses again after "I am fine" is not.
      if (known && at - known.lastAt > chosen.burstMs) call.isCancelled = false
    } else call.unknownWord = value.slice(0, 40)
    // A repeated call is one that counts again, not one that is weighed anew and found the same.
    const isAgain = known !== undefined && at - known.lastAt > chosen.burstMs
    call.lastAt = at
    call.times = [...call.times.slice(1 - chosen.burstPresses), at]
    if (call.times.length >= chosen.burstPresses && at - call.times[0]! <= chosen.burstMs) call.isBurst = true
    calls.set(device, call)
    // What a broker tells again may be the press somebody has answered before the gateway began anew.
    const isReplay = call.isReplayed && !call.isPlain && call.unknownWord === undefined
    const findings = isReplay ? tell(device, call, at) : asOccurrence(tell(device, call, at))
    if (!isAgain) return findings
    const again: Finding = { type: 'seen', at, ...alarms.get(device)!.key, isAgain: true }
    return [...findings.filter(({ type }) => type !== 'seen'), again]
  }

  function retell(at: number, change: (call: Call) => void = () => {}): readonly Finding[] {
    return [...calls].flatMap(([device, call]) => {
      change(call)
      return [...tell(device, call, at)]
    })
  }

  return {
    observe(observation) {
      const { at } = observation
      if (observation.type === 'fall') {
        fallAt = observation.fall.impactAt
        return retell(at)
      }
      if (observation.type === 'tick')
        return [...calls].flatMap(([device, call]) => {
          if (at - call.lastAt < chosen.holdMs && at >= call.lastAt) return []
          calls.delete(device)
          return [...alarms.get(device)!.clear(at)]
        })
      if (observation.type !== 'measurement') return nothing
      const { measurement } = observation
      const { metric, device, value, clockTrusted } = measurement
      if (metric === 'sosPress') return press(at, measurement)
      if (activity.signOf(measurement)) movedAt = at
      if (!clockTrusted) return nothing
      if (metric === 'isTest') {
        if (value === true) testing.add(device)
        else testing.delete(device)
        return nothing
      }
      if (metric === 'isFallen' && value === true) {
        fallAt = at
        return retell(at)
      }
      if (metric === 'isCancelled' && value === true)
        return retell(at, (call) => {
          call.isCancelled = true
        })
      return nothing
    },
    wakeAt() {
      let earliest = Number.POSITIVE_INFINITY
      for (const { lastAt } of calls.values()) earliest = Math.min(earliest, lastAt + chosen.holdMs)
      return earliest
    },
  }
}
