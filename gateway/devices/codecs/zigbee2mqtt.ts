import { wrongMessage } from '../../core/message-words.ts'
import type { Codec, Decoded, Discovery, Message, Route } from './codec.ts'
import { metricNameOf, readFields } from './field-names.ts'
import { fieldNames, instantOf, isObject, type JsonObject, objectAt, readJson, readText, textOf } from './json.ts'
import { noOptions } from './no-options.ts'

const availability = '/availability'
/** Requests to devices, and what the bridge says of itself beside its state and its devices. */
const notForUs = /\/(set|get)(\/[^/]+)?$/
const maxDiscoveries = 1000
const stateWords = 'online, offline, {"state": "online"}, {"state": "offline"}'

function decode(message: Message, route: Route): Decoded {
  const { topic, payload } = message
  const base = route.base !== '' && topic.startsWith(`${route.base}/`) ? route.base : topic.slice(0, topic.indexOf('/'))
  const rest = topic.slice(base.length + 1)
  if (rest.startsWith('bridge/')) return decodeBridge(rest.slice('bridge/'.length), payload)
  if (rest.endsWith(availability)) {
    const address = rest.slice(0, -availability.length)
    const isUp = stateOf(payload)
    return isUp === undefined
      ? { notUnderstood: wrongMessage('word-expected', { words: stateWords, field: 'availability' }) }
      : { reports: [{ address, isUp }] }
  }
  if (notForUs.test(rest)) return { reports: [] }
  const state = readJson(payload)
  if (!isObject(state)) return { notUnderstood: wrongMessage('zigbee2mqtt-json') }
  return decodeDevice(state, rest, route)
}

function decodeDevice(state: JsonObject, address: string, route: Route): Decoded {
  const kind = (route.own ?? route.find(address))?.kind
  const readings = readFields(state, kind)
  const device = objectAt(state, 'device')
  const ieee = device && textOf(device.ieeeAddr ?? device.ieee_address)
  if (readings.length === 0 && !('action' in state))
    return { notUnderstood: wrongMessage('fields-unmapped', { fields: fieldNames(state) }) }
  const deviceAt = instantOf(state.last_seen)
  return {
    reports: [{ address, readings, ...(deviceAt === undefined ? {} : { deviceAt }) }],
    ...(ieee === undefined
      ? {}
      : { discoveries: [{ address, aliases: [ieee], offers: readings.map(({ metric }) => metric) }] }),
  }
}

function decodeBridge(part: string, payload: Uint8Array): Decoded {
  if (part === 'state') {
    const isUp = stateOf(payload)
    if (isUp === undefined)
      return { notUnderstood: wrongMessage('word-expected', { words: stateWords, field: 'bridge/state' }) }
    return { reports: [], isBridgeUp: isUp }
  }
  if (part !== 'devices') return { reports: [] }
  const list = readJson(payload)
  if (!Array.isArray(list)) return { notUnderstood: wrongMessage('list-expected') }
  return { reports: [], discoveries: list.slice(0, maxDiscoveries).flatMap((entry) => discoveryOf(entry) ?? []) }
}

/** One entry of `bridge/devices`. */
function discoveryOf(entry: unknown): Discovery | undefined {
  if (!isObject(entry) || entry.type === 'Coordinator') return undefined
  const address = textOf(entry.friendly_name)
  const ieee = textOf(entry.ieee_address)
  if (address === undefined) return undefined
  const definition = objectAt(entry, 'definition')
  const model = [textOf(definition?.vendor), textOf(definition?.model)].filter(Boolean).join(' ')
  const exposes = Array.isArray(definition?.exposes) ? definition.exposes : []
  return {
    address,
    ...(ieee === undefined ? {} : { aliases: [ieee] }),
    ...(model === '' ? {} : { model }),
    offers: exposes.flatMap(propertiesOf).slice(0, 64).map(metricNameOf),
  }
}

/** Property names of an exposed feature; composite ones (locks, lights) have features of their own. */
function propertiesOf(expose: unknown): string[] {
  if (!isObject(expose)) return []
  if (Array.isArray(expose.features))
    return expose.features.flatMap((feature) => (isObject(feature) ? (textOf(feature.property) ?? []) : []))
  return [textOf(expose.property) ?? []].flat()
}

/** Zigbee2MQTT 2 sends `{"state": "online"}`, older ones the bare word. */
function stateOf(payload: Uint8Array): boolean | undefined {
  const json = readJson(payload)
  const word = isObject(json) ? json.state : (json ?? readText(payload)?.trim())
  return word === 'online' ? true : word === 'offline' ? false : undefined
}

/**
 * Zigbee2MQTT (https://www.zigbee2mqtt.io/guide/usage/mqtt_topics_and_messages.html). The address of a device is its
 * friendly name; its IEEE address works as soon as the bridge has published its list of devices.
 */
export const zigbee2mqtt: Codec = {
  kind: 'zigbee2mqtt',
  options: noOptions,
  filters: ['zigbee2mqtt/#'],
  recognises: ({ topic }) => topic.startsWith('zigbee2mqtt/'),
  decode,
}
