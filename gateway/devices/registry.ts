import type { Measurement } from '../core/measurement.ts'
import type { Place } from '../core/place.ts'
import type { Discovery } from './codecs/codec.ts'

export interface DeviceDescription {
  id: string
  kind: string
  place: Place
  codec: string
  /** Its own topic, where it is not site/<site>/<id>/up. */
  topic?: string
  /** Its name in its family, where many devices share the family's topics. */
  address?: string
  /** Of its codec. */
  options?: unknown
  heartbeatMs: number
}

export interface DeviceState {
  id: string
  kind: string
  place: Place
  /** Undefined until it was first heard of. */
  isUp?: boolean
  lastSeenAt?: number
  /** Newest value of each metric. */
  values: Record<string, number | boolean | string>
  /** Payloads nobody understood, and the last reason. */
  notUnderstood: number
  notUnderstoodReason?: string
}

/** A device that was heard but is not of the site. Instants are epoch ms. */
export interface DiscoveredDevice {
  /** The codec that would read it. */
  codec: string
  address: string
  aliases: readonly string[]
  name?: string
  model?: string
  /** Where it publishes its state, where it said so. */
  topic?: string
  /** What it says it measures, or has sent. */
  offers: readonly string[]
  firstSeenAt: number
  lastSeenAt: number
}

/** What is known of each device right now; history is telemetry's business. */
export interface DeviceRegistry {
  list(): DeviceState[]
  get(id: string): DeviceState | undefined
  describe(id: string): DeviceDescription | undefined
  /** Every device of the site: those of the site file, and those registered since. */
  descriptions(): readonly DeviceDescription[]
  /** A device that is new, or described anew: what is known of it stays as long as its kind does. */
  put(device: DeviceDescription): void
  remove(id: string): void
  /** Any sign of life. Returns true when the device was not known to be up. */
  seen(id: string, at: number): boolean
  /** The device, its bridge or its last will says it is gone. Returns true when it was up. */
  gone(id: string): boolean
  update(measurements: readonly Measurement[]): void
  noteNotUnderstood(id: string, reason: string): void
  /** Devices silent for twice their heartbeat, marked down by this call; each is returned once. */
  findSilent(now: number): string[]
  /** A device that is not of the site was heard or announced. */
  noteDiscovered(codec: string, discovery: Discovery, at: number): void
  /** Newest first. */
  discovered(): DiscoveredDevice[]
}

/** A device counts as silent after this many missed heartbeats: one may be lost on the air. */
const missedHeartbeats = 2
/** Neighbours' devices and strangers cannot fill the memory: beyond it the one longest not heard goes. */
const maxDiscovered = 2000
const maxOffers = 64

export function createDeviceRegistry(devices: readonly DeviceDescription[]): DeviceRegistry {
  const descriptions = new Map(devices.map((device) => [device.id, device]))
  const states = new Map<string, DeviceState>()
  const begin = ({ id, kind, place }: DeviceDescription): void => {
    const known = states.get(id)
    if (known?.kind === kind) known.place = place
    else states.set(id, { id, kind, place, values: {}, notUnderstood: 0 })
  }
  for (const device of devices) begin(device)
  /** In the order of their newest message. */
  const strangers = new Map<string, DiscoveredDevice>()
  return {
    list: () => [...states.values()],
    get: (id) => states.get(id),
    describe: (id) => descriptions.get(id),
    descriptions: () => [...descriptions.values()],

    put(device) {
      descriptions.set(device.id, device)
      begin(device)
      // It is no stranger any more.
      if (device.address !== undefined)
        for (const [key, { codec, address }] of strangers)
          if (address === device.address && (codec === device.codec || device.codec === 'auto')) strangers.delete(key)
    },

    remove(id) {
      descriptions.delete(id)
      states.delete(id)
    },
    seen(id, at) {
      const state = states.get(id)
      if (!state) return false
      const wasUp = state.isUp === true
      state.isUp = true
      state.lastSeenAt = at
      return !wasUp
    },
    gone(id) {
      const state = states.get(id)
      if (!state?.isUp) return false
      state.isUp = false
      return true
    },
    update(measurements) {
      for (const { device, metric, value, clockTrusted } of measurements) {
        const state = states.get(device)
        // What was caught up later does not replace what is known to be newer.
        if (state && (clockTrusted || !Object.hasOwn(state.values, metric))) state.values[metric] = value
      }
    },
    noteNotUnderstood(id, reason) {
      const state = states.get(id)
      if (!state) return
      state.notUnderstood++
      state.notUnderstoodReason = reason
    },
    findSilent(now) {
      const silent: string[] = []
      for (const [id, state] of states) {
        const { heartbeatMs } = descriptions.get(id)!
        // The clock was set back: silence is counted from now, not from an instant that is yet to come.
        if (state.lastSeenAt !== undefined && state.lastSeenAt > now) state.lastSeenAt = now
        if (!state.isUp || now - (state.lastSeenAt ?? now) <= missedHeartbeats * heartbeatMs) continue
        state.isUp = false
        silent.push(id)
      }
      return silent
    },
    noteDiscovered(codec, { address, aliases, name, model, topic, offers }, at) {
      const key = `${codec}\0${address}`
      const before = strangers.get(key)
      const offered = [...new Set([...(before?.offers ?? []), ...offers])].slice(0, maxOffers)
      const known = { name: name ?? before?.name, model: model ?? before?.model, topic: topic ?? before?.topic }
      strangers.delete(key)
      strangers.set(key, {
        codec,
        address,
        aliases: aliases ?? before?.aliases ?? [],
        ...(known.name === undefined ? {} : { name: known.name }),
        ...(known.model === undefined ? {} : { model: known.model }),
        ...(known.topic === undefined ? {} : { topic: known.topic }),
        offers: offered,
        firstSeenAt: before?.firstSeenAt ?? at,
        lastSeenAt: at,
      })
      if (strangers.size > maxDiscovered) strangers.delete(strangers.keys().next().value!)
    },
    discovered: () => [...strangers.values()].reverse(),
  }
}
