import type { Logger } from 'pino'
import { createAnswerLinks } from './alarms/answer-links.ts'
import { createEscalation, type Escalation } from './alarms/escalation.ts'
import type { PeopleParts } from './api/options.ts'
import type { SiteConfig } from './config/site.ts'
import type { Clock } from './core/clock.ts'
import { findDriver } from './core/driver.ts'
import type { ChannelState } from './core/ports.ts'
import type { Finding } from './core/scene.ts'
import { createCourier, type RunningCourier } from './notifiers/courier.ts'
import { notifierDrivers } from './notifiers/index.ts'
import type { SecretReference } from './notifiers/notifier.ts'
import { createReceiptInbox } from './receipt-inbox.ts'
import { kindWords, placeWords } from './site-view.ts'
import type { OpenStore } from './storage/store.ts'

export interface PeopleOptions {
  config: SiteConfig
  store: OpenStore
  /** Signs answer links. */
  linkSecret: string
  secret(reference: SecretReference): string
  /** A channel was lost or is back: an alarm of the site. */
  onFinding(finding: Finding): void
  onError(error: unknown, what: string): void
  clock: Clock
  random: () => number
  logger: Logger
}

export interface People {
  escalation: Escalation
  courier: RunningCourier
  /** What the API shows and takes. */
  parts: PeopleParts
  /** Whether a channel is not known to be down; undefined where there is none of this id. */
  isChannelUp(id: string): boolean | undefined
  /** Receipts that providers pushed, since the start: of messages of ours, and of none. */
  receiptCounts(): Readonly<Record<'taken' | 'unknown' | 'unreadable', number>>
  close(): Promise<void>
}

export const notificationDown = 'notification_down'

/** Everything that reaches people who are not at the console, built from the site file. */
export function createPeople(options: PeopleOptions): People {
  const { config, store, clock, logger } = options
  const { now } = clock
  const notifiers = config.notifiers.map(({ id, driver, options: driverOptions }) =>
    findDriver(notifierDrivers, driver)!.create(driverOptions, {
      id,
      now,
      secret: options.secret,
      subscriptions: {
        of: store.pushSubscriptions,
        remove: (endpoint) => void store.deletePushSubscription(endpoint),
      },
    }),
  )
  const courier = createCourier({
    notifiers,
    logger,
    now,
    random: options.random,
    onChannel: (channel) => reportChannel(channel),
  })
  const links = createAnswerLinks({
    secret: options.linkSecret,
    ...(config.http.publicUrl === undefined ? {} : { baseUrl: config.http.publicUrl }),
    now,
  })
  const escalation = createEscalation({
    store,
    courier,
    people: config.people,
    rotas: config.rotas,
    chains: config.chains,
    elders: config.elders,
    rules: config.escalation,
    channelOf: (id) => notifiers.find((notifier) => notifier.id === id)?.channel,
    timeZone: config.site.timeZone,
    linkFor: links.linkFor,
    describeKind: (kind) => kindWords(config, kind),
    describePlace: ({ place }) => placeWords(config, place),
    onError: options.onError,
    now,
  })
  const inbox = createReceiptInbox(notifiers, escalation.receive)
  // Answers at the console come by acknowledging; what waits for others is taken back then too.
  const endAppend = store.onAppend(({ topic, transition, subject }) => {
    if (topic === 'alarm' && (transition === 'acknowledged' || transition === 'verdict')) courier.withdraw(subject)
  })
  let isClosing = false

  function reportChannel({ notifier, state, phrases = [] }: ChannelState): void {
    if (isClosing) return
    const place = { site: config.site.id }
    const source = { type: 'device', id: notifier } as const
    const finding = { at: now(), kind: notificationDown, place, source }
    // In a turn of its own: an alarm's transaction may be open.
    setImmediate(() => {
      if (isClosing) return
      try {
        if (state === 'up') {
          options.onFinding({ type: 'clear', ...finding })
          return
        }
        const isLast = courier.channels().every((channel) => channel.state === 'down')
        const why = [{ key: isLast ? 'every-channel-down' : 'channel-down', channel: notifier }, ...phrases]
        options.onFinding({ type: 'raise', ...finding, severity: isLast ? 'critical' : 'high', certainty: 1, why })
        options.onFinding({ type: 'warn', at: now(), kind: notificationDown, place, clip: 'notification-down', nth: 1 })
      } catch (error) {
        options.onError(error, 'the loss of a channel could not be reported')
      }
    })
  }

  const push = config.notifiers.find(({ driver }) => driver === 'web-push')
  const pushed = new Set(
    config.people.flatMap(({ id, channels }) => (channels.some(({ notifier }) => notifier === push?.id) ? id : [])),
  )
  return {
    escalation,
    courier,
    parts: {
      elders: config.elders,
      persons: config.people.map(({ id, name, duty }) => ({ id, name, duty })),
      responses: escalation,
      links,
      describePlace: (place) => placeWords(config, place),
      describeKind: (kind) => kindWords(config, kind),
      channels: courier.channels,
      receipts: inbox,
      timeZone: config.site.timeZone,
      ...(push
        ? {
            push: {
              publicKey: (push.options as { publicKey: string }).publicKey,
              isTold: (person: string) => pushed.has(person),
            },
          }
        : {}),
    },
    receiptCounts: inbox.counts,
    isChannelUp(id) {
      const channel = courier.channels().find(({ notifier }) => notifier === id)
      return channel && channel.state !== 'down'
    },
    async close() {
      isClosing = true
      endAppend()
      await courier.close()
      escalation.close()
    },
  }
}
