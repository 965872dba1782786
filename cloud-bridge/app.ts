import { type Logger, pino } from 'pino'
import { createCleanUp } from '../gateway/core/clean-up.ts'
import { type Clock, systemClock } from '../gateway/core/clock.ts'
import { findDriver } from '../gateway/core/driver.ts'
import { StartError } from '../gateway/core/errors.ts'
import { createBell } from './bell.ts'
import { createBridge as assemble, type BridgeStatus } from './bridge.ts'
import { type BridgeConfigInput, readBridgeConfig } from './config.ts'
import { lockDataDirectory, openDatabase } from './database.ts'
import { createGateway } from './gateway.ts'
import { createMetrics, startHttp } from './http.ts'
import type { RefusedRow } from './inbox.ts'
import type { ParkedRow } from './outbox.ts'
import { dialects } from './upstreams/index.ts'
import { startWebhookServer } from './webhook.ts'

export interface BridgeOptions {
  config: BridgeConfigInput
  /** Default: silent. */
  log?: Logger
  /** For tests. */
  clock?: Clock
  random?: () => number
  fetch?: typeof fetch
}

export interface RunningBridge {
  /** Opens the ports and starts every loop. Never waits for the gateway or a platform. */
  start(): Promise<void>
  /** Ends every loop, gives rows being sent back, closes ports and the outbox. Safe to call twice. */
  stop(): Promise<void>
  status(): BridgeStatus
  parked(): ParkedRow[]
  refusals(): RefusedRow[]
  /** Ports really listened on, after start. */
  ports(): { http?: number; webhooks: Record<string, number> }
}

/**
 * Builds every part of cloud-bridge in order. Opens the outbox, touches no network before `start`.
 * @throws ConfigError with every problem; StartError when the data directory cannot be used or another bridge has it
 */
export async function createBridge(options: BridgeOptions): Promise<RunningBridge> {
  const config = readBridgeConfig(options.config, 'bridge configuration')
  const log = options.log ?? pino({ enabled: false })
  const clock = options.clock ?? systemClock
  const world = { fetch: options.fetch ?? fetch, now: clock.now }
  const cleanUp = createCleanUp()
  const stopping = new AbortController()
  const ports: { http?: number; webhooks: Record<string, number> } = { webhooks: {} }
  try {
    const unlock = lockDataDirectory(config.dataDir)
    cleanUp.defer('lock', unlock)
    const database = openDatabase(config.dataDir)
    cleanUp.defer('database', () => database.close())
    const upstreams = config.upstreams.map((upstream) => {
      const dialect = findDriver(dialects, upstream.kind)
      if (!dialect) throw new StartError(`no dialect "${upstream.kind}"`, 'see upstreams/index.ts for the list')
      return dialect.create({ ...upstream, site: config.site, requestTimeoutMs: config.requestTimeoutMs }, world)
    })
    const bridge = assemble({
      config,
      database,
      gateway: createGateway({ ...config.gateway, requestTimeoutMs: config.requestTimeoutMs }, world),
      upstreams,
      clock,
      random: options.random ?? Math.random,
      bell: createBell(clock),
      metrics: () => metrics,
      log,
    })
    const metrics = createMetrics(bridge.status)

    const openWebhooks = async () => {
      for (const upstream of upstreams) {
        const webhook = config.upstreams.find(({ name }) => name === upstream.name)?.webhook
        if (!webhook) continue
        const server = await startWebhookServer({
          ...webhook,
          upstream,
          store: (events) => bridge.receive(upstream.name, events),
          onRefused: () => metrics.webhookRefused(upstream.name),
        })
        cleanUp.defer(`webhook of ${upstream.name}`, server.close)
        ports.webhooks[upstream.name] = server.port
      }
    }

    return {
      async start() {
        try {
          if (config.http) {
            const http = await startHttp({
              ...config.http,
              status: bridge.status,
              parked: bridge.parked,
              stuck: bridge.stuck,
              refusals: bridge.refusals,
              metrics: metrics.registry,
            })
            cleanUp.defer('http', http.close)
            ports.http = http.port
          }
          await openWebhooks()
          bridge.prepare()
        } catch (error) {
          await cleanUp.run()
          throw error
        }
        const running = bridge.run(stopping.signal)
        cleanUp.defer('loops', async () => {
          stopping.abort(new Error('the bridge is stopping'))
          await running
        })
      },
      async stop() {
        await cleanUp.run((name, error) => log.error({ part: name, reason: String(error) }, 'stopping a part failed'))
      },
      status: bridge.status,
      parked: bridge.parked,
      refusals: bridge.refusals,
      ports: () => ports,
    }
  } catch (error) {
    await cleanUp.run()
    throw error
  }
}
