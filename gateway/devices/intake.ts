import type { Logger } from 'pino'
import type { AccelerationBatch } from '../core/acceleration.ts'
import { type MetricDescription, metrics } from '../core/device-kind.ts'
import type { Measurement } from '../core/measurement.ts'
import { type WrongMessage, wrongMessage } from '../core/message-words.ts'
import type { Telemetry } from '../core/ports.ts'
import type { Codec, Decoded, Message, Reading, Report } from './codecs/codec.ts'
import type { Inspector } from './inspector.ts'
import type { MqttMessage } from './mqtt-link.ts'
import type { DeviceDescription, DeviceRegistry } from './registry.ts'
import { createRoutes, type KnownDevice, type TopicRoute, type TopicSource } from './routes.ts'

export interface IntakeOptions {
  site: string
  registry: DeviceRegistry
  codecs: readonly Codec[]
  /** Topics that many devices share; the first that matches decides. */
  sources?: readonly TopicSource[]
  telemetry: Telemetry
  inspector: Inspector
  /** Scenes see measurements before they are stored: an alarm has its own transaction and must not wait. */
  onMeasurements(measurements: readonly Measurement[]): void
  /** Raw samples of a wearable. `clockTrusted` is false for old batches: they must raise nothing. */
  onAcceleration(device: string, batch: AccelerationBatch, clockTrusted: boolean): void
  onDeviceUp(device: string, isUp: boolean, at: number): void
  /** Publishes at QoS 0 what a codec asks for. Failures are the link's business: the next message asks again. */
  publish?(topic: string, payload: Uint8Array): void
  now: () => number
  logger: Logger
}

export interface Intake {
  /** Resolves when what the message said is stored. */
  receive(message: MqttMessage): Promise<void>
  /** A message that came by another way than MQTT; `topic` names the way. Tells whether it was understood. */
  receiveAs(codec: string, message: MqttMessage): Promise<boolean>
  /** Readings of known devices that needed no decoding; `name` stands for the topic. */
  take(name: string, readings: ReadonlyMap<string, readonly Reading[]>): Promise<void>
  /** Something about a device that an integrator must mend. */
  complain(name: string, device: string, wrong: WrongMessage): void
  /** A device that is new or described anew is read from its next message on. `sources`: all shared topics there are. */
  put(device: DeviceDescription, sources: readonly TopicSource[]): void
  /** Its messages are those of a stranger from now on. */
  remove(id: string): void
  /** Devices that have gone silent; call it every second. */
  tick(): void
  stats(): IntakeStats
  /** Stores what waits. */
  flush(): Promise<void>
}

export interface IntakeStats {
  received: number
  notUnderstood: number
  unknownDevice: number
  /** Readings out of their metric's range or of the wrong type: they reach neither scenes nor telemetry. */
  refusedReadings: number
  /** Codecs that threw, which none should: a fault of ours. */
  codecFailures: number
}

/** Longest wait of a measurement for its batch: small against the second an alarm may take, large against a commit. */
const batchMs = 20
const batchSize = 2000
/** A device clock this far ahead or behind is not believed. */
const futureMs = 60_000
const lateMs = 10 * 60_000

/** Sensors keep weeks or months; a clock that was never set counts from 1970 or 2000. */
const oldestStoredMs = 366 * 24 * 60 * 60_000

const done = Promise.resolve()
const nothing = new Uint8Array()

