/** aedes' in-memory persistence as a class with async methods; the package types only its callback form. */
declare module 'aedes-persistence/asyncPersistence.js' {
  import type { Readable } from 'node:stream'

  interface Named {
    id: string
  }
  interface Stored {
    topic: string
    qos: 0 | 1 | 2
    [option: string]: unknown
  }

  // biome-ignore lint/suspicious/noExplicitAny: packets of aedes have no common type between its packages
  type AnyPacket = any

  export default class MemoryPersistence {
    setup(broker: { id: string }): Promise<void>
    storeRetained(packet: AnyPacket): Promise<void>
    createRetainedStream(pattern: string): Readable
    createRetainedStreamCombi(patterns: string[]): Readable
    addSubscriptions(client: Named, subs: Stored[]): Promise<void>
    removeSubscriptions(client: Named, topics: string[]): Promise<void>
    subscriptionsByClient(client: Named): Promise<Stored[]>
    subscriptionsByTopic(topic: string): Promise<Array<{ clientId: string; topic: string; qos: number }>>
    cleanSubscriptions(client: Named): Promise<void>
    countOffline(): Promise<{ subsCount: number; clientsCount: number }>
    incomingStorePacket(client: Named, packet: AnyPacket): Promise<void>
    incomingGetPacket(client: Named, packet: AnyPacket): Promise<AnyPacket>
    incomingDelPacket(client: Named, packet: AnyPacket): Promise<void>
    cleanIncoming(client: Named): Promise<void>
    putWill(client: Named, packet: AnyPacket): Promise<void>
    getWill(client: Named): Promise<AnyPacket>
    delWill(client: Named): Promise<AnyPacket>
    streamWill(brokers?: Record<string, unknown>): Readable
    getClientList(topic: string): Readable
    destroy(): Promise<void>
  }
}
