import { wrongMessage } from '../../core/message-words.ts'
import type { Codec, Decoded, Message } from './codec.ts'
import { metricNameOf } from './field-names.ts'
import { fieldNames, isObject, type JsonObject, readObject, textOf } from './json.ts'
import { noOptions } from './no-options.ts'

/** Keys and the abbreviations Home Assistant allows for them. */
const abbreviations = {
  unique_id: 'uniq_id',
  state_topic: 'stat_t',
  device_class: 'dev_cla',
  unit_of_measurement: 'unit_of_meas',
  device: 'dev',
  identifiers: 'ids',
  manufacturer: 'mf',
  model: 'mdl',
  components: 'cmps',
} as const

const entryOf = (object: JsonObject, key: keyof typeof abbreviations): unknown =>
  object[key] ?? object[abbreviations[key]]

/** Classes of binary sensors whose word is not a field of other families. */
const classes: Readonly<Record<string, string>> = {
  moisture: 'isWet',
  door: 'isOpen',
  window: 'isOpen',
  opening: 'isOpen',
  occupancy: 'isOccupied',
  safety: 'isFault',
  problem: 'isFault',
  signal_strength: 'signalDbm',
}

function decode({ topic, payload }: Message): Decoded {
  if (!topic.endsWith('/config')) return { reports: [] }
  // An empty payload takes the announcement back.
  if (payload.length === 0) return { reports: [] }
  const config = readObject(payload)
  if (!config) return { notUnderstood: wrongMessage('object-expected') }
  const deviceValue = entryOf(config, 'device')
  const device = isObject(deviceValue) ? deviceValue : {}
  const ids = [entryOf(device, 'identifiers')].flat().flatMap((id) => textOf(id) ?? [])
  const address = textOf(entryOf(config, 'unique_id')) ?? ids[0]
  if (address === undefined)
    return {
      notUnderstood: wrongMessage('fields-expected', {
        expected: 'unique_id, device.identifiers',
        fields: fieldNames(config),
      }),
    }
  const model = [textOf(entryOf(device, 'manufacturer')), textOf(entryOf(device, 'model'))].filter(Boolean).join(' ')
  const name = textOf(device.name) ?? textOf(config.name)
  const state = textOf(entryOf(config, 'state_topic'))
  const base = textOf(config['~'])
  return {
    reports: [],
    discoveries: [
      {
        address,
        aliases: ids,
        ...(name === undefined ? {} : { name }),
        ...(model === '' ? {} : { model }),
        ...(state === undefined ? {} : { topic: base === undefined ? state : state.replaceAll('~', base) }),
        offers: offersOf(config),
      },
    ],
  }
}

function offersOf(config: JsonObject): string[] {
  const components = entryOf(config, 'components')
  const entities = isObject(components) ? Object.values(components).filter(isObject).slice(0, 64) : [config]
  return entities.flatMap((entity) => {
    const word = textOf(entryOf(entity, 'device_class')) ?? textOf(entity.name)
    return word === undefined ? [] : [Object.hasOwn(classes, word) ? classes[word]! : metricNameOf(word)]
  })
}

/**
 * Home Assistant's MQTT discovery (https://www.home-assistant.io/integrations/mqtt/#mqtt-discovery), read to find out
 * which devices are there: each is listed with its state topic, for a device entry with codec `mapped-json`.
 */
export const homeAssistant: Codec = {
  kind: 'home-assistant',
  options: noOptions,
  filters: ['homeassistant/#'],
  recognises: ({ topic }) => topic.startsWith('homeassistant/'),
  decode,
}
