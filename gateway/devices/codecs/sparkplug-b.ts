import { metrics as knownMetrics } from '../../core/device-kind.ts'
import { wrongMessage } from '../../core/message-words.ts'
import type { Codec, Command, Decode, Decoded, Message, Reading, Report, Route } from './codec.ts'
import { readFields } from './field-names.ts'
import { noOptions } from './no-options.ts'
import { readSparkplug, rebirthCommand, type SparkplugMetric, type SparkplugPayload } from './sparkplug-payload.ts'

/*
 * Sparkplug B 3.0 as a host application reads it. States of an edge node, as far as its session knows:
 *
 *   unknown ──NBIRTH──▶ born ──NDEATH──▶ dead ──NBIRTH──▶ born
 *   born ──gap in seq, alias nobody declared, data of a device without DBIRTH──▶ lost: values go on where their names
 *          are known, a rebirth is asked for; NBIRTH ──▶ born
 *
 * The address is group/node/device, or group/node for what the node measures itself.
 */

interface Node {
  /** Of the next message, 0…255; undefined until a birth or after a gap. */
  nextSeq?: number
  /** `bdSeq` of the birth: a death with another one belongs to an older session. */
  birthSeq?: number
  /** Names by alias, of the node and all its devices. */
  aliases: Map<number, string>
  /** Devices that were born in this session. */
  devices: Set<string>
  /** When a rebirth was last asked for, epoch ms. */
  askedAt?: number
}

const topicForm = 'spBv1.0/<group>/<type>/<node>[/<device>]'
/** An edge node that answers no rebirth is asked again after this. */
const askAgainMs = 60_000
/** Beyond them the node longest known is forgotten and asked for a birth when it speaks again. */
const maxNodes = 2000
const maxAliases = 20_000
const maxDevices = 2000

/** The decode function with its memory of births; one for each gateway. */
function createSession(): Decode {
  const nodes = new Map<string, Node>()

  function nodeOf(id: string): Node {
    const known = nodes.get(id)
    if (known) return known
    if (nodes.size >= maxNodes) nodes.delete(nodes.keys().next().value!)
    const node: Node = { aliases: new Map(), devices: new Set() }
    nodes.set(id, node)
    return node
  }

  return (message, route) => {
    const [namespace, group, type, edge, device] = message.topic.split('/')
    if (namespace !== 'spBv1.0' || group === undefined)
      return { notUnderstood: wrongMessage('wrong-topic', { expected: topicForm }) }
    if (group === 'STATE' || type === 'NCMD' || type === 'DCMD') return { reports: [] }
    if (edge === undefined || type === undefined)
      return { notUnderstood: wrongMessage('wrong-topic', { expected: topicForm }) }
    const payload = readSparkplug(message.payload)
    if ('notUnderstood' in payload) return payload
    const nodeId = `${group}/${edge}`
    const node = nodeOf(nodeId)
    const address = device === undefined ? nodeId : `${nodeId}/${device}`
    const ask = (): readonly Command[] => {
      if (node.askedAt !== undefined && message.receivedAt - node.askedAt < askAgainMs) return []
      node.askedAt = message.receivedAt
      return [{ topic: `spBv1.0/${group}/NCMD/${edge}`, payload: rebirthCommand(message.receivedAt) }]
    }
    switch (type) {
      case 'NBIRTH':
        return birth(node, payload, address, route, message)
      case 'DBIRTH': {
        const isInOrder = follow(node, payload.seq)
        if (node.devices.size < maxDevices) node.devices.add(device ?? '')
        learn(node, payload.metrics)
        return withCommands(bornReport(payload, address, route, node), isInOrder ? [] : ask())
      }
      case 'NDEATH': {
        const isOfThisSession = node.birthSeq === undefined || birthSeqOf(payload) === node.birthSeq
        if (!isOfThisSession) return { reports: [] }
        const devices = [...node.devices].map((each): Report => ({ address: `${nodeId}/${each}`, isUp: false }))
        nodes.delete(nodeId)
        return { reports: [{ address: nodeId, isUp: false }, ...devices] }
      }
      case 'DDEATH': {
        const isInOrder = follow(node, payload.seq)
        return withCommands({ reports: [{ address, isUp: false }] }, isInOrder ? [] : ask())
      }
      case 'NDATA':
      case 'DDATA': {
        const isInOrder = follow(node, payload.seq)
        const isBorn = node.birthSeq !== undefined || node.aliases.size > 0
        const isDeviceBorn = device === undefined || node.devices.has(device)
        const unnamed = payload.metrics.filter((metric) => nameOf(metric, node) === undefined).length
        const reports = reportsOf(payload, address, route, node, false)
        const isWhole = isInOrder && isBorn && isDeviceBorn && unnamed === 0
        const remark = unnamed > 0 ? { remark: wrongMessage('alias-undeclared', { node: nodeId }) } : {}
        return withCommands({ reports, ...remark }, isWhole ? [] : ask())
      }
      default:
        return { notUnderstood: wrongMessage('no-sparkplug-type', { type: type.slice(0, 20) }) }
    }
  }
}

