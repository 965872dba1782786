import type { Phrase } from './alarm.ts'
import { type Filling, fill } from './fill.ts'

/**
 * Why a message of a device, or a value in it, was not taken, with what is put into it. The console says it in its own
 * languages by the same keys; these words are for machines and for the console's English. Fields, topics and names of
 * options stand as their makers write them.
 */
export const messageWords = {
  // A value that was understood is refused all the same.
  'no-number': '{metric} must be a number',
  'no-boolean': '{metric} must be true or false',
  'no-text': '{metric} must be text',
  outside: '{metric} is outside {from} to {to} {unit}',
  'stored-without-time': 'a stored value has no believable time; set the clock of the sensor',

  // Whose message it is.
  'no-family':
    'no family of devices recognised it ({families}); give the device a codec, or describe its fields with mapped-json',
  'looks-like': 'looks like {guess}: {why}',
  'codec-failed': 'codec {codec} failed: {said}; this is a fault of the gateway, please report it',
  'wrong-topic': 'expected a topic {expected}',

  // JSON.
  'json-expected': 'expected JSON',
  'object-expected': 'expected a JSON object',
  'list-expected': 'expected a list of devices',
  'chirpstack-json': 'expected JSON; set the marshaler of ChirpStack to json, not protobuf',
  'zigbee2mqtt-json': 'expected a JSON object; set advanced.output of Zigbee2MQTT to json',
  'fields-expected': 'expected one of the fields {expected}, got {fields}',
  'fields-unknown': 'none of its fields is known ({fields})',
  'fields-left-out': 'not known: {fields}; the rest is not what a device of kind {kind} measures',
  'fields-unmapped': 'none of its fields is known ({fields}); describe them with mapped-json',
  'switch-unmapped': 'none of its fields is known ({fields}); set options.switchMetric to what its contact means',
  'values-expected': 'expected an object "values" of metric: value',
  'too-many-values': 'expected at most {most} values',
  'no-metric-name': '"{field}" is no metric name',
  'no-value': '"{field}" is neither number, boolean nor short text',
  'no-value-of': '"{value}" is no value of {field}',
  'no-instant': '"{field}" is no instant',
  'word-expected': 'expected one of {words} as {field}',
  'no-map': 'mapped-json needs a device with a topic of its own and options.values',
  'nothing-at': 'nothing usable at {paths}; the message has {fields}',

  // Samples of acceleration.
  'acceleration-expected': 'expected acceleration as JSON, or binary beginning with "GA"',
  'wrong-version': 'expected version {expected}, got {version}',
  'samples-expected': 'expected "samples" as a list x, y, z, x, y, z … of numbers',
  'samples-count': 'expected 1 to {most} samples, got {count}',
  'samples-length': 'expected {expected} bytes for {count} samples',
  'rate-expected': 'expected a number "rateHz" (samples a second)',
  'rate-outside': 'expected {from} to {to} samples a second, got {rate}',
  'scale-expected': 'expected a "scale" (counts per g) above 0',
  'scale-wrong': 'a sample exceeds {most} g; check the scale',

  // Bytes.
  'no-decoder':
    "raw bytes without a decoder: set options.decoder to one of {decoders}, or a codec in ChirpStack's device profile",
  'too-short': '{decoder}: expected {least} bytes or more, got {bytes}',
  'rows-expected': '{decoder}: expected stored rows of {row} bytes each, got {bytes}',
  'mode-unknown': '{decoder}: mode {mode} is not known',
  'no-echo': '{decoder}: the sensor has no echo',
  'no-channel': '{decoder}: no channel in the payload',
  'channel-unknown': '{decoder}: channel {channel} type {type} is not known',
  'channel-cut-off': '{decoder}: channel {channel} type {type} is cut off',
  'history-misfit': '{decoder}: stored history of {bytes} bytes fits no model of kind {kind}',
  'no-sparkplug': 'expected a Sparkplug B payload',
  'sparkplug-cut-off': 'the Sparkplug B payload is cut off',
  'no-sparkplug-type': '"{type}" is no Sparkplug message type',
  'birth-retained': 'a birth must not be retained',
  'alias-undeclared': '{node}: metrics under aliases that no birth declared were left out; asked for a rebirth',

  // Registers.
  'register-refused':
    '{metric}: the device refuses {count} from {table} {address} (exception {code}); check table and address',
} as const
export type MessageWord = keyof typeof messageWords

/** What is wrong with a message, in words an integrator can act on and for translation. */
export interface WrongMessage {
  reason: string
  phrase: Phrase
}

/**
 * What is wrong with a message. A value that differs from one message to the next is left out where it does not help:
 * alike messages are counted together.
 */
export function wrongMessage(key: MessageWord, parameters: Filling = {}): WrongMessage {
  return { reason: fill(messageWords[key], parameters).trimEnd(), phrase: { key, ...parameters } }
}

/** The same, where the codec was guessed from topic and payload: its name stands in the phrase as `guess`. */
export function asGuessed(guess: string, { reason, phrase }: WrongMessage): WrongMessage {
  return { reason: fill(messageWords['looks-like'], { guess, why: reason }), phrase: { ...phrase, guess } }
}
