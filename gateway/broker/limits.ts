import type { Role } from './access.ts'

/** How much one client, and all of them together, may take from the broker. Every queue in it is bounded by one of these. */
export interface BrokerLimits {
  /** Connections at once, logged in or not. */
  maxClients: number
  /** Largest packet by its declared remaining length, bytes, until the login is accepted. */
  loginPacketBytes: number
  /** The same after the login. */
  packetBytes: number
  /** The same after the login, for roles that may send more (snapshots, bridged documents). */
  rolePacketBytes: Partial<Record<Role, number>>
  /** A socket that has not sent CONNECT after this long is closed. */
  connectTimeoutMs: number
  /** Longest keepalive a client may ask for, seconds; none at all is refused: such a client is never seen going offline. */
  keepaliveLimitS: number
  clientIdLength: number
  topicLevels: number
  /** Unfinished QoS 2 messages from one client. */
  inflightInbound: number
  /**
   * Logins that wait for the check of a secret a person chose, which takes a fifth of a second each; more are told to
   * come back. Secrets made by the gateway cost next to nothing to check, and of those all wait.
   */
  pendingLogins: number
  /** Connections from one address: a bucket of `burst`, filled at `perSecond`. */
  connectsPerAddress: Bucket
  /** The same client id logging in again while it is connected; more are told to come back. Stops two devices with one id. */
  takeoversPerMinute: number
  /** Publishes of one client with the role device or bridge. Above it the socket is paused, nothing is dropped. */
  publishes: Bucket
  /** The same in bytes on the wire. */
  publishBytes: Bucket
  /** Bytes waiting for one client's socket beyond which its QoS 0 messages are dropped. */
  egressDropBytes: number
  /** Bytes waiting for one client's socket beyond which it is disconnected. */
  egressEvictBytes: number
  /** A client whose socket takes nothing for this long while bytes wait is disconnected. */
  stallTimeoutMs: number
  session: SessionLimits
  /** How often a restored will of a client that never came back is looked for is four times this. */
  heartbeatMs: number
  /** How often the credentials and certificate files are looked at. */
  reloadMs: number
}

export interface Bucket {
  burst: number
  perSecond: number
}

/** What is kept for clients that are away. Alarm topics count against `storeBytes` only. */
export interface SessionLimits {
  /** Messages waiting for one client; the oldest are dropped. */
  messages: number
  /** Their payload bytes; the oldest are dropped. */
  bytes: number
  /** Older messages are dropped. */
  ageMs: number
  /** A client away for longer loses its session. */
  expiryMs: number
  /** Payload bytes of all sessions together. The only bound at which alarms are dropped too, loudly. */
  storeBytes: number
  /** Retained messages of all topics; new topics beyond it are not retained. */
  retained: number
}

const minute = 60_000
const day = 24 * 60 * minute

/** Defaults for a compound of a few thousand devices on a machine with 4 GB. */
export const defaultLimits: BrokerLimits = {
  maxClients: 10_000,
  loginPacketBytes: 16 * 1024,
  packetBytes: 256 * 1024,
  rolePacketBytes: { gateway: 4 * 1024 * 1024, bridge: 1024 * 1024 },
  connectTimeoutMs: 5_000,
  keepaliveLimitS: 600,
  clientIdLength: 64,
  topicLevels: 12,
  inflightInbound: 100,
  pendingLogins: 64,
  // One container network or NAT is one address: after a power cut a whole compound may come from it.
  connectsPerAddress: { burst: 10_000, perSecond: 500 },
  takeoversPerMinute: 12,
  publishes: { burst: 600, perSecond: 100 },
  publishBytes: { burst: 2 * 1024 * 1024, perSecond: 512 * 1024 },
  egressDropBytes: 1024 * 1024,
  egressEvictBytes: 8 * 1024 * 1024,
  stallTimeoutMs: 20_000,
  session: {
    messages: 20_000,
    bytes: 32 * 1024 * 1024,
    ageMs: 7 * day,
    expiryMs: 30 * day,
    storeBytes: 512 * 1024 * 1024,
    retained: 20_000,
  },
  heartbeatMs: 15_000,
  reloadMs: 1_000,
}
