import type { EventEmitter } from 'node:events'
import type { Socket } from 'node:net'
import { join } from 'node:path'
import { Aedes, type AedesPublishPacket, type Client, type PublishPacket } from 'aedes'
import type { Logger } from 'pino'
import { type CleanUp, createCleanUp } from '../core/clean-up.ts'
import { StartError } from '../core/errors.ts'
import { type Access, compileAccess } from './access.ts'
import { type BrokerCounters, type BrokerMetrics, createCounters } from './broker-metrics.ts'
import { CredentialBook } from './credentials.ts'
import { FairEmitter } from './emitter.ts'
import { watchFiles } from './file-watch.ts'
import { type FramingGuard, guardFraming } from './framing-guard.ts'
import { type BrokerLimits, defaultLimits } from './limits.ts'
import { listenPlain, listenTls, type TlsOptions } from './listener.ts'
import { LoginDesk, LoginPostponed, LoginRefused } from './login.ts'
import type { SessionPacket } from './session-backlog.ts'
import { SessionPersistence } from './session-persistence.ts'
import { WriteBatch } from './write-batch.ts'

export type { BrokerLimits, BrokerMetrics, TlsOptions }
export { defaultLimits }

export interface BrokerOptions {
  /** Topics of this site are `site/<site>/<device>/up|down`. */
  site: string
  host: string
  /** 0 takes any free port. */
  port: number
  tls?: TlsOptions
  /** Directory of `sessions.db`; made when it is not there. */
  dataDir: string
  credentialsFile: string
  limits: BrokerLimits
  /**
   * Topic filters whose messages are never dropped from the queue of a client that is away; beside those in the gateway's
   * line of the credentials file, which may change while the broker runs.
   */
  alarmTopics: readonly string[]
  logger: Logger
  now?: () => number
}

export interface Broker {
  readonly port: number
  readonly tlsPort?: number
  metrics(): BrokerMetrics
  /** Closes every connection, commits and closes the store. Wills are kept for clients that do not come back. */
  stop(): Promise<void>
}

/** What is known of a client that has logged in. */
interface Guest {
  id: string
  access: Access
  guard: FramingGuard | undefined
  /** Counter of the last message handed to it, to tell overlapping subscriptions from new messages. */
  lastMessage: number
}

/**
 * Starts the MQTT 3.1.1 broker: aedes with the guards that keep it alive under clients that stall, flood or lie.
 *
 * ```
 * socket ─► admission (per address, total) ─► framing guard ─► aedes ─► login desk ─► access rules
 *                                                                │
 *        session store (SQLite, group commit) ◄── QoS ≥ 1 ◄──────┤──► fair emitter ─► egress cap ─► sockets
 * ```
 * @throws StartError naming the place and the cure: port in use, directory not writable, credentials unreadable
 */
export async function startBroker(options: BrokerOptions): Promise<Broker> {
  const cleanUp = createCleanUp()
  try {
    return await start(options, cleanUp)
  } catch (error) {
    await cleanUp.run()
    throw error
  }
}

