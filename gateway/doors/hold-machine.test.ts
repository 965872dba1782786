import t from 'tap'
import { liftSignals } from '../core/device-kind.ts'
import { createHoldMachine, type HoldMachine, type HoldOutput } from './hold-machine.ts'
import type { LiftSignal } from './lift-signals.ts'

const required = new Set<LiftSignal>(['isMoving', 'isFireMode', 'isFault'])
const li = { type: 'user', id: 'li' } as const
const rules = { leaseMs: 2000, maxHoldMs: 60_000, coolDownMs: 120_000, maxSignalAgeMs: 3000, required }
const safe: Array<[LiftSignal, boolean]> = [
  ['isAtLanding', true],
  ['isDoorOpen', true],
  ['isMoving', false],
  ['isFireMode', false],
  ['isFault', false],
]

function report(machine: HoldMachine, at: number, signals = safe): HoldOutput[] {
  return signals.flatMap(([signal, value]) => machine.step({ type: 'signal', at, signal, value }))
}

/** A machine that holds since instant 0. */
function holding(): HoldMachine {
  const machine = createHoldMachine(rules)
  report(machine, 0)
  machine.step({ type: 'want', at: 0, wanted: true })
  t.equal(machine.state, 'holding')
  return machine
}

/** Lets time pass as it does: signals every second, a tick every half. */
function pass(machine: HoldMachine, from: number, to: number): Array<HoldOutput & { at: number }> {
  const outputs: Array<HoldOutput & { at: number }> = []
  for (let at = from; at <= to; at += 500) {
    if (at % 1000 === 0) outputs.push(...report(machine, at).map((output) => ({ ...output, at })))
    outputs.push(...machine.step({ type: 'tick', at }).map((output) => ({ ...output, at })))
  }
  return outputs
}

t.test('nothing is held unless it is wanted', async (t) => {
  const machine = createHoldMachine(rules)
  t.same(pass(machine, 0, 10_000), [])
  t.equal(machine.state, 'idle')
})

t.test('a door that stands open at a landing is held by short leases, one after the other', async (t) => {
  const machine = createHoldMachine(rules)
  report(machine, 0)
  t.same(machine.step({ type: 'want', at: 10, wanted: true }), [
    { type: 'hold', forMs: 2000 },
    { type: 'event', transition: 'door-held', reason: 'wanted', heldMs: 0 },
  ])
  const outputs = pass(machine, 500, 20_000)
  t.equal(outputs.length, 40)
  t.ok(outputs.every((output) => output.type === 'hold' && output.forMs === 2000))
})

t.test('it is let go when the bike has left', async (t) => {
  const machine = holding()
  pass(machine, 500, 3000)
  t.same(machine.step({ type: 'want', at: 3200, wanted: false }), [
    { type: 'release' },
    { type: 'event', transition: 'door-released', reason: 'not wanted any more', heldMs: 3200 },
  ])
  t.same(pass(machine, 3500, 10_000), [])
})

t.test('an unknown lift is not held: every commissioned signal must have been heard lately', async (t) => {
  for (const [missing] of safe) {
    const machine = createHoldMachine(rules)
    report(
      machine,
      0,
      safe.filter(([signal]) => signal !== missing),
    )
    t.same(machine.step({ type: 'want', at: 1, wanted: true }), [], missing)
    t.equal(machine.reason, `${missing} unknown`)
    t.match(machine.step({ type: 'signal', at: 2, signal: missing, value: missing.match(/Landing|Open/) !== null }), [
      { type: 'hold' },
      { type: 'event' },
    ])
  }
  const stale = createHoldMachine(rules)
  report(stale, 0)
  t.same(stale.step({ type: 'want', at: 3001, wanted: true }), [])
  t.equal(stale.reason, 'isAtLanding not heard of')
})

t.test('it waits for the door to open at a landing, and then holds', async (t) => {
  const machine = createHoldMachine(rules)
  report(machine, 0, [...safe.slice(2), ['isAtLanding', true], ['isDoorOpen', false]])
  t.same(machine.step({ type: 'want', at: 1, wanted: true }), [])
  t.equal(machine.state, 'waiting')
  t.match(machine.step({ type: 'signal', at: 900, signal: 'isDoorOpen', value: true }), [{ type: 'hold' }, {}])
})

t.test('each thing that speaks against it lets the door go in the same instant, and for good', async (t) => {
  for (const signal of liftSignals) {
    const machine = holding()
    const value = !['isAtLanding', 'isDoorOpen'].includes(signal)
    const outputs = machine.step({ type: 'signal', at: 400, signal, value })
    t.match(outputs, [{ type: 'release' }, { transition: 'door-released', heldMs: 400 }], signal)
    machine.step({ type: 'signal', at: 450, signal, value: !value })
    t.same(pass(machine, 500, 200_000), [], `${signal}: not held again for the same entry`)
    t.equal(machine.state, 'blocked')
  }
})

