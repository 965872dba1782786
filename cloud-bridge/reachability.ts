import type { Logger } from 'pino'

/** Whether the other side answers. Logged once when lost and once when back. */
export interface Reachability {
  readonly state: 'starting' | 'up' | 'down'
  /** Since when in this state, epoch ms. */
  readonly since: number
  /** Why it is down, in words an operator can act on. */
  readonly reason?: string
}

export interface ReachabilityWatch {
  status(): Reachability
  up(): void
  down(error: unknown): void
}

export function createReachability(log: Logger, name: string, now: () => number): ReachabilityWatch {
  let status: Reachability = { state: 'starting', since: now() }
  return {
    status: () => status,
    up() {
      if (status.state === 'up') return
      if (status.state === 'down')
        log.info({ peer: name, downMs: now() - status.since, was: status.reason }, `${name} is back`)
      status = { state: 'up', since: now() }
    },
    down(error) {
      const reason = describe(error)
      if (status.state !== 'down') log.warn({ peer: name, reason }, `${name} is lost`)
      status = { state: 'down', since: status.state === 'down' ? status.since : now(), reason }
    },
  }
}

/** One peer asked over several ways (reading and writing): down if any is, so that none hides the other. */
export function mergeReachability(ways: readonly Reachability[]): Reachability {
  const pick = (state: Reachability['state']) => ways.find((way) => way.state === state)
  return pick('down') ?? pick('up') ?? ways[0]!
}

/** The message of an error with its hint, if it carries one. */
export function describe(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error)
  const hint = error instanceof Error && 'hint' in error ? error.hint : undefined
  return typeof hint === 'string' ? `${message} (${hint})` : message
}
