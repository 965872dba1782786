import type { Client, ConnectPacket } from 'aedes'
import type { Credential, CredentialBook } from './credentials.ts'
import type { BrokerLimits } from './limits.ts'
import { TokenBucket } from './token-bucket.ts'

/** CONNACK return codes (MQTT 3.1.1 §3.2.2.3): 2 identifier rejected, 4 bad user or password, 5 not authorized. */
export class LoginRefused extends Error {
  readonly returnCode: 2 | 4 | 5
  constructor(returnCode: 2 | 4 | 5, message: string) {
    super(message)
    this.name = 'LoginRefused'
    this.returnCode = returnCode
  }
}

/**
 * Not now: the connection is to be closed without a CONNACK. MQTT has a code for it, 3 "server unavailable", but clients
 * of the kind of mqtt.js (Zigbee2MQTT, Node-RED) take any refusal as the last word and never come back; a connection that
 * breaks they open again.
 */
export class LoginPostponed extends Error {
  override name = 'LoginPostponed'
}

export interface LoginDeskOptions {
  book: CredentialBook
  limits: BrokerLimits
  now: () => number
  isConnected: (clientId: string) => boolean
}

type Will = NonNullable<ConnectPacket['will']>

/** Decides who may connect and as whom. */
export class LoginDesk {
  readonly #options: LoginDeskOptions
  readonly #announced = new WeakMap<object, { clientId: string; will: Will | undefined }>()
  readonly #addresses = new Map<string, TokenBucket>()
  readonly #takeovers = new Map<string, TokenBucket>()

  constructor(options: LoginDeskOptions) {
    this.#options = options
  }

  /** Whether one more connection from `address` is allowed now. */
  admits(address: string): boolean {
    const now = this.#options.now()
    let bucket = this.#addresses.get(address)
    if (!bucket) {
      bucket = new TokenBucket(this.#options.limits.connectsPerAddress, now)
      this.#addresses.set(address, bucket)
    }
    return bucket.tryTake(now)
  }

  /** Notes a CONNECT; what aedes makes of it later no longer shows an empty client id. */
  announce(client: Client, packet: ConnectPacket): void {
    this.#announced.set(client, { clientId: packet.clientId ?? '', will: packet.will })
  }

  willOf(client: Client): Will | undefined {
    return this.#announced.get(client)?.will
  }

  /** @throws LoginRefused with the return code for the client, LoginPostponed when it is to come back */
  async logIn(client: Client, username: string | undefined, password: Buffer | undefined): Promise<Credential> {
    const { book, limits } = this.#options
    const clientId = this.#announced.get(client)?.clientId ?? ''
    // [MQTT-3.1.3-8]: no id and a session to keep do not go together.
    if (clientId === '' && !client.clean) throw new LoginRefused(2, 'a persistent session needs a client id')
    if (clientId.length > limits.clientIdLength) throw new LoginRefused(2, 'the client id is too long')
    if (!username || !password) throw new LoginRefused(4, 'user name and password are needed')
    const credential = await book.verify(username, password.toString())
    if (credential === 'busy') throw new LoginPostponed('too many logins at once')
    if (!credential) throw new LoginRefused(4, 'bad user name or password')
    // A client id is the key to a session: nobody may take another client's by asking for its id.
    const owner = book.get(clientId)
    if (credential.role === 'device' ? clientId !== credential.id : owner && owner !== credential) {
      throw new LoginRefused(2, 'this client id belongs to another client')
    }
    if (this.#options.isConnected(clientId)) this.#countTakeover(clientId)
    return credential
  }

  /** Forgets addresses and client ids that have been quiet. */
  sweep(): void {
    const now = this.#options.now()
    for (const buckets of [this.#addresses, this.#takeovers]) {
      for (const [key, bucket] of buckets) if (bucket.full(now)) buckets.delete(key)
    }
  }

  #countTakeover(clientId: string): void {
    const now = this.#options.now()
    const perMinute = this.#options.limits.takeoversPerMinute
    let bucket = this.#takeovers.get(clientId)
    if (!bucket) {
      bucket = new TokenBucket({ burst: perMinute, perSecond: perMinute / 60 }, now)
      this.#takeovers.set(clientId, bucket)
    }
    if (!bucket.tryTake(now)) throw new LoginPostponed('two clients with this id take it from each other')
  }
}
