import { metrics } from '../../core/device-kind.ts'
import { type WrongMessage, wrongMessage } from '../../core/message-words.ts'
import type { Codec, Decoded, Message, Reading, Report, Route } from './codec.ts'
import { readFields } from './field-names.ts'
import { fieldNames, instantOf, isObject, type JsonObject, objectAt, readJson, textOf } from './json.ts'
import { noOptions } from './no-options.ts'

/* What NB-IoT platforms push by HTTP. The address is the IMEI, else the platform's device id. */

const maxMessages = 200

function decode({ payload }: Message, route: Route): Decoded {
  const body = readJson(payload)
  const messages = Array.isArray(body) ? body : isObject(body) && Array.isArray(body.msg) ? body.msg : [unwrap(body)]
  const reports: Report[] = []
  const wrong: WrongMessage[] = []
  for (const message of messages.slice(0, maxMessages)) {
    const read = isObject(message) ? readMessage(message, route) : wrongMessage('object-expected')
    if ('reason' in read) wrong.push(read)
    else reports.push(...read)
  }
  const [first] = wrong
  if (reports.length === 0 && first) return { notUnderstood: first }
  return { reports, ...(first ? { remark: first } : {}) }
}

/** OneNET puts the message into `msg`, beside its signature; newer ones as text. */
function unwrap(body: unknown): unknown {
  if (!isObject(body)) return body
  if (isObject(body.msg)) return body.msg
  if (typeof body.msg !== 'string') return body
  try {
    return JSON.parse(body.msg)
  } catch {
    return body
  }
}

const textOrNumber = (value: unknown) => textOf(value) ?? (typeof value === 'number' ? String(value) : undefined)

function readMessage(message: JsonObject, route: Route): Report[] | WrongMessage {
  const address =
    textOrNumber(message.imei ?? message.IMEI) ?? textOrNumber(message.deviceId ?? message.dev_id ?? message.deviceName)
  if (address === undefined)
    return wrongMessage('fields-expected', { expected: 'imei, IMEI, deviceId, dev_id', fields: fieldNames(message) })
  const deviceAt = instantOf(message.timestamp ?? message.at)
  const about = { address, ...(deviceAt === undefined ? {} : { deviceAt }) }
  const type = message.messageType ?? message.type
  // CTWing tells online and offline as its own message type, OneNET as type 2.
  if (type === 'deviceOnlineOfflineReport' || type === 2) {
    const state = message.eventType ?? message.status
    return state === 1 || state === 0
      ? [{ ...about, isUp: state === 1 }]
      : wrongMessage('word-expected', { words: '0, 1', field: 'eventType / status' })
  }
  const values = valuesOf(message)
  if (values === undefined)
    return wrongMessage('fields-expected', {
      expected: 'payload, eventContent, params, ds_id + value',
      fields: fieldNames(message),
    })
  const kind = (route.own ?? route.find(address))?.kind
  const readings = [...readOwnMetrics(values), ...readFields(values, kind)]
  if (readings.length === 0) return wrongMessage('fields-unknown', { fields: fieldNames(values) })
  return [{ ...about, readings }]
}

/** The measured fields, wherever the platform puts them. */
function valuesOf(message: JsonObject): JsonObject | undefined {
  const payload = objectAt(message, 'payload') ?? objectAt(message, 'eventContent') ?? objectAt(message, 'params')
  if (payload) {
    const service = objectAt(payload, 'serviceData') ?? payload
    // Thing models wrap each value: { temperature: { value: 21.5, time } }.
    return Object.fromEntries(
      Object.entries(service).map(([name, value]) => [name, isObject(value) && 'value' in value ? value.value : value]),
    )
  }
  const stream = textOf(message.ds_id)
  if (stream === undefined || !('value' in message)) return undefined
  return isObject(message.value) ? message.value : { [stream]: message.value }
}

/** Integrators who can name fields name them as we do. */
function readOwnMetrics(values: JsonObject): Reading[] {
  return Object.entries(values).flatMap(([metric, value]) =>
    Object.hasOwn(metrics, metric) &&
    (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'string')
      ? [{ metric, value }]
      : [],
  )
}

/**
 * CTWing (https://www.ctwing.cn/dyts/103) and OneNET (https://open.iot.10086.cn/doc/nb-iot/book/manual/httppush/develop-manual.html)
 * JSON, also inside MQTT.
 */
export const httpPush: Codec = {
  kind: 'http-push',
  options: noOptions,
  filters: [],
  recognises: () => false,
  decode,
}
