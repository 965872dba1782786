import type { Logger } from 'pino'
import type { Measurement } from '../core/measurement.ts'
import type { Telemetry } from '../core/ports.ts'
import type { Codec } from './codecs/codec.ts'
import type { MqttMessage } from './mqtt-link.ts'
import type { DeviceRegistry } from './registry.ts'

export interface IntakeOptions {
  site: string
  registry: DeviceRegistry
  codecs: readonly Codec[]
  telemetry: Telemetry
  /** Scenes see measurements before they are stored: an alarm has its own transaction and must not wait. */
  onMeasurements(measurements: readonly Measurement[]): void
  onDeviceUp(device: string, isUp: boolean, at: number): void
  now: () => number
  logger: Logger
}

export interface Intake {
  /** Resolves when what the message said is stored. */
  receive(message: MqttMessage): Promise<void>
  /** Devices that have gone silent; call it every second. */
  tick(): void
  stats(): { received: number; notUnderstood: number; unknownDevice: number }
  /** Stores what waits. */
  flush(): Promise<void>
}

/** Longest wait of a measurement for its batch: small against the second an alarm may take, large against a commit. */
const batchMs = 20
const batchSize = 500
/** A device clock this far ahead or behind is not believed. */
const futureMs = 60_000
const lateMs = 10 * 60_000

/** MQTT message → codec → measurements → scenes and telemetry. */
export function createIntake(options: IntakeOptions): Intake {
  const { registry, now } = options
  const byTopic = new Map<string, string>()
  for (const { id } of registry.list()) {
    const topic = registry.describe(id)?.topic
    if (topic) byTopic.set(topic, id)
  }
  const counts = { received: 0, notUnderstood: 0, unknownDevice: 0 }
  let batch: Measurement[] = []
  let written: Promise<void> | undefined
  let timer: NodeJS.Timeout | undefined
  let release: (() => void) | undefined

  function store(measurements: Measurement[]): Promise<void> {
    batch.push(...measurements)
    written ??= new Promise<void>((resolve) => {
      release = resolve
      timer = setTimeout(resolve, batchMs)
    }).then(() => {
      const ready = batch
      batch = []
      written = undefined
      clearTimeout(timer)
      return options.telemetry.write(ready)
    })
    const mine = written
    if (batch.length >= batchSize) release?.()
    return mine
  }

  function deviceOf(topic: string): { id: string; channel: string } | undefined {
    const own = byTopic.get(topic)
    if (own) return { id: own, channel: 'up' }
    const [prefix, site, id, channel] = topic.split('/')
    if (prefix !== 'site' || site !== options.site || !id || !channel) return undefined
    return { id, channel }
  }

  return {
    async receive({ topic, payload, isRetained }) {
      counts.received++
      const at = now()
      const target = deviceOf(topic)
      const device = target && registry.describe(target.id)
      if (!target || !device) {
        counts.unknownDevice++
        return
      }
      if (target.channel === 'status') {
        const isUp = new TextDecoder().decode(payload) !== 'offline'
        const hasChanged = isUp ? registry.seen(device.id, at) : registry.gone(device.id)
        if (hasChanged) options.onDeviceUp(device.id, isUp, at)
        return
      }
      const decoded = options.codecs.find(({ kind }) => kind === device.codec)!.decode(payload)
      if ('notUnderstood' in decoded) {
        counts.notUnderstood++
        registry.noteNotUnderstood(device.id, decoded.notUnderstood)
        return
      }
      if (!isRetained && registry.seen(device.id, at)) options.onDeviceUp(device.id, true, at)
      const deviceAt = decoded.deviceAt ?? at
      const clockTrusted = !isRetained && deviceAt <= at + futureMs && deviceAt >= at - lateMs
      const measurements = decoded.readings.map(
        ({ metric, value }): Measurement => ({
          device: device.id,
          metric,
          value,
          deviceAt,
          ingestedAt: at,
          clockTrusted,
        }),
      )
      if (measurements.length === 0) return
      registry.update(measurements)
      options.onMeasurements(measurements)
      await store(measurements)
    },
    tick() {
      const at = now()
      for (const device of registry.findSilent(at)) options.onDeviceUp(device, false, at)
    },
    stats: () => ({ ...counts }),
    async flush() {
      release?.()
      await written
    },
  }
}
