import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import mqtt, { type MqttClient } from 'mqtt'
import type { Heard, HeardFirst } from './heard.ts'

export interface MqttDeviceOptions {
  url: string
  username?: string
  password?: string
  topics: { down: string; up: string }
  /** Where the device keeps its sounds, `<clip>.<language>.wav`, 8 kHz 16 bit mono; others are silent for a second. */
  clipFolder?: string
  onFirst(first: HeardFirst): void
  onHeard(heard: Heard, samples: Int16Array): void
}

/** What goes wrong next; each applies until changed. */
export interface MqttFaults {
  /** Say nothing at all, or nothing after having accepted. */
  silent?: 'always' | 'after-accepting'
  refuseBecause?: string
}

/** A speaker that is told what to say over MQTT and answers. */
export interface MqttDevice {
  faults: MqttFaults
  open(): Promise<void>
  close(): Promise<void>
}

/** Plays in real time: it answers `played` when the sound would have ended. */
export function createMqttDevice(options: MqttDeviceOptions): MqttDevice {
  let client: MqttClient | undefined
  let playing: { reqId: string; timer: NodeJS.Timeout; finish(isComplete: boolean): void } | undefined

  const answer = (message: Record<string, unknown>) => {
    client?.publish(options.topics.up, JSON.stringify(message), { qos: 1 })
  }

  const play = (command: Record<string, unknown>) => {
    const reqId = String(command.reqId)
    if (device.faults.silent === 'always') return
    if (device.faults.refuseBecause) return answer({ type: 'failed', reqId, reason: device.faults.refuseBecause })
    if (typeof command.expiresAt === 'number' && command.expiresAt < Date.now())
      return answer({ type: 'failed', reqId, reason: 'expired' })
    playing?.finish(false)
    answer({ type: 'accepted', reqId })
    const startedAt = Date.now()
    options.onFirst({ by: 'mqtt', at: startedAt, monotonicMs: performance.now() })
    const sound = readClip(options.clipFolder, String(command.clip), String(command.language))
    const finish = (isComplete: boolean) => {
      clearTimeout(timer)
      playing = undefined
      const durationMs = isComplete ? sound.length / 8 : Date.now() - startedAt
      const heard: Heard = {
        ...{ by: 'mqtt', startedAt, durationMs, packets: 1, lost: 0, duplicates: 0, reordered: 0, jitterMs: 0 },
        ...{ maxGapMs: 0, source: options.topics.down, clip: String(command.clip), language: String(command.language) },
        ...(typeof command.text === 'string' ? { text: command.text } : {}),
      }
      options.onHeard(heard, sound.subarray(0, Math.round(durationMs * 8)))
      if (isComplete && device.faults.silent !== 'after-accepting') answer({ type: 'played', reqId })
    }
    const timer = setTimeout(() => finish(true), sound.length / 8)
    playing = { reqId, timer, finish }
  }

  const device: MqttDevice = {
    faults: {},
    async open() {
      const { url, username, password } = options
      client = await mqtt.connectAsync(url, {
        ...(username === undefined ? {} : { username }),
        ...(password === undefined ? {} : { password }),
        reconnectPeriod: 1000,
      })
      client.on('message', (_topic, payload) => {
        const command = readCommand(payload)
        if (command?.type === 'play') play(command)
        if (command?.type === 'stop' && playing?.reqId === command.reqId) playing?.finish(false)
      })
      client.on('error', () => undefined)
      await client.subscribeAsync(options.topics.down, { qos: 1 })
    },
    async close() {
      playing?.finish(false)
      await client?.endAsync(true)
      client = undefined
    },
  }
  return device
}

function readCommand(payload: Buffer): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(payload.toString())
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}

function readClip(folder: string | undefined, clip: string, language: string): Int16Array {
  for (const tag of [language, language.split('-')[0]]) {
    const file = folder && join(folder, `${clip}.${tag}.wav`)
    if (!file || !/^[\w.-]+$/.test(`${clip}.${tag}`) || !existsSync(file)) continue
    const bytes = readFileSync(file)
    const start = bytes.indexOf('data', 12, 'latin1') + 8
    return Int16Array.from({ length: Math.floor((bytes.length - start) / 2) }, (_, i) =>
      bytes.readInt16LE(start + i * 2),
    )
  }
  return new Int16Array(8000)
}
