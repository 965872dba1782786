import pino from 'pino'
import { type BrokerOptions, defaultLimits, startBroker } from './broker.ts'

/** What a parent process passes as the only argument, as JSON. Limits not named are the defaults. */
export type BrokerProcessOptions = Omit<BrokerOptions, 'limits' | 'logger' | 'now'> & {
  limits?: Partial<BrokerOptions['limits']>
}

/** What it is sent when the broker listens, and in answer to the message 'metrics'. */
export type BrokerProcessMessage = { port: number } | { rssBytes: number; cpuMicros: number }

/**
 * The broker as a child process of a test or a bench, with an IPC channel: says its port when it listens, stops on
 * SIGTERM and when its parent is gone.
 */
async function main(): Promise<void> {
  const options = JSON.parse(process.argv[2] ?? '{}') as BrokerProcessOptions
  const broker = await startBroker({
    ...options,
    limits: { ...defaultLimits, ...options.limits },
    logger: pino({ level: 'warn' }, pino.destination(2)),
  })
  const stop = () => {
    void broker.stop().then(() => process.exit(0))
  }
  process.on('SIGTERM', stop)
  process.on('disconnect', stop)
  process.on('message', (message) => {
    if (message !== 'metrics') return
    const { user, system } = process.cpuUsage()
    process.send?.({ rssBytes: process.memoryUsage.rss(), cpuMicros: user + system } satisfies BrokerProcessMessage)
  })
  process.send?.({ port: broker.port } satisfies BrokerProcessMessage)
}

await main()