async function start(options: BrokerOptions, cleanUp: CleanUp): Promise<Broker> {
  const { limits, logger } = options
  const now = options.now ?? Date.now
  const counters = createCounters()
  const guests = new WeakMap<object, Guest>()
  const batch = new WriteBatch()

  const book = new CredentialBook(options.credentialsFile, limits.pendingLogins)
  await loadCredentials(book, options.credentialsFile)
  const alarmTopics = () => [...options.alarmTopics, ...book.first]

  const sessions = new SessionPersistence({
    file: join(options.dataDir, 'sessions.db'),
    limits: limits.session,
    alarmTopics: alarmTopics(),
    logger,
    now,
    admits: (client, filter) => guests.get(client)?.access.maySubscribe(filter) ?? false,
  })
  cleanUp.defer('sessions', () => sessions.destroy())

  const desk = new LoginDesk({ book, limits, now, isConnected: (id) => id in clientsOf(aedes) })
  const aedes = new Aedes({
    mq: new FairEmitter(),
    persistence: sessions,
    // Zero lifts the limit of listeners on a socket; the emitter has no limit of its own.
    concurrency: 0,
    heartbeatInterval: limits.heartbeatMs,
    connectTimeout: limits.connectTimeoutMs,
    drainTimeout: limits.stallTimeoutMs,
    keepaliveLimit: limits.keepaliveLimitS,
    maxClientsIdLength: limits.clientIdLength,
    maxTopicLevels: limits.topicLevels,
    maxInflightInbound: limits.inflightInbound,
    preConnect: (client, packet, done) => {
      desk.announce(client, packet)
      done(null, true)
    },
    authenticate: (client, username, password, done) => {
      desk.logIn(client, username, password).then(
        (credential) => {
          const access = compileAccess(options.site, credential)
          const will = desk.willOf(client)
          if (will && !access.mayPublish(will.topic, will.retain ?? false)) {
            counters.refusedLogins++
            logger.warn(
              { client: client.id, topic: will.topic },
              'login refused: its will is for a topic it may not use',
            )
            return done(new LoginRefused(5, 'the will is for a topic this client may not publish to'), false)
          }
          guests.set(client, { id: credential.id, access, guard: guards.get(client.conn), lastMessage: 0 })
          // Every message of this broker passes its emitter once, so only overlapping subscriptions repeat one, and
          // that is checked below. aedes' own check expects counters to rise, which they do not between a QoS 1
          // message that waits for the disk and a QoS 0 message behind it: it would discard the first.
          Object.assign(client, { duplicates: Object.create(neverDuplicate(aedes.id)) })
          if (!client.clean) {
            sessions.touch(client.id)
            sessions.backlog.hold(client)
          }
          done(null, true)
        },
        (error: unknown) => {
          counters.refusedLogins++
          if (error instanceof LoginRefused) return done(error, false)
          if (!(error instanceof LoginPostponed))
            logger.error({ err: error, client: client.id }, 'a login could not be checked')
          client.close()
        },
      )
    },
    authorizePublish: (client, packet, done) => authorizePublish(client, packet, done),
    authorizeSubscribe: (client, subscription, done) => {
      if (guests.get(client)?.access.maySubscribe(subscription.topic)) return done(null, subscription)
      counters.deniedSubscriptions++
      logger.warn({ client: client.id, filter: subscription.topic }, 'a client may not subscribe to this')
      done(null, null)
    },
    authorizeForward: (client, packet) => forward(client, packet),
  })
  const events: EventEmitter = aedes
  events.on('error', (error: Error) => logger.error({ err: error }, 'the broker could not finish an operation'))
  aedes.on('clientError', (client, error) => logger.debug({ client: client.id, err: error }, 'a connection broke'))
  aedes.on('connectionError', (_client, error) => logger.debug({ err: error }, 'a connection broke before its login'))
  aedes.on('connackSent', (packet, client) => {
    if (packet.returnCode !== 0) return
    const guest = guests.get(client)
    const role = guest && book.get(guest.id)?.role
    if (!role) return
    const limited = role === 'device' || role === 'bridge'
    guest.guard?.loggedIn(
      limits.rolePacketBytes[role] ?? limits.packetBytes,
      limited ? { publishes: limits.publishes, bytes: limits.publishBytes } : undefined,
    )
  })
  aedes.on('clientDisconnect', (client) => {
    if (!client.clean) sessions.touch(client.id)
  })

  // --- publishing: stored before it is acknowledged

  // Packets this broker has dealt with before aedes comes to publish them: refused ones, and QoS 1 ones already out.
  const settled = new WeakSet<object>()
  type Publish = (packet: object, client: Client | null, done: (error?: Error | null) => void) => void
  const publish = aedes.publish.bind(aedes) as unknown as Publish
  const publishUnlessSettled = (packet: object, client: unknown, done: unknown) => {
    const callback = (typeof client === 'function' ? client : done) as (error?: Error | null) => void
    if (settled.delete(packet)) return callback?.(null)
    publish(packet, typeof client === 'function' ? null : (client as Client | null), callback)
  }
  Object.assign(aedes, { publish: publishUnlessSettled })

  /**
   * aedes acknowledges a QoS 1 message and then stores it. Here it is published from within the permission, which aedes
   * asks for first, and the permission is given when it is stored: the acknowledgement follows the commit.
   * A refused message is acknowledged and dropped, as Mosquitto does: MQTT 3.1.1 has no way to say no but to close the
   * connection, and a device that makes one mistake would then reconnect for ever and deliver nothing.
   */
  function authorizePublish(client: Client | null, packet: PublishPacket, done: (error?: Error | null) => void): void {
    const access = client ? guests.get(client)?.access : accessOfAbsent(packet)
    if (!access?.mayPublish(packet.topic, packet.retain)) {
      if (counters.deniedPublishes++ % 1000 === 0) {
        logger.warn(
          { client: client?.id, topic: packet.topic, retain: packet.retain },
          'a client may not publish this: dropped',
        )
      }
      settled.add(packet)
      done(null)
      return
    }
    counters.publishes++
    // Wills come this way too; they have no packet id and nobody waits for their acknowledgement.
    if (packet.qos !== 1 || packet.messageId === undefined) {
      done(null)
      return
    }
    publish(packet, client, (error) => {
      if (error) return done(error)
      // Not stored: without an acknowledgement the sender keeps it and tries again.
      if (sessions.database.failing) return done(new Error('the message could not be stored'))
      settled.add(packet)
      if (client) batch.hold(client.conn)
      done(null)
    })
  }

  // The will of a client that was connected when an earlier broker process ended.
  function accessOfAbsent(packet: PublishPacket): Access | undefined {
    const credential = book.get((packet as { clientId?: string }).clientId ?? '')
    return credential && compileAccess(options.site, credential)
  }

  // --- delivery: no client may make the broker wait, or hoard

  function forward(client: Client, packet: AedesPublishPacket): AedesPublishPacket | null {
    const guest = guests.get(client)
    if (!guest) return null
    // A packet id means it comes from the backlog, which is sent as fast as the socket takes it.
    const live = packet.messageId === undefined
    if (live && packet.brokerId) {
      if (guest.lastMessage === packet.brokerCounter) return null
      guest.lastMessage = packet.brokerCounter
      if (packet.qos > 0 && sessions.backlog.holds(client, packet as SessionPacket)) return null
    }
    const waiting = client.conn.writableLength + batch.heldBytes(client.conn)
    if (waiting > limits.egressEvictBytes) {
      counters.evicted++
      logger.warn({ client: client.id, waitingBytes: waiting }, 'a subscriber does not keep up: disconnected')
      client.conn.destroy()
      return null
    }
    if (packet.qos === 0 && waiting > limits.egressDropBytes) {
      counters.droppedSlow++
      return null
    }
    counters.deliveries++
    batch.hold(client.conn)
    return packet
  }

  // --- connections

  const guards = new WeakMap<object, FramingGuard>()
  let connections = 0
  const accept = (socket: Socket) => {
    const address = socket.remoteAddress ?? ''
    const refusal = connections >= limits.maxClients ? 'full' : desk.admits(address) ? undefined : 'tooFast'
    if (refusal) {
      counters.refusedConnections++
      socket.destroy()
      return
    }
    connections++
    counters.connections++
    socket.once('close', () => {
      connections--
      counters.bytesOut += socket.bytesWritten
    })
    socket.setNoDelay(true)
    const guard = guardFraming(socket, {
      loginPacketBytes: limits.loginPacketBytes,
      now,
      onFault: (fault, declaredBytes) => {
        counters.framingFaults++
        const client = (socket as { client?: Client }).client?.id
        logger.warn({ address, client, fault, declaredBytes }, 'a connection was cut: not an acceptable MQTT packet')
      },
      onThrottle: () => {
        counters.throttles++
      },
      onRead: (bytes) => {
        counters.bytesIn += bytes
      },
    })
    guards.set(socket, guard)
    batch.attach(socket)
    aedes.handle(socket)
  }

  await aedes.listen()
  cleanUp.defer('clients', () => closeClients(aedes))

  const port = await listenPlain(options.host, options.port, accept, cleanUp)
  let tlsPort: number | undefined
  if (options.tls) {
    const timing = { handshakeTimeoutMs: limits.connectTimeoutMs, reloadMs: limits.reloadMs }
    tlsPort = await listenTls(options.tls, { ...timing, accept, logger, cleanUp })
  }

  const stopWatching = watchFiles([options.credentialsFile], limits.reloadMs, async () => {
    try {
      const changed = new Set(await book.reload())
      sessions.backlog.keepFirst(alarmTopics())
      for (const client of Object.values(clientsOf(aedes))) {
        if (changed.has(guests.get(client)?.id ?? '')) client.close()
      }
      logger.info({ clients: book.size, changed: changed.size }, 'the credentials were read again')
    } catch (error) {
      logger.error({ err: error }, 'the new credentials are not usable: the old ones stay in force')
    }
  })
  cleanUp.defer('credentials watch', stopWatching)

  const sweeper = setInterval(() => {
    desk.sweep()
    sessions
      .sweep((id) => id in clientsOf(aedes))
      .catch((error) => logger.error({ err: error }, 'session sweep failed'))
  }, 60_000)
  cleanUp.defer('sweeper', () => clearInterval(sweeper))

  return {
    port,
    ...(tlsPort !== undefined && { tlsPort }),
    metrics: () => gather(counters, aedes.connectedClients, connections, sessions),
    stop: () =>
      cleanUp.run((name, error) => logger.error({ err: error, part: name }, 'a part of the broker did not stop')),
  }
}

function gather(
  counters: BrokerCounters,
  clients: number,
  connections: number,
  sessions: SessionPersistence,
): BrokerMetrics {
  return { ...counters, clients, openConnections: connections, session: sessions.metrics() }
}

async function loadCredentials(book: CredentialBook, file: string): Promise<void> {
  try {
    await book.reload()
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT'
    throw new StartError(
      missing ? `the credentials file ${file} is not there` : (error as Error).message,
      missing ? 'add the first client with addCredential, or set another file' : 'mend or remove the lines named above',
      error,
    )
  }
}

function clientsOf(aedes: Aedes): Record<string, Client> {
  return (aedes as unknown as { clients: Record<string, Client> }).clients
}

/** A stand-in for a client's `duplicates` that finds no message of this broker to be one. */
function neverDuplicate(brokerId: string): object {
  return Object.defineProperty({}, brokerId, { get: () => 0, set: () => {} })
}

function closeClients(aedes: Aedes): Promise<void> {
  // A broker that restarts is not a device that died: wills stay in the store, and are published after the restart for
  // the clients that do not come back.
  for (const client of Object.values(clientsOf(aedes))) Object.assign(client, { will: null })
  return new Promise((resolve) => aedes.close(resolve))
}
