import type { Codec, CodecDevice, Decode, Route } from './codecs/codec.ts'
import { matches } from './mqtt-link.ts'
import type { DeviceDescription } from './registry.ts'

/** Topics that many devices share, and the codec that reads them. */
export interface TopicSource {
  filter: string
  codec: string
}

/** Where the messages of one topic go. */
export interface TopicRoute extends Route {
  readonly channel: 'message' | 'status'
  readonly codec: string
  readonly decode: Decode
  /** The device that owns the topic. */
  readonly own?: KnownDevice
  /** The device of the site file that a report of this family is about. */
  deviceOf(address: string | undefined): KnownDevice | undefined
  find(address: string): KnownDevice | undefined
}

/** A device of the site file as codecs and the intake see it. */
export type KnownDevice = DeviceDescription & CodecDevice

export interface Routes {
  /** Undefined for topics on which no device of the site publishes. */
  of(topic: string): TopicRoute | undefined
  /** For messages that came by another way than MQTT, read by this codec. */
  as(codec: string): TopicRoute
  byId(id: string): KnownDevice | undefined
  /** Ids of the devices that are heard through a bridge of this family. */
  behindBridge(codec: string): string[]
  /** A device that is new or described anew; `sources` are the shared topics there are from now on. */
  put(device: DeviceDescription, sources: readonly TopicSource[]): void
  remove(id: string): void
  /** Another name of a device, learnt from its family's announcements; it lasts until the next. */
  learn(codec: string, address: string, aliases: readonly string[]): void
}

/** Topics that are remembered: each device has a few. What is beyond is looked up anew for each message. */
const maxRemembered = 65_536

/**
 * The topics to read beside `site/<site>/…`: those of the site's bridges, and of each family some device of the site has
 * an address in, as the family's makers ship it. A device with codec `auto` may be of any family.
 */
export function topicSources(
  devices: ReadonlyArray<Pick<DeviceDescription, 'codec' | 'address'>>,
  codecs: readonly Codec[],
  bridges: ReadonlyArray<{ codec: string; topics: readonly string[] }>,
): TopicSource[] {
  const sources = bridges.flatMap(({ codec, topics }) => topics.map((filter) => ({ filter, codec })))
  const addressed = new Set(devices.filter(({ address }) => address !== undefined).map(({ codec }) => codec))
  for (const { kind, filters } of codecs)
    if (addressed.has(kind) || addressed.has('auto'))
      for (const filter of filters)
        if (!sources.some((source) => source.filter === filter)) sources.push({ filter, codec: kind })
  return sources
}

