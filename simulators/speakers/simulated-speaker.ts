import { EventEmitter } from 'node:events'
import type { DigestAlgorithm, Users } from '../cameras/digest.ts'
import { type AxisDevice, createAxisDevice } from './axis-device.ts'
import type { Heard, HeardFirst } from './heard.ts'
import { createMqttDevice, type MqttDevice, type MqttDeviceOptions } from './mqtt-device.ts'
import { createRtpEar } from './rtp-ear.ts'
import { createWavRecorder } from './wav-recorder.ts'

export interface SimulatedSpeakerOptions {
  /** Where what is heard is written, 8 kHz 16 bit mono; absent: nowhere. */
  wavFile?: string
  /** Joins a group; `interface` is the IPv4 address of a network card, 127.0.0.1 for loopback. */
  multicast?: { address: string; port: number; interface?: string }
  /** Listens on one address, 127.0.0.1 unless said otherwise. */
  unicast?: { address?: string; port: number }
  mqtt?: Omit<MqttDeviceOptions, 'onFirst' | 'onHeard'>
  vapix?: { port: number; users: Users; algorithms?: readonly DigestAlgorithm[] }
}

interface SpeakerEvents {
  first: [HeardFirst]
  heard: [Heard]
}

/** A loudspeaker that can be asked what it heard. */
export interface SimulatedSpeaker extends EventEmitter<SpeakerEvents> {
  /** Newest last, at most 1000. */
  readonly heard: readonly Heard[]
  /** For making it misbehave. */
  readonly axis?: AxisDevice
  readonly mqtt?: MqttDevice
  /** Resolves with the ports it listens on. */
  open(): Promise<{ multicast?: number; unicast?: number; vapix?: number }>
  close(): Promise<void>
}

const keptHeard = 1000

/**
 * A network speaker that speaks public protocols only: RTP paging, MQTT commands, or an Axis device's HTTP. Emits
 * `first` with the first sound of an announcement and `heard` after its end, when the WAV file holds it.
 */
export function createSimulatedSpeaker(options: SimulatedSpeakerOptions): SimulatedSpeaker {
  const emitter = new EventEmitter<SpeakerEvents>()
  const heard: Heard[] = []
  const recorder = options.wavFile ? createWavRecorder(options.wavFile) : undefined
  const ears = {
    onFirst: (first: HeardFirst) => void emitter.emit('first', first),
    onHeard: (announcement: Heard, samples: Int16Array) => {
      recorder?.append(samples)
      heard.push(announcement)
      if (heard.length > keptHeard) heard.shift()
      emitter.emit('heard', announcement)
    },
  }
  const { multicast, unicast, vapix } = options
  const group = multicast && createRtpEar({ ...multicast, ...ears })
  const single = unicast && createRtpEar({ address: '127.0.0.1', ...unicast, ...ears })
  const mqtt = options.mqtt && createMqttDevice({ ...options.mqtt, ...ears })
  const axis = vapix && createAxisDevice({ algorithms: ['MD5', 'SHA-256'], ...vapix, ...ears })

  return Object.assign(emitter, {
    heard,
    ...(axis ? { axis } : {}),
    ...(mqtt ? { mqtt } : {}),
    async open() {
      const ports = { multicast: await group?.open(), unicast: await single?.open(), vapix: await axis?.open() }
      await mqtt?.open()
      return Object.fromEntries(Object.entries(ports).filter(([, port]) => port !== undefined))
    },
    async close() {
      await Promise.all([group?.close(), single?.close(), mqtt?.close(), axis?.close()])
      recorder?.close()
    },
  })
}
