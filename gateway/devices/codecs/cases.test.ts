import { readdirSync, readFileSync } from 'node:fs'
import t from 'tap'
import { parse } from 'yaml'
import type { CodecDevice, Decoded, Report } from './codec.ts'
import { codecs } from './index.ts'

/*
 * Golden cases: one `<family>.cases.yaml` beside each codec, payloads as devices send them with where they are
 * published. `json` stands for its compact text; `hex` and `base64` for bytes.
 */

interface GoldenCase {
  name: string
  /** Where the payload or its format is published. */
  source: string
  topic?: string
  base?: string
  json?: unknown
  text?: string
  hex?: string
  base64?: string
  own?: Partial<CodecDevice>
  devices?: Record<string, Partial<CodecDevice>>
  isRetained?: boolean
  expect: Record<string, unknown>
}

const receivedAt = Date.parse('2026-01-31T08:00:00Z')
const folder = new URL('./', import.meta.url)
const files = readdirSync(folder).filter((name) => name.endsWith('.cases.yaml'))

for (const file of files) {
  const kind = file.replace('.cases.yaml', '')
  const codec = codecs.find((each) => each.kind === kind)
  const cases = parse(readFileSync(new URL(file, folder), 'utf8')) as GoldenCase[]
  t.test(`${kind}: what devices of this family say is understood`, async (t) => {
    if (!codec) return t.fail(`there is no codec ${kind}`)
    const decode = codec.createSession?.() ?? codec.decode
    for (const each of cases) {
      t.ok(each.source, `${each.name}: names its source`)
      const message = {
        topic: each.topic ?? 'x',
        payload: payloadOf(each),
        isRetained: each.isRetained ?? false,
        receivedAt,
      }
      const route = {
        base: each.base ?? '',
        ...(each.own ? { own: device(each.own) } : {}),
        find: (address: string) => {
          const found = each.devices?.[address.toLowerCase()]
          return found && device(found)
        },
      }
      t.same(shape(decode(message, route)), each.expect, each.name)
      if (!('notUnderstood' in each.expect) && codec.filters.length > 0 && !each.own && each.base === undefined)
        t.ok(codec.recognises(message, route), `${each.name}: auto knows it`)
    }
  })
}

function device(written: Partial<CodecDevice>): CodecDevice {
  return { kind: 'climate', options: {}, ...written }
}

function payloadOf({ json, text, hex, base64 }: GoldenCase): Uint8Array {
  if (hex !== undefined) return Buffer.from(hex.replaceAll(/\s/g, ''), 'hex')
  if (base64 !== undefined) return Buffer.from(base64, 'base64')
  return Buffer.from(text ?? JSON.stringify(json))
}

/** The outcome as cases write it: readings as one object, instants in ISO 8601. */
function shape(decoded: Decoded): Record<string, unknown> {
  if ('notUnderstood' in decoded) return { notUnderstood: decoded.notUnderstood.reason }
  const { reports, commands, remark, ...rest } = decoded
  return {
    ...rest,
    ...(remark ? { remark: remark.reason } : {}),
    ...(reports.length > 0 ? { reports: reports.map(shapeReport) } : {}),
    ...(commands
      ? { commands: commands.map(({ topic, payload }) => ({ topic, hex: Buffer.from(payload).toString('hex') })) }
      : {}),
  }
}

function shapeReport({ readings, deviceAt, acceleration, ...rest }: Report): Record<string, unknown> {
  return {
    ...rest,
    ...(readings ? { values: Object.fromEntries(readings.map(({ metric, value }) => [metric, value])) } : {}),
    ...(deviceAt === undefined ? {} : { at: new Date(deviceAt).toISOString() }),
    ...(acceleration
      ? {
          samples: acceleration.times.length,
          lastAt: new Date(acceleration.times[acceleration.times.length - 1]!).toISOString(),
        }
      : {}),
  }
}