/** Which device and codec a topic belongs to. Answers from memory: one look-up for each message of a known topic. */
export function createRoutes(options: {
  site: string
  devices: readonly DeviceDescription[]
  codecs: readonly Codec[]
  sources: readonly TopicSource[]
}): Routes {
  const decoders = new Map(options.codecs.map((codec) => [codec.kind, codec.createSession?.() ?? codec.decode]))
  const byId = new Map<string, KnownDevice>()
  const byTopic = new Map<string, KnownDevice>()
  const byAddress = new Map<string, KnownDevice[]>()
  let { sources } = options
  const enter = (device: DeviceDescription): void => {
    const known: KnownDevice = { options: {}, ...device }
    byId.set(known.id, known)
    if (known.topic !== undefined) byTopic.set(known.topic, known)
    if (known.address === undefined) return
    const address = known.address.toLowerCase()
    byAddress.set(address, [...(byAddress.get(address) ?? []), known])
  }
  for (const device of options.devices) enter(device)
  const aliases = new Map<string, KnownDevice>()
  /** The alias each device has at the moment, so that renaming it a thousand times keeps one. */
  const aliasOf = new Map<string, string>()
  const remembered = new Map<string, TopicRoute>()

  function leave(id: string): void {
    const known = byId.get(id)
    if (!known) return
    byId.delete(id)
    if (known.topic !== undefined) byTopic.delete(known.topic)
    if (known.address !== undefined) {
      const address = known.address.toLowerCase()
      const others = byAddress.get(address)?.filter((each) => each !== known) ?? []
      if (others.length > 0) byAddress.set(address, others)
      else byAddress.delete(address)
    }
    const alias = aliasOf.get(id)
    if (alias !== undefined) aliases.delete(alias)
    aliasOf.delete(id)
  }

  function findIn(codec: string, address: string): KnownDevice | undefined {
    const candidates = byAddress.get(address) ?? byAddress.get(address.toLowerCase())
    const own = candidates?.find((device) => device.codec === codec || device.codec === 'auto' || codec === 'auto')
    return own ?? aliases.get(address)
  }

  const familyOf = (codec: string, base: string): Family => ({
    ...{ codec, base, decode: decoders.get(codec)! },
    find: (address) => findIn(codec, address),
  })
  /** For topics that belong to one device. */
  const families = new Map(options.codecs.map(({ kind }) => [kind, familyOf(kind, '')]))
  const route = (codec: string, own: KnownDevice | undefined, channel: TopicRoute['channel'] = 'message') =>
    new FoundRoute(families.get(codec)!, channel, own)

  function look(topic: string): TopicRoute | undefined {
    const owner = byTopic.get(topic)
    if (owner) return route(owner.codec, owner)
    const [prefix, site, id, ...rest] = topic.split('/')
    if (prefix === 'site' && site === options.site && id !== undefined) {
      const device = byId.get(id)
      if (!device) return undefined
      const channel = rest.join('/')
      if (channel === 'up') return route(device.codec, device)
      if (channel === 'status') return route(device.codec, device, 'status')
      return channel === 'up/acceleration' ? route('gridgate-acceleration', device) : undefined
    }
    const source = sources.find(({ filter }) => matches(filter, topic))
    return source && new FoundRoute(familyOf(source.codec, baseOf(source.filter)), 'message', undefined)
  }

  return {
    of(topic) {
      const known = remembered.get(topic)
      if (known) return known
      const found = look(topic)
      if (found && remembered.size < maxRemembered) remembered.set(topic, found)
      return found
    },
    as: (codec) => route(codec, undefined),
    byId: (id) => byId.get(id),
    behindBridge: (codec) =>
      [...byId.values()].filter((device) => device.codec === codec && device.address !== undefined).map(({ id }) => id),

    put(device, all) {
      leave(device.id)
      enter(device)
      sources = all
      // What was found before may now belong to it.
      remembered.clear()
    },

    remove(id) {
      leave(id)
      remembered.clear()
    },
    learn(codec, address, names) {
      for (const name of names) {
        const device = findIn(codec, name)
        if (!device || device.address?.toLowerCase() !== name.toLowerCase()) continue
        const before = aliasOf.get(device.id)
        if (before !== undefined) aliases.delete(before)
        aliasOf.set(device.id, address)
        aliases.set(address, device)
      }
    },
  }
}

/** What the topics of one family have in common. */
interface Family {
  codec: string
  base: string
  decode: Decode
  find(address: string): KnownDevice | undefined
}

/** A class and no closures: every device of a site has one or two. */
class FoundRoute implements TopicRoute {
  readonly #family: Family
  readonly channel: TopicRoute['channel']
  readonly own?: KnownDevice

  constructor(family: Family, channel: TopicRoute['channel'], own: KnownDevice | undefined) {
    this.#family = family
    this.channel = channel
    if (own) this.own = own
  }

  get codec(): string {
    return this.#family.codec
  }

  get base(): string {
    return this.#family.base
  }

  get decode(): Decode {
    return this.#family.decode
  }

  find(address: string): KnownDevice | undefined {
    return this.#family.find(address)
  }

  deviceOf(address: string | undefined): KnownDevice | undefined {
    const { own } = this
    if (own === undefined) return address === undefined ? undefined : this.find(address)
    // A device whose address is written down is not mixed up with others on its topic.
    if (address === undefined || own.address === undefined) return own
    return this.find(address)
  }
}

function baseOf(filter: string): string {
  const wildcard = filter.search(/[+#]/)
  return (wildcard < 0 ? filter : filter.slice(0, wildcard)).replace(/\/$/, '')
}
