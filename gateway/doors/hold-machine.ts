import type { Actor } from '../core/alarm.ts'
import { type LiftSignal, type LiftState, reasonAgainstHold } from './lift-signals.ts'

/** Instants are ms on a clock that never jumps. */
export type HoldInput =
  /** The scene wants the door held, or no longer. */
  | { type: 'want'; at: number; wanted: boolean }
  | { type: 'signal'; at: number; signal: LiftSignal; value: boolean }
  /** A person says: let it close. */
  | { type: 'override'; at: number; by: Actor }
  /** The contact did not take a lease. */
  | { type: 'contact-lost'; at: number; reason: string }
  | { type: 'tick'; at: number }

export type HoldOutput =
  /** Hold for `forMs` from now. */
  | { type: 'hold'; forMs: number }
  | { type: 'release' }
  | {
      type: 'event'
      transition: 'door-held' | 'door-released' | 'door-hold-expired' | 'door-hold-cancelled'
      reason: string
      heldMs: number
      /** The person who let it go; absent where the rules did. */
      by?: Actor
    }

export interface HoldRules {
  /** Each lease; the contact releases by itself when no other follows. At most 2000. */
  leaseMs: number
  /** One hold in all. At most 60 000. */
  maxHoldMs: number
  /** After a hold nothing is held for so long. */
  coolDownMs: number
  /** Lift signals older than this count as unknown. */
  maxSignalAgeMs: number
  /** Signals this lift was commissioned with, besides landing and door. */
  required: ReadonlySet<LiftSignal>
}

export interface HoldMachine {
  readonly state: 'idle' | 'waiting' | 'holding' | 'blocked'
  /** Why it does not hold although it is wanted. */
  readonly reason: string | undefined
  /** When the hold that is under way ends at the latest; undefined without one. */
  readonly endsAt: number | undefined
  step(input: HoldInput): HoldOutput[]
}

const overridden = 'a person let it go'

/**
 * When a lift's door may be held open for a reported e-bike.
 *
 *   idle ──wanted──▶ waiting ──at a landing, door open, nothing against it, cooled down──▶ holding ─┐ tick: next lease
 *    ▲                  │                                                                   │  ▲     │
 *    │                  │                                                                   │  └─────┘
 *    │◀──not wanted─────┘                                                                   │
 *    │◀──not wanted: release, cool down─────────────────────────────────────────────────────┤
 *    │                                                                                      │ anything against it,
 *    └──not wanted──── blocked ◀── release, cool down ──────────────────────────────────────┘ or maxHoldMs
 *
 * What speaks against it: fire, fire service, fault, entrapment, inspection, SOS, a person down, a wheelchair, a car
 * that moves or has left the landing, a door that is not open, a signal that is unknown or not heard of, an operator's
 * override, a contact that did not take its lease, and a loop that was held up longer than a lease. Once released for
 * any of them the door is not held again for the same entry. An override also counts before a hold has begun: that is
 * the event `door-hold-cancelled`.
 */
export function createHoldMachine(rules: HoldRules): HoldMachine {
  let state: HoldMachine['state'] = 'idle'
  let reason: string | undefined
  let heldSince = 0
  let leasedAt = 0
  let coolUntil = Number.NEGATIVE_INFINITY
  const lift: LiftState = {}

  const against = (at: number) =>
    reasonAgainstHold(lift, at, { required: rules.required, maxAgeMs: rules.maxSignalAgeMs })

  function lease(at: number): HoldOutput {
    leasedAt = at
    return { type: 'hold', forMs: Math.min(rules.leaseMs, Math.max(1, heldSince + rules.maxHoldMs - at)) }
  }

  function begin(at: number): HoldOutput[] {
    reason = at < coolUntil ? 'cooling down after the last hold' : against(at)
    if (reason) return []
    state = 'holding'
    heldSince = at
    return [lease(at), { type: 'event', transition: 'door-held', reason: 'wanted', heldMs: 0 }]
  }

  function end(at: number, why: string, next: 'idle' | 'blocked', by?: Actor): HoldOutput[] {
    const isExpired = why === 'held long enough'
    state = next
    reason = next === 'blocked' ? why : undefined
    coolUntil = at + rules.coolDownMs
    const transition = isExpired ? 'door-hold-expired' : 'door-released'
    const heldMs = Math.round(at - heldSince)
    return [{ type: 'release' }, { type: 'event', transition, reason: why, heldMs, ...(by ? { by } : {}) }]
  }

  function check(at: number): HoldOutput[] {
    if (state === 'waiting') return begin(at)
    if (state !== 'holding') return []
    if (at - leasedAt > rules.leaseMs) return end(at, 'the gateway was held up', 'blocked')
    if (at - heldSince >= rules.maxHoldMs) return end(at, 'held long enough', 'blocked')
    const objection = against(at)
    return objection ? end(at, objection, 'blocked') : []
  }

  function want(at: number, wanted: boolean): HoldOutput[] {
    if (wanted && state === 'idle') {
      state = 'waiting'
      return begin(at)
    }
    if (wanted) return []
    if (state === 'holding') return end(at, 'not wanted any more', 'idle')
    state = 'idle'
    reason = undefined
    return []
  }

  function override(at: number, by: Actor): HoldOutput[] {
    if (state === 'holding') return end(at, overridden, 'blocked', by)
    if (state !== 'waiting') return []
    state = 'blocked'
    reason = overridden
    return [{ type: 'event', transition: 'door-hold-cancelled', reason: overridden, heldMs: 0, by }]
  }

  return {
    get state() {
      return state
    },
    get reason() {
      return reason
    },
    get endsAt() {
      return state === 'holding' ? heldSince + rules.maxHoldMs : undefined
    },
    step(input) {
      const { at } = input
      switch (input.type) {
        case 'want':
          return want(at, input.wanted)
        case 'signal':
          lift[input.signal] = { value: input.value, heardAt: at }
          return check(at)
        case 'override':
          return override(at, input.by)
        case 'contact-lost':
          return state === 'holding' ? end(at, `contact: ${input.reason}`, 'blocked') : []
        case 'tick': {
          const outputs = check(at)
          return outputs.length === 0 && state === 'holding' ? [lease(at)] : outputs
        }
      }
    },
  }
}
