import fastify from 'fastify'
import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { BridgeStatus } from './bridge.ts'
import type { RefusedRow, StuckEvent } from './inbox.ts'
import type { ParkedRow } from './outbox.ts'
import { listen, portOf } from './webhook.ts'

/** What is counted as it happens; everything else is read from the status at scrape time. */
export interface BridgeMetrics {
  registry: Registry
  delivered(upstream: string, kind: string, ms: number): void
  failed(upstream: string): void
  parked(upstream: string): void
  applied(): void
  refused(): void
  webhookRefused(upstream: string): void
}

export function createMetrics(status: () => BridgeStatus): BridgeMetrics {
  const registry = new Registry()
  const registers = [registry]
  const count = (name: string, help: string, labelNames: string[] = []) =>
    new Counter({ name: `gridgate_bridge_${name}`, help, labelNames, registers })
  const gauge = (name: string, help: string, labelNames: string[], collect: (self: Gauge) => void) =>
    new Gauge({
      name: `gridgate_bridge_${name}`,
      help,
      labelNames,
      registers,
      collect() {
        collect(this)
      },
    })
  const delivered = count('delivered_total', 'Deliveries the platform answered.', ['upstream', 'kind'])
  const failed = count('failed_attempts_total', 'Attempts that will be made again.', ['upstream'])
  const parked = count('parked_total', 'Deliveries the platform refused for what they say.', ['upstream'])
  const applied = count('applied_total', 'Links and events the gateway took.')
  const refused = count('refused_total', 'Links and events the gateway refused.')
  const webhookRefused = count('webhook_refused_total', 'Webhook calls turned away.', ['upstream'])
  const seconds = new Histogram({
    name: 'gridgate_bridge_delivery_seconds',
    help: 'From sending a delivery to the answer.',
    labelNames: ['upstream', 'kind'],
    buckets: [0.01, 0.05, 0.1, 0.5, 1, 5, 30],
    registers,
  })
  gauge('outbox_rows', 'Rows not delivered, by state.', ['upstream', 'state'], (self) => {
    for (const { name, outbox } of status().upstreams)
      for (const state of ['waiting', 'sending', 'parked'] as const) self.set({ upstream: name, state }, outbox[state])
  })
  gauge('outbox_oldest_seconds', 'Age of the oldest row not delivered.', ['upstream'], (self) => {
    const { upstreams, at } = status()
    for (const { name, outbox } of upstreams)
      self.set({ upstream: name }, outbox.oldestAt === undefined ? 0 : (at - outbox.oldestAt) / 1000)
  })
  gauge('up', 'Whether the other side answers.', ['peer'], (self) => {
    const { gateway, upstreams } = status()
    self.set({ peer: 'gateway' }, Number(gateway.state === 'up'))
    for (const { name, state } of upstreams) self.set({ peer: name }, Number(state === 'up'))
  })
  gauge('journal_lag_rows', 'Rows of the journal not taken in yet, of any topic.', [], (self) => {
    const { lastSeq, cursor } = status().gateway
    self.set(Math.max(0, lastSeq - cursor))
  })
  gauge('held_rows', 'Rows of cases that live at the property.', [], (self) => self.set(status().held))
  gauge('unrouted_cases', 'Cases that are due but whose upstream is not configured.', [], (self) =>
    self.set(status().unrouted),
  )
  gauge('stuck_rows', 'Rows and events tried often and waiting for more than an hour.', [], (self) =>
    self.set(status().stuck),
  )
  gauge('inbox_waiting_rows', 'Links and events the gateway has not taken yet.', [], (self) =>
    self.set(status().inbox.waiting),
  )
  return {
    registry,
    delivered(upstream, kind, ms) {
      delivered.inc({ upstream, kind })
      seconds.observe({ upstream, kind }, ms / 1000)
    },
    failed: (upstream) => failed.inc({ upstream }),
    parked: (upstream) => parked.inc({ upstream }),
    applied: () => applied.inc(),
    refused: () => refused.inc(),
    webhookRefused: (upstream) => webhookRefused.inc({ upstream }),
  }
}

export interface HttpOptions {
  host: string
  /** 0: any free port. */
  port: number
  status(): BridgeStatus
  parked(): ParkedRow[]
  stuck(): { rows: ParkedRow[]; events: StuckEvent[] }
  refusals(): RefusedRow[]
  metrics: Registry
}

/**
 * `/health` (200 also while the other sides are away: a restart would not mend them), `/metrics`, `/status` and
 * `/parked`. Nothing here changes anything: rows are sent again from the command line, which needs access to the data.
 * @throws StartError when the port is taken
 */
export async function startHttp(options: HttpOptions): Promise<{ port: number; close(): Promise<void> }> {
  const server = fastify({ forceCloseConnections: true })
  server.get('/health', async () => {
    const { isDegraded, gateway, upstreams, stuck, recentlyRefused, unrouted } = options.status()
    const down = [{ name: 'gateway', ...gateway }, ...upstreams].filter(({ state }) => state === 'down')
    return {
      status: isDegraded ? 'degraded' : 'ok',
      parked: upstreams.reduce((sum, { outbox }) => sum + outbox.parked, 0),
      stuck,
      recentlyRefused,
      unrouted,
      down: down.map(({ name, since, reason }) => ({ name, since: new Date(since).toISOString(), reason })),
    }
  })
  server.get('/status', async () => options.status())
  server.get('/parked', async () => ({
    items: options.parked(),
    stuck: options.stuck(),
    // Without what the platform wrote: it names people.
    refused: options.refusals().map(({ body: _, ...row }) => row),
  }))
  server.get('/metrics', async (_request, reply) =>
    reply.type(options.metrics.contentType).send(await options.metrics.metrics()),
  )
  await listen(server, options, 'the health page')
  return { port: portOf(server), close: () => server.close() }
}