t.test('an operator lets it close, also before it was held', async (t) => {
  const machine = holding()
  t.equal(machine.endsAt, 60_000)
  t.match(machine.step({ type: 'override', at: 100, by: li }), [
    { type: 'release' },
    { transition: 'door-released', reason: 'a person let it go', by: li },
  ])
  t.equal(machine.endsAt, undefined)
  t.same(pass(machine, 500, 200_000), [])

  const waiting = createHoldMachine(rules)
  waiting.step({ type: 'want', at: 0, wanted: true })
  t.same(waiting.step({ type: 'override', at: 100, by: li }), [
    { type: 'event', transition: 'door-hold-cancelled', reason: 'a person let it go', heldMs: 0, by: li },
  ])
  t.same(waiting.step({ type: 'override', at: 101, by: li }), [], 'once')
  t.same(pass(waiting, 500, 200_000), [])
})

t.test('after sixty seconds it lets go, says so, and cools down', async (t) => {
  const machine = holding()
  const outputs = pass(machine, 500, 200_000)
  const leases = outputs.filter(({ type }) => type === 'hold')
  t.ok(
    leases.every(({ at, ...lease }) => at + (lease as { forMs: number }).forMs <= 60_000),
    'no lease outlives it',
  )
  t.match(outputs.slice(leases.length), [
    { at: 60_000, type: 'release' },
    { at: 60_000, transition: 'door-hold-expired', heldMs: 60_000 },
  ])
  t.equal(outputs.length, leases.length + 2)

  machine.step({ type: 'want', at: 100_000, wanted: false })
  report(machine, 100_000)
  t.same(machine.step({ type: 'want', at: 100_001, wanted: true }), [], 'the next bike waits for the cool-down')
  t.match(machine.reason, /cooling down/)
  t.equal(pass(machine, 100_500, 179_500).length, 0)
  t.match(pass(machine, 180_000, 180_000), [{ type: 'hold' }, { type: 'event' }])
})

t.test('a signal that falls silent ends the hold', async (t) => {
  const machine = holding()
  for (let at = 500; at <= 3000; at += 500) t.match(machine.step({ type: 'tick', at }), [{ type: 'hold' }])
  t.match(machine.step({ type: 'tick', at: 3500 }), [{ type: 'release' }, { reason: 'isAtLanding not heard of' }])
})

t.test('a contact that does not take its lease ends the hold', async (t) => {
  const machine = holding()
  t.match(machine.step({ type: 'contact-lost', at: 700, reason: 'no answer' }), [
    { type: 'release' },
    { reason: 'contact: no answer' },
  ])
  t.same(machine.step({ type: 'contact-lost', at: 800, reason: 'no answer' }), [])
})

t.test('a gateway that was held up longer than a lease does not simply go on', async (t) => {
  const machine = holding()
  t.match(machine.step({ type: 'tick', at: 2001 }), [{ type: 'release' }, { reason: 'the gateway was held up' }])
  t.same(pass(machine, 2500, 10_000), [])
})

t.test(
  'whatever happens, the door is never held while anything speaks against it, nor longer than it may',
  async (t) => {
    let seed = 11
    const random = () => {
      seed = (seed * 48_271) % 2_147_483_647
      return seed / 2_147_483_647
    }
    for (let round = 0; round < 100; round++) {
      const machine = createHoldMachine({ ...rules, maxHoldMs: 5000, coolDownMs: 3000 })
      const truth = new Map<LiftSignal, { value: boolean; at: number }>()
      let [at, heldSince, lastLease] = [0, -1, 0]
      for (let i = 0; i < 1000; i++) {
        at += Math.floor(random() * 400)
        const pick = random()
        const [signal, good] = safe[Math.floor(random() * safe.length)]!
        const value = random() < 0.98 ? good : !good
        if (pick < 0.6) truth.set(signal, { value, at })
        const outputs = machine.step(
          pick < 0.6
            ? { type: 'signal', at, signal, value }
            : pick < 0.65
              ? { type: 'want', at, wanted: random() < 0.7 }
              : pick < 0.655
                ? { type: 'override', at, by: li }
                : { type: 'tick', at },
        )
        for (const output of outputs) {
          if (output.type === 'release') heldSince = -1
          if (output.type !== 'hold') continue
          if (heldSince === -1) heldSince = at
          else if (at - lastLease > 2000) t.fail('renewed after a lease had run out')
          lastLease = at
          if (at + output.forMs - heldSince > 5000) t.fail('held too long')
          for (const [name, expected] of safe) {
            const known = truth.get(name)
            if (!known || known.value !== expected || at - known.at > 3000) t.fail(`held against ${name}`)
          }
        }
      }
    }
    t.pass('100 000 steps')
  },
)
