import { isIPv6 } from 'node:net'

/** Failures that cost nothing, and how long one has to wait after more of them. */
interface Allowance {
  freeFailures: number
  maxDelayMs: number
}

const perName: Allowance = { freeFailures: 5, maxDelayMs: 60_000 }
const perAddress: Allowance = { freeFailures: 10, maxDelayMs: 15 * 60_000 }
const firstDelayMs = 1000
/** Failures are forgotten so long after the last one. */
const memoryMs = 30 * 60_000
/** Beyond it the oldest memory goes. */
const maxKeys = 10_000
/** Password checks at a time: each is made to be slow, and they share the threads that also read evidence. */
const maxChecks = 8

export interface LoginLimiter {
  /**
   * Asks for one attempt. A number: refused, come back after so many ms. Otherwise call the answer once with the
   * outcome; until then the attempt counts as failed, so that guessing in parallel gains nothing.
   */
  attempt(name: string, address: string, at: number): number | ((isRight: boolean) => void)
}

/** An IPv6 subscriber has a whole /64 to come from. */
const network = (address: string): string => (isIPv6(address) ? address.split(':').slice(0, 4).join(':') : address)

/** Slows down guessing by name and by address: free failures first, then 1 s, 2 s, 4 s … up to a bound. */
export function createLoginLimiter(): LoginLimiter {
  const failures = new Map<string, { count: number; at: number }>()
  let checks = 0

  const waitMs = (key: string, allowance: Allowance, at: number): number => {
    const known = failures.get(key)
    if (!known || at - known.at >= memoryMs || known.count < allowance.freeFailures) return 0
    const delay = Math.min(allowance.maxDelayMs, firstDelayMs * 2 ** (known.count - allowance.freeFailures))
    return Math.max(0, known.at + delay - at)
  }
  const remember = (key: string, at: number) => {
    const known = failures.get(key)
    const count = known && at - known.at < memoryMs ? known.count + 1 : 1
    failures.delete(key)
    failures.set(key, { count, at })
    if (failures.size > maxKeys) failures.delete(failures.keys().next().value!)
  }

  return {
    attempt(name, address, at) {
      const nameKey = `name ${name.toLowerCase()}`
      const addressKey = `address ${network(address)}`
      const wait = Math.max(waitMs(nameKey, perName, at), waitMs(addressKey, perAddress, at))
      if (wait > 0) return wait
      if (checks >= maxChecks) return firstDelayMs
      checks++
      remember(nameKey, at)
      remember(addressKey, at)
      return (isRight) => {
        checks--
        if (!isRight) return
        failures.delete(nameKey)
        // One known password must not wash an address clean: only this attempt is taken back.
        const known = failures.get(addressKey)
        if (known) known.count--
      }
    },
  }
}
