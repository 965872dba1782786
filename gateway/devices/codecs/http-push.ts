import { metrics } from '../../core/device-kind.ts'
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
  const reasons: string[] = []
  for (const message of messages.slice(0, maxMessages)) {
    const read = isObject(message) ? readMessage(message, route) : 'expected a JSON object'
    if (typeof read === 'string') reasons.push(read)
    else reports.push(...read)
  }
  if (reports.length === 0 && reasons.length > 0) return { notUnderstood: reasons[0]! }
  return { reports, ...(reasons.length > 0 ? { remark: reasons[0]! } : {}) }
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

function readMessage(message: JsonObject, route: Route): Report[] | string {
  const address =
    textOrNumber(message.imei ?? message.IMEI) ?? textOrNumber(message.deviceId ?? message.dev_id ?? message.deviceName)
  if (address === undefined) return `expected "imei", "IMEI", "deviceId" or "dev_id", got ${fieldNames(message)}`
  const deviceAt = instantOf(message.timestamp ?? message.at)
  const about = { address, ...(deviceAt === undefined ? {} : { deviceAt }) }
  const type = message.messageType ?? message.type
  // CTWing tells online and offline as its own message type, OneNET as type 2.
  if (type === 'deviceOnlineOfflineReport' || type === 2) {
    const state = message.eventType ?? message.status
    return state === 1 || state === 0 ? [{ ...about, isUp: state === 1 }] : 'expected eventType or status 0 or 1'
  }
  const values = valuesOf(message)
  if (values === undefined)
    return `expected "payload", "eventContent", "params" or "ds_id" with "value", got ${fieldNames(message)}`
  const kind = (route.own ?? route.find(address))?.kind
  const readings = [...readOwnMetrics(values), ...readFields(values, kind)]
  if (readings.length === 0) return `none of its fields is known (${fieldNames(values)})`
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
