import { readdirSync, readFileSync } from 'node:fs'
import process from 'node:process'
import pino from 'pino'
import t from 'tap'
import { parse } from 'yaml'
import { describeMetric } from '../../core/device-kind.ts'
import type { Measurement } from '../../core/measurement.ts'
import type { Telemetry } from '../../core/ports.ts'
import { createInspector } from '../inspector.ts'
import { createIntake } from '../intake.ts'
import { createDeviceRegistry } from '../registry.ts'
import type { Codec } from './codec.ts'
import { codecs } from './index.ts'

/*
 * Golden payloads, mutated: bytes flipped, cut, repeated, numbers and names exchanged. GRIDGATE_FUZZ sets how many each
 * codec gets (100,000 for a release); the seed is fixed, so that a failure comes again.
 */

const rounds = Number(process.env.GRIDGATE_FUZZ ?? 2000)
const folder = new URL('./', import.meta.url)

interface Seed {
  topic: string
  payload: Uint8Array
}

function seedsOf(kind: string): Seed[] {
  const file = `${kind}.cases.yaml`
  if (!readdirSync(folder).includes(file)) return []
  const cases = parse(readFileSync(new URL(file, folder), 'utf8')) as Array<Record<string, unknown>>
  return cases.map(({ topic, json, text, hex }) => ({
    topic: String(topic ?? 'factory/x'),
    payload: hex
      ? Buffer.from(String(hex).replaceAll(' ', ''), 'hex')
      : Buffer.from(String(text ?? JSON.stringify(json))),
  }))
}

/** Mulberry32. */
function randomFrom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}

const words = [
  'null',
  '-1',
  '1e999',
  '99999',
  '""',
  '[]',
  '{}',
  'true',
  '"__proto__"',
  '"constructor"',
  '[[[[]]]]',
  '-0',
  '"\\u0000"',
]

function mutate({ payload }: Seed, random: () => number): Uint8Array {
  const pick = (length: number) => Math.floor(random() * length)
  const way = random()
  if (way < 0.4) {
    const bytes = Uint8Array.from(payload)
    for (let n = 0; n <= pick(4) && bytes.length > 0; n++) bytes[pick(bytes.length)] = pick(256)
    return bytes
  }
  if (way < 0.5) return payload.subarray(0, pick(payload.length + 1))
  if (way < 0.55) return Buffer.concat([payload, payload.subarray(pick(payload.length + 1))])
  if (way < 0.6) return Uint8Array.from({ length: pick(200) }, () => pick(256))
  const text = Buffer.from(payload).toString()
  // One value or one name of the JSON becomes something else.
  const parts = text.split(/(-?\d+(?:\.\d+)?|"[^"]*"|true|false|null)/)
  const at = parts.length > 1 ? 1 + 2 * pick((parts.length - 1) / 2) : 0
  parts[at] = words[pick(words.length)]!
  return Buffer.from(parts.join(''))
}

function build(codec: Codec, seeds: readonly Seed[]) {
  const taken: Measurement[] = []
  const registry = createDeviceRegistry([
    {
      id: 'own',
      kind: 'climate',
      place: { site: 's' },
      codec: codec.kind,
      topic: 'own/topic',
      heartbeatMs: 1000,
      options: {
        ...(codec.kind === 'mapped-json' ? { values: { temperatureCelsius: 'data.0.tF', isOpen: 'lid' } } : {}),
      },
    },
  ])
  const intake = createIntake({
    site: 's',
    registry,
    codecs,
    sources: [...new Set(seeds.map(({ topic }) => topic))].map((filter) => ({ filter, codec: codec.kind })),
    telemetry: { write: async () => {} } as unknown as Telemetry,
    inspector: createInspector(),
    onMeasurements: (measurements) => taken.push(...measurements),
    onAcceleration() {},
    onDeviceUp() {},
    now: () => Date.parse('2026-01-31T08:00:00Z'),
    logger: pino({ level: 'silent' }),
  })
  return { intake, registry, taken }
}

for (const codec of codecs) {
  t.test(`${codec.kind}: rubbish neither stops the gateway nor becomes a value no sensor can measure`, async (t) => {
    const own = seedsOf(codec.kind)
    const seeds = own.length > 0 ? own : [...seedsOf('zigbee2mqtt'), ...seedsOf('gridgate-acceleration')]
    const { intake, registry, taken } = build(codec, seeds)
    const random = randomFrom(20260131)
    let wrong: unknown
    const before = process.memoryUsage().heapUsed
    for (let round = 0; round < rounds; round++) {
      const seed = seeds[Math.floor(random() * seeds.length)]!
      const payload = mutate(seed, random)
      const topic = random() < 0.5 ? 'own/topic' : seed.topic
      void intake.receive({ topic, payload, isRetained: random() < 0.1 })
      for (const { metric, value } of taken) {
        const description = describeMetric(metric)
        const [least, most] = description?.range ?? [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY]
        if (typeof value === 'number' && !(value >= least && value <= most)) wrong = { metric, value }
        if (description && description.type !== (typeof value === 'string' ? 'text' : typeof value))
          wrong = { metric, value }
      }
      taken.length = 0
      if (round % 1000 === 0) await new Promise((resolve) => setImmediate(resolve))
    }
    t.equal(wrong, undefined)
    t.equal(intake.stats().codecFailures, 0, 'no codec threw')
    t.ok(registry.discovered().length <= 2000)
    const grown = process.memoryUsage().heapUsed - before
    t.ok(grown < 200e6, `memory stays bounded: ${Math.round(grown / 1e6)} MB more`)
    await intake.flush()
  })
}