/** MQTT message → route → codec → measurements → scenes and telemetry. */
export function createIntake(options: IntakeOptions): Intake {
  const { registry, inspector, now } = options
  const routes = createRoutes({
    site: options.site,
    devices: registry.descriptions(),
    codecs: options.codecs,
    sources: options.sources ?? [],
  })
  const descriptions = new Map<string, MetricDescription>(Object.entries(metrics))
  const counts: IntakeStats = { received: 0, notUnderstood: 0, unknownDevice: 0, refusedReadings: 0, codecFailures: 0 }
  let batch: Measurement[] = []
  let written: Promise<void> | undefined
  let timer: NodeJS.Timeout | undefined
  let release: (() => void) | undefined

  function store(measurements: readonly Measurement[]): Promise<void> {
    for (const measurement of measurements) batch.push(measurement)
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

  function setUp(device: string, isUp: boolean, at: number): void {
    const hasChanged = isUp ? registry.seen(device, at) : registry.gone(device)
    if (hasChanged) options.onDeviceUp(device, isUp, at)
  }

  function notUnderstood(message: Message, wrong: WrongMessage, device: string | undefined): void {
    const { topic, payload, receivedAt } = message
    counts.notUnderstood++
    inspector.note({ topic, payload, ...wrong, at: receivedAt, ...(device === undefined ? {} : { device }) })
    if (device !== undefined) registry.noteNotUnderstood(device, wrong.reason)
  }

  /** Codecs promise not to throw; one that breaks its word must not make the broker deliver the message for ever. */
  function decode(message: Message, route: TopicRoute): Decoded {
    try {
      return route.decode(message, route)
    } catch (error) {
      counts.codecFailures++
      const said = error instanceof Error ? error.message : String(error)
      return { notUnderstood: wrongMessage('codec-failed', { codec: route.codec, said }) }
    }
  }

  function reject(wrong: WrongMessage, detail: string, device: KnownDevice, message: Message): void {
    counts.refusedReadings++
    inspector.note({
      topic: message.topic,
      payload: message.payload,
      ...wrong,
      detail,
      device: device.id,
      at: message.receivedAt,
    })
  }

  /** One report of a known device. Returns its measurements, or undefined where there are none. */
  function takeReport(report: Report, device: KnownDevice, message: Message): Measurement[] | undefined {
    const { receivedAt: at, isRetained } = message
    if (report.isUp !== undefined) setUp(device.id, report.isUp, at)
    else if (!isRetained && registry.seen(device.id, at)) options.onDeviceUp(device.id, true, at)
    const deviceAt = report.deviceAt ?? at
    const clockTrusted = !isRetained && deviceAt <= at + futureMs && deviceAt >= at - lateMs
    if (report.acceleration) options.onAcceleration(device.id, report.acceleration, clockTrusted)
    const { readings } = report
    if (readings === undefined || readings.length === 0) return undefined
    if (report.isStored && (deviceAt > at + futureMs || deviceAt < at - oldestStoredMs)) {
      reject(wrongMessage('stored-without-time'), new Date(deviceAt).toISOString(), device, message)
      return undefined
    }
    const measurements: Measurement[] = []
    for (const { metric, value } of readings) {
      const description = descriptions.get(metric)
      const wrong = description && whatIsWrong(metric, description, value)
      if (wrong !== undefined) reject(wrong, String(value), device, message)
      else
        measurements.push({
          device: device.id,
          metric,
          value,
          deviceAt,
          ingestedAt: at,
          clockTrusted: clockTrusted || report.isStored === true,
        })
    }
    return measurements.length === 0 ? undefined : measurements
  }

  function tell(measurements: Measurement[]): Promise<void> {
    registry.update(measurements)
    options.onMeasurements(measurements)
    return store(measurements)
  }

  function unknown(codec: string, address: string | undefined, report: Report, at: number): void {
    counts.unknownDevice++
    if (address === undefined) return
    registry.noteDiscovered(codec, { address, offers: (report.readings ?? []).map(({ metric }) => metric) }, at)
  }

  function takeAll(
    reports: readonly Report[],
    message: Message,
    codec: string,
    route: Pick<TopicRoute, 'deviceOf'>,
  ): Promise<void> {
    let stored: Promise<void> = done
    for (const report of reports) {
      const device = route.deviceOf(report.address)
      if (!device) {
        unknown(codec, report.address, report, message.receivedAt)
        continue
      }
      const measurements = takeReport(report, device, message)
      // Of several reports the last store is enough to wait for: batches are written in order.
      // What a device kept is history: it says nothing of how things are, so no scene and no state hears of it.
      if (measurements) stored = report.isStored ? store(measurements) : tell(measurements)
    }
    return stored
  }

  /** Tells whether it was understood; what it said is stored when `stored` resolves. */
  function read(message: Message, route: TopicRoute): { isUnderstood: boolean; stored: Promise<void> } {
    const { topic, payload, receivedAt: at } = message
    const decoded = decode(message, route)
    if ('notUnderstood' in decoded) {
      notUnderstood(message, decoded.notUnderstood, route.own?.id)
      return { isUnderstood: false, stored: done }
    }
    const codec = decoded.family ?? route.codec
    if (decoded.discoveries) {
      for (const discovery of decoded.discoveries) {
        const { address, aliases = [] } = discovery
        if (aliases.length > 0) routes.learn(codec, address, aliases)
        if (!route.find(address)) registry.noteDiscovered(codec, discovery, at)
      }
    }
    if (decoded.isBridgeUp === false) for (const device of routes.behindBridge(codec)) setUp(device, false, at)
    if (decoded.commands) for (const command of decoded.commands) options.publish?.(command.topic, command.payload)
    if (decoded.remark !== undefined)
      inspector.note({ topic, payload, at, ...decoded.remark, ...(route.own ? { device: route.own.id } : {}) })
    return { isUnderstood: true, stored: takeAll(decoded.reports, message, codec, route) }
  }

  return {
    receive({ topic, payload, isRetained }) {
      counts.received++
      const at = now()
      const route = routes.of(topic)
      if (!route) {
        counts.unknownDevice++
        return done
      }
      if (route.channel === 'status') {
        setUp(route.own!.id, new TextDecoder().decode(payload) !== 'offline', at)
        return done
      }
      return read({ topic, payload, isRetained, receivedAt: at }, route).stored
    },
    async receiveAs(codec, message) {
      counts.received++
      const { isUnderstood, stored } = read({ ...message, receivedAt: now() }, routes.as(codec))
      await stored
      return isUnderstood
    },
    take(name, readings) {
      counts.received++
      const message: Message = { topic: name, payload: nothing, isRetained: false, receivedAt: now() }
      const reports = Array.from(readings, ([address, list]): Report => ({ address, readings: list }))
      return takeAll(reports, message, name, { deviceOf: (id) => (id === undefined ? undefined : routes.byId(id)) })
    },
    complain(name, device, wrong) {
      inspector.note({ topic: name, payload: nothing, ...wrong, device, at: now() })
      registry.noteNotUnderstood(device, wrong.reason)
    },
    put(device, sources) {
      registry.put(device)
      routes.put(device, sources)
    },

    remove(id) {
      registry.remove(id)
      routes.remove(id)
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

/** Why a value cannot be of this metric. */
function whatIsWrong(
  metric: string,
  { type, range, unit = '' }: MetricDescription,
  value: Measurement['value'],
): WrongMessage | undefined {
  if (type === 'number') {
    if (typeof value !== 'number' || !Number.isFinite(value)) return wrongMessage('no-number', { metric })
    if (range && (value < range[0] || value > range[1]))
      return wrongMessage('outside', { metric, from: range[0], to: range[1], unit })
    return undefined
  }
  if (type === 'boolean') return typeof value === 'boolean' ? undefined : wrongMessage('no-boolean', { metric })
  return typeof value === 'string' ? undefined : wrongMessage('no-text', { metric })
}
