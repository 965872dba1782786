import type { SessionMetrics } from './session-persistence.ts'

/** Counters since the start of the process. */
export interface BrokerCounters {
  connections: number
  /** Closed at once: too many clients, or too many from one address. */
  refusedConnections: number
  refusedLogins: number
  /** Connections cut because what came was not MQTT, or declared too large a packet. */
  framingFaults: number
  publishes: number
  /** Publishes dropped because the client has no right to the topic. */
  deniedPublishes: number
  deniedSubscriptions: number
  /** Messages handed to subscribers. */
  deliveries: number
  /** QoS 0 messages dropped because their subscriber does not keep up. */
  droppedSlow: number
  /** Subscribers disconnected because they do not keep up at all. */
  evicted: number
  /** Times a client's socket was paused because it published too fast. */
  throttles: number
  bytesIn: number
  /** Of connections that have ended. */
  bytesOut: number
}

/** The state of the broker, for /metrics. */
export interface BrokerMetrics extends BrokerCounters {
  /** Logged in now. */
  clients: number
  /** Connected now, logged in or not. */
  openConnections: number
  session: SessionMetrics
}

/** Counters at zero. */
export function createCounters(): BrokerCounters {
  return {
    connections: 0,
    refusedConnections: 0,
    refusedLogins: 0,
    framingFaults: 0,
    publishes: 0,
    deniedPublishes: 0,
    deniedSubscriptions: 0,
    deliveries: 0,
    droppedSlow: 0,
    evicted: 0,
    throttles: 0,
    bytesIn: 0,
    bytesOut: 0,
  }
}
