import type { Actor, Refusal } from '../core/alarm.ts'
import type { Measurement } from '../core/measurement.ts'
import type { DoorContact, DoorHoldStatus } from '../core/ports.ts'
import { refuse } from '../core/refusal.ts'
import { createHoldMachine, type HoldInput, type HoldOutput } from './hold-machine.ts'
import type { HoldOptions } from './hold-options.ts'
import { readLiftSignal, speaksAgainstHold } from './lift-signals.ts'

/** Something the journal keeps. */
export type DoorEvent = Omit<Extract<HoldOutput, { type: 'event' }>, 'type'> & { lift: string }

export interface DoorHoldOptions {
  contact: DoorContact
  /** As written in the site file. */
  rules: Pick<HoldOptions, 'signals' | 'maxHoldSeconds' | 'coolDownSeconds' | 'maxSignalAgeMs'>
  /** Held, released or given up: for the journal, and for an operator where it was given up. */
  onEvent(event: DoorEvent): void
  /** Milliseconds on a clock that never jumps. */
  monotonic?: () => number
}

/** Door hold of one lift. Nothing is held unless `run` runs. */
export interface DoorHold {
  readonly lift: string
  status(): DoorHoldStatus
  /** The scene's wish; the rules decide. */
  want(wanted: boolean): void
  /** A value of a device in this lift; others are passed over. */
  onMeasurement(measurement: Measurement): void
  /** A person lets the door close; it is not held again for this entry. Refused where nothing is held or wanted. */
  override(by: Actor): DoorHoldStatus | Refusal
  /** Renews the hold until aborted, then releases. */
  run(signal: AbortSignal): Promise<void>
}

/** The longest lease: what a dead gateway can hold a door for. */
const leaseMs = 2000
/** Three leases may be lost before the contact lets go. */
const renewEveryMs = 500

/**
 * Holds a lift's door by short leases on a voltage-free contact (see hold-machine.ts for when). The contact lets go by
 * itself when leases stop, so nothing here has to work for the door to close.
 */
export function createDoorHold(options: DoorHoldOptions): DoorHold {
  const { contact, rules, onEvent, monotonic = () => performance.now() } = options
  const machine = createHoldMachine({
    leaseMs,
    maxHoldMs: Math.min(rules.maxHoldSeconds * 1000, 60_000),
    coolDownMs: rules.coolDownSeconds * 1000,
    maxSignalAgeMs: rules.maxSignalAgeMs,
    required: new Set(rules.signals),
  })
  let isRunning = false

  function feed(input: HoldInput): void {
    if (!isRunning) return
    for (const output of machine.step(input)) {
      if (output.type === 'hold') {
        contact.hold(output.forMs).catch((error: Error) => {
          feed({ type: 'contact-lost', at: monotonic(), reason: error.message })
        })
      } else if (output.type === 'release') void release()
      else {
        const { type: _, ...event } = output
        onEvent({ lift: contact.lift, ...event })
      }
    }
  }

  /** A release that is lost only costs the rest of a lease. */
  const release = () => contact.release().catch(() => undefined)

  const status = (): DoorHoldStatus => {
    const { state, reason, endsAt } = machine
    return {
      lift: contact.lift,
      state,
      ...(reason === undefined ? {} : { reason }),
      ...(endsAt === undefined ? {} : { leftMs: Math.max(0, Math.round(endsAt - monotonic())) }),
    }
  }

  return {
    lift: contact.lift,
    status,
    want: (wanted) => feed({ type: 'want', at: monotonic(), wanted }),
    onMeasurement(measurement) {
      const heard = readLiftSignal(measurement)
      if (!heard) return
      // What was true a while ago may not carry a hold; what forbids it counts however late it comes.
      const isLate = measurement.ingestedAt - measurement.deviceAt > rules.maxSignalAgeMs
      if (!isLate || speaksAgainstHold(heard.signal, heard.value)) feed({ type: 'signal', at: monotonic(), ...heard })
    },
    override(by) {
      if (machine.state !== 'holding' && machine.state !== 'waiting')
        return refuse('door-not-held', { lift: contact.lift })
      feed({ type: 'override', at: monotonic(), by })
      return status()
    },
    async run(signal) {
      isRunning = true
      const timer = setInterval(() => feed({ type: 'tick', at: monotonic() }), renewEveryMs)
      await new Promise<void>((resolve) => {
        if (signal.aborted) return resolve()
        signal.addEventListener('abort', () => resolve(), { once: true })
      })
      clearInterval(timer)
      feed({ type: 'want', at: monotonic(), wanted: false })
      isRunning = false
      await release()
    },
  }
}