function birth(node: Node, payload: SparkplugPayload, address: string, route: Route, { isRetained }: Message): Decoded {
  // Births are never retained [tck-id-topics-nbirth-mqtt]; one that is tells of a session that may be over.
  if (isRetained) return { notUnderstood: wrongMessage('birth-retained') }
  node.aliases.clear()
  node.devices.clear()
  node.nextSeq = ((payload.seq ?? 0) + 1) % 256
  const birthSeq = birthSeqOf(payload)
  if (birthSeq === undefined) delete node.birthSeq
  else node.birthSeq = birthSeq
  delete node.askedAt
  learn(node, payload.metrics)
  return bornReport(payload, address, route, node)
}

/** Whether the message is the one expected; a gap is forgotten at the next birth. */
function follow(node: Node, seq: number | undefined): boolean {
  const isInOrder = seq !== undefined && seq === node.nextSeq
  // After a gap the numbers that follow are in order among themselves; only a birth makes the session whole again.
  if (isInOrder) node.nextSeq = (seq + 1) % 256
  else delete node.nextSeq
  return isInOrder
}

function learn(node: Node, declared: readonly SparkplugMetric[]): void {
  for (const { alias, name } of declared)
    if (alias !== undefined && name !== undefined && node.aliases.size < maxAliases) node.aliases.set(alias, name)
}

const nameOf = ({ name, alias }: SparkplugMetric, node: Node): string | undefined =>
  name ?? (alias === undefined ? undefined : node.aliases.get(alias))

const birthSeqOf = ({ metrics }: SparkplugPayload): number | undefined => {
  const value = metrics.find(({ name }) => name === 'bdSeq')?.value
  return typeof value === 'number' ? value : undefined
}

function bornReport(payload: SparkplugPayload, address: string, route: Route, node: Node): Decoded {
  const names = payload.metrics.flatMap(({ name }) => (name === undefined ? [] : [name]))
  const offers = names.filter((name) => name !== 'bdSeq' && !name.startsWith('Node Control/')).slice(0, 64)
  return {
    reports: reportsOf(payload, address, route, node, true).map((report) =>
      report.isStored ? report : { ...report, isUp: true },
    ),
    ...(route.find(address) ? {} : { discoveries: [{ address, offers }] }),
  }
}

/** Metrics of one instant. */
interface Sample {
  deviceAt?: number
  isStored: boolean
  readings: Reading[]
  /** Without a prototype: names come from outside, and __proto__ is one. */
  values: Record<string, unknown>
}

/**
 * One report for each instant, oldest first; never none. A birth tells how things are when it is sent, whenever each
 * value last changed.
 */
function reportsOf(payload: SparkplugPayload, address: string, route: Route, node: Node, isBirth: boolean): Report[] {
  const samples = new Map<string, Sample>()
  const sampleAt = (deviceAt: number | undefined, isStored: boolean): Sample => {
    const key = `${deviceAt} ${isStored}`
    const known = samples.get(key)
    if (known) return known
    const sample: Sample = { isStored, readings: [], values: Object.create(null) }
    if (deviceAt !== undefined) sample.deviceAt = deviceAt
    samples.set(key, sample)
    return sample
  }
  for (const metric of payload.metrics) {
    const name = nameOf(metric, node)
    if (name === undefined || metric.isNull || metric.value === undefined) continue
    const { isHistorical, timestamp, value } = metric
    const isPresent = isBirth && !isHistorical
    const { readings, values } = sampleAt(
      isPresent ? payload.timestamp : (timestamp ?? payload.timestamp),
      isHistorical,
    )
    // Names are paths: `Inputs/temperatureCelsius`.
    const last = name.slice(name.lastIndexOf('/') + 1)
    if (Object.hasOwn(knownMetrics, last)) readings.push({ metric: last, value })
    else values[last] = value
  }
  if (isBirth || samples.size === 0) sampleAt(payload.timestamp, false)
  const kind = (route.own ?? route.find(address))?.kind
  const reports = Array.from(
    samples.values(),
    ({ deviceAt, isStored, readings, values }): Report => ({
      address,
      readings: [...readings, ...readFields(values, kind)],
      ...(deviceAt === undefined ? {} : { deviceAt }),
      ...(isStored ? { isStored } : {}),
    }),
  )
  const instantOf = ({ deviceAt }: Report) => deviceAt ?? Number.POSITIVE_INFINITY
  return reports.sort((one, other) =>
    instantOf(one) < instantOf(other) ? -1 : instantOf(one) > instantOf(other) ? 1 : 0,
  )
}

function withCommands(decoded: Decoded, commands: readonly Command[]): Decoded {
  return 'notUnderstood' in decoded || commands.length === 0 ? decoded : { ...decoded, commands }
}

/** Sparkplug B 3.0 (https://sparkplug.eclipse.org/specification/). */
export const sparkplugB: Codec = {
  kind: 'sparkplug-b',
  options: noOptions,
  filters: ['spBv1.0/#'],
  recognises: ({ topic }) => topic.startsWith('spBv1.0/'),
  // Without memory every alias is unknown: what carries names is read, the rest is asked for.
  decode: (message, route) => createSession()(message, route),
  createSession,
}
