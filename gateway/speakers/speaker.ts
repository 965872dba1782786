import { type Static, Type } from 'typebox'
import type { Driver } from '../core/driver.ts'
import { DeliveryError } from '../core/errors.ts'
import type { AudioClip, PlayReport, Speaker } from '../core/ports.ts'
import type { ClipLibrary, ClipName } from './clip-library.ts'
import type { G711Encoding } from './g711.ts'

/** As much of MQTT as a speaker needs. */
export interface MqttPort {
  /** Resolves when the broker has it; rejects at once while there is no connection. */
  publish(topic: string, payload: string, options: { qos: 0 | 1 }): Promise<void>
  /** Returns the function that ends the subscription. */
  subscribe(filter: string, handler: (topic: string, payload: Uint8Array) => void): () => void
}

/** A secret named in the site file: the variable or the file that holds it. */
export const SecretReference = Type.Union(
  [Type.Object({ env: Type.String({ minLength: 1 }) }), Type.Object({ file: Type.String({ minLength: 1 }) })],
  { description: 'Environment variable or file that holds the secret.', isSecret: true },
)
export type SecretReference = Static<typeof SecretReference>

/** What a driver is given beside its options. */
export interface SpeakerContext {
  /** The speaker's id in the site file. */
  id: string
  site: string
  clips: ClipLibrary
  /** Epoch ms. */
  now(): number
  /** Uniform in [0, 1). */
  random(): number
  mqtt?: MqttPort
  secret(reference: SecretReference): string
}

/** A speaker that holds sockets, subscriptions or prepared files. */
export interface ManagedSpeaker extends Speaker {
  /**
   * Gets ready, so that the first warning is not slower than the next. Optional: `play` does it where it was not done.
   * Rejects with a DeliveryError; an unreachable speaker is no reason not to start.
   */
  open(): Promise<void>
  close(): Promise<void>
}

export type SpeakerDriver<Options = unknown> = Driver<Options, SpeakerContext, ManagedSpeaker>

/** Declares a speaker driver: one file, one line in speakers/index.ts, one test. */
export function defineSpeaker<Options>(driver: SpeakerDriver<Options>): SpeakerDriver<Options> {
  return driver
}

/** Option of every driver that sends the sound itself. */
export const LeadSilenceMs = Type.Integer({
  minimum: 0,
  maximum: 3000,
  default: 500,
  description: 'Silence in front of the words, for amplifiers that swallow the start.',
})

/** The clip as G.711, or a DeliveryError that names the file to record. */
export function requireClip(
  clips: ClipLibrary,
  name: ClipName,
  how: { encoding: G711Encoding; leadSilenceMs: number },
): AudioClip {
  const clip = clips.clip(name, how)
  if (!clip) throw missingClip(name)
  return clip
}

/** There is no such clip; retrying does not make one. */
export function missingClip({ id, language }: ClipName): DeliveryError {
  return new DeliveryError(`there is no voice clip ${id} in ${language}`, {
    retryable: false,
    phrase: { key: 'missing-clip', clip: id, language },
    hint: `Put ${id}.${language.split('-')[0]}.wav into the site's voice folder.`,
  })
}

/** What is reported for a sound that was cut short. */
export function stoppedReport(report: PlayReport, durationMs: number): PlayReport {
  const playedMs = Math.max(0, Math.round(report.endedAt - report.startedAt))
  const cut = { key: 'cut', playedMs, durationMs: Math.round(durationMs) }
  return {
    ...report,
    phrases: [cut, ...(report.phrases ?? [])],
    deviceReply: `stopped after ${playedMs} of ${Math.round(durationMs)} ms; ${report.deviceReply}`,
  }
}
