import type { Measurement } from '../core/measurement.ts'
import type { Place } from '../core/place.ts'

export interface DeviceDescription {
  id: string
  kind: string
  place: Place
  codec: string
  /** Its own topic, where it is not site/<site>/<id>/up. */
  topic?: string
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

/** What is known of each device right now; history is telemetry's business. */
export interface DeviceRegistry {
  list(): DeviceState[]
  get(id: string): DeviceState | undefined
  describe(id: string): DeviceDescription | undefined
  /** Any sign of life. Returns true when the device was not known to be up. */
  seen(id: string, at: number): boolean
  /** The device, its bridge or its last will says it is gone. Returns true when it was up. */
  gone(id: string): boolean
  update(measurements: readonly Measurement[]): void
  noteNotUnderstood(id: string, reason: string): void
  /** Devices silent for twice their heartbeat, marked down by this call; each is returned once. */
  findSilent(now: number): string[]
}

/** A device counts as silent after this many missed heartbeats: one may be lost on the air. */
const missedHeartbeats = 2

export function createDeviceRegistry(devices: readonly DeviceDescription[]): DeviceRegistry {
  const descriptions = new Map(devices.map((device) => [device.id, device]))
  const states = new Map<string, DeviceState>(
    devices.map(({ id, kind, place }) => [id, { id, kind, place, values: {}, notUnderstood: 0 }]),
  )
  return {
    list: () => [...states.values()],
    get: (id) => states.get(id),
    describe: (id) => descriptions.get(id),
    seen(id, at) {
      const state = states.get(id)
      if (!state) return false
      const wasUp = state.isUp === true
      state.isUp = true
      state.lastSeenAt = Math.max(state.lastSeenAt ?? 0, at)
      return !wasUp
    },
    gone(id) {
      const state = states.get(id)
      if (!state?.isUp) return false
      state.isUp = false
      return true
    },
    update(measurements) {
      for (const { device, metric, value } of measurements) {
        const state = states.get(device)
        if (state) state.values[metric] = value
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
        if (!state.isUp || now - (state.lastSeenAt ?? now) <= missedHeartbeats * heartbeatMs) continue
        state.isUp = false
        silent.push(id)
      }
      return silent
    },
  }
}
