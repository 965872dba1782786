import type { TSchema } from 'typebox'
import type { AccelerationBatch } from '../../core/acceleration.ts'
import type { WrongMessage } from '../../core/message-words.ts'

/** One message as it arrived. */
export interface Message {
  topic: string
  payload: Uint8Array
  /** An old one, handed out by the broker at subscription. */
  isRetained: boolean
  /** Epoch ms: the only clock a codec has. */
  receivedAt: number
}

/** One value a message says. */
export interface Reading {
  metric: string
  value: number | boolean | string
}

/** What a message says of one device. */
export interface Report {
  /** Names the device in its family (devEUI, friendly name …); absent: the device that owns the topic. */
  address?: string
  readings?: readonly Reading[]
  /** When the device says the readings were taken, epoch ms. */
  deviceAt?: number
  /** Taken at `deviceAt` and kept in the device's memory: it belongs to the history, and nothing is alarmed by it. */
  isStored?: boolean
  /** The device, its bridge or its last will says whether it is there. */
  isUp?: boolean
  /** Raw samples of a wearable. */
  acceleration?: AccelerationBatch
}

/** A device announces itself, or its bridge does. */
export interface Discovery {
  address: string
  /** Further names of the same device; the site file may use any of them. */
  aliases?: readonly string[]
  name?: string
  model?: string
  /** Where it publishes its state, where the announcement says so. */
  topic?: string
  /** What it says it measures, in our metrics where they are known. */
  offers: readonly string[]
}

/** To be published in answer, at QoS 0: a request for a rebirth, for example. */
export interface Command {
  topic: string
  payload: Uint8Array
}

export interface Understood {
  reports: readonly Report[]
  discoveries?: readonly Discovery[]
  commands?: readonly Command[]
  /** The bridge of the family says whether it works; while it does not, none of its devices is heard. */
  isBridgeUp?: boolean
  /** Understood in part: what was left out and why, for the inspector. */
  remark?: WrongMessage
  /** The family that understood it, where the codec asked several. */
  family?: string
}

/** What was expected and what came: `wrongMessage(…)` of core/message-words.ts. */
export interface NotUnderstood {
  notUnderstood: WrongMessage
}

export type Decoded = Understood | NotUnderstood

/** What a codec may know of a device of the site file. */
export interface CodecDevice {
  kind: string
  address?: string
  /** Checked against the codec's schema, defaults filled in. */
  options: unknown
}

/** Where a message came in. One object for all messages of a topic. */
export interface Route {
  /** The device that owns the topic; absent on topics that many devices share. */
  readonly own?: CodecDevice
  /** What stands before the first wildcard of the filter by which the topic came in, without the last slash. */
  readonly base: string
  /** The device of the site file with this address in the codec's family. */
  find(address: string): CodecDevice | undefined
}

/** Never throws on rubbish, keeps nothing of the payload. */
export type Decode = (message: Message, route: Route) => Decoded

/**
 * Turns messages of one family into reports. `decode` is pure. A family whose messages lean on earlier ones makes its
 * memory explicit: `createSession` gives the function that has it, one for each gateway.
 */
export interface Codec {
  readonly kind: string
  /** Options of one device in the site file. */
  readonly options: TSchema
  /** Topics of the family as it comes from its makers; read as soon as a device of the site has an address in it. */
  readonly filters: readonly string[]
  /** Whether `auto` should ask this codec: cheap, and false rather than a guess. */
  recognises(message: Message, route: Route): boolean
  readonly decode: Decode
  createSession?(): Decode
}
