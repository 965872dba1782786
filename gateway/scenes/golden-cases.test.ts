import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { Value } from 'typebox/value'
import { parse } from 'yaml'
import type { Elder } from '../core/elder.ts'
import type { Measurement } from '../core/measurement.ts'
import type { Finding } from '../core/scene.ts'
import { createPipeline } from '../pipeline.ts'
import { runningScenes, type SceneSite } from '../running-scenes.ts'
import { sceneDefinitions } from './index.ts'

/*
 * Stories of sensors and elders, played through the gateway's pipeline. GOLDEN-CASES.md says how to write one.
 */

type Values = Record<string, number | boolean | string | [number, number]>
type When = number | string

interface Story {
  name: string
  options?: Record<string, unknown>
  entries?: Array<Record<string, unknown>>
  devices: Array<{ id: string; kind: string; unit?: string; floor?: string; bridge?: string; heartbeat?: When }>
  elder?: Partial<Elder>
  timeline: Array<
    {
      at?: When
      from?: When
      to?: When
      every?: When
      device: string
      daily?: number
      late?: When
      replayed?: boolean
      remembered?: boolean
      isUp?: boolean
      fall?: { score?: number; verdict?: 'supports' | 'open' | 'contradicts'; before?: When }
    } & { values?: Values }
  >
  until?: When
  tick?: When
  restart?: When
  expect: Array<Record<string, unknown> & { at?: When; type: string }>
}

/** A Monday, midnight in Shanghai. */
const start = Date.parse('2026-01-05T00:00:00+08:00')
const units: Record<string, number> = { s: 1000, m: 60_000, h: 3600_000, d: 24 * 3600_000 }
const dayMs = 24 * 3600_000

/** `90s`, `2d 22:30:00`, `1h 5m`: milliseconds since the beginning of the story. */
function ms(when: When): number {
  if (typeof when === 'number') return when
  return when.split(' ').reduce((sum, part) => {
    const [, hours, minutes, seconds] = /^(\d+):(\d+)(?::(\d+))?$/.exec(part) ?? []
    if (hours !== undefined) return sum + (Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds ?? 0)) * 1000
    const [, count, unit] = /^([\d.]+)([smhd])$/.exec(part) ?? []
    if (!unit) throw new Error(`"${when}" is no time`)
    return sum + Number(count) * units[unit]!
  }, 0)
}

function siteOf(kind: string, story: Story): SceneSite {
  const definition = sceneDefinitions.find((each) => each.kind === kind)!
  const fill = (options: Record<string, unknown> = {}) => {
    const filled = Value.Default(definition.options, structuredClone(options))
    const [problem] = Value.Errors(definition.options, filled)
    if (problem) throw new Error(`options of "${story.name}": ${problem.instancePath} ${problem.message}`)
    return filled
  }
  const entries = story.entries ?? (story.options ? [{ options: story.options }] : [])
  const place = { site: 's', building: 'b1', unit: 'u1' }
  const elder: Elder | undefined = story.elder && {
    id: 'e1',
    name: 'Elder A',
    place: { ...place, flat: '301' },
    devices: story.devices.map(({ id }) => id),
    bandPosition: 'wrist',
    oxygenScale: 1,
    consents: { city: false, health: true },
    ...story.elder,
  }
  return {
    site: { id: 's', timeZone: 'Asia/Shanghai' },
    buildings: [],
    lifts: [],
    cameras: [],
    devices: story.devices.map(({ unit = 'u1', floor, heartbeat = '1h', bridge, ...device }) => ({
      ...device,
      place: { ...place, unit, ...(floor ? { floor } : {}) },
      heartbeatMs: ms(heartbeat),
      ...(bridge ? { bridge } : {}),
    })),
    scenes: entries.map((entry) => ({
      lifts: [],
      ...entry,
      scene: kind,
      options: fill((entry as { options?: Record<string, unknown> }).options),
    })),
    ...(elder ? { elders: [elder] } : {}),
  }
}

/** Everything that happens, in the order in which the gateway hears of it. */
function happenings(story: Story): Array<{ at: number; step: Story['timeline'][number]; share: number }> {
  const found: Array<{ at: number; step: Story['timeline'][number]; share: number }> = []
  for (const step of story.timeline) {
    const from = ms(step.from ?? step.at ?? 0)
    const to = ms(step.to ?? from)
    const every = ms(step.every ?? 1000)
    for (let day = 0; day < (step.daily ?? 1); day++)
      for (let at = from; at <= to; at += every)
        found.push({ at: at + day * dayMs, step, share: to > from ? (at - from) / (to - from) : 0 })
  }
  return found.sort((a, b) => a.at - b.at)
}

function play(t: Test, kind: string, story: Story): Finding[] {
  const site = siteOf(kind, story)
  const findings: Finding[] = []
  const open = new Set<string>()
  let clock = start
  const begin = (learnt?: Map<string, unknown>) => {
    const scenes = runningScenes(site)
    for (const { id, scene } of scenes) {
      const known = learnt?.get(id!)
      if (known !== undefined) scene.restore?.(JSON.parse(JSON.stringify(known)))
    }
    return createPipeline({
      scenes,
      detector: { model: 'none', detect: async () => undefined },
      gate: () => {
        throw new Error('no camera')
      },
      alarms: {
        take(finding, scene) {
          if (scene !== kind) return undefined
          const key = 'kind' in finding && 'source' in finding ? `${finding.kind} ${finding.source.id}` : ''
          if (finding.type === 'raise') {
            if (open.has(key)) t.fail(`${key} was raised while it was open`)
            open.add(key)
          }
          if (finding.type === 'clear') open.delete(key)
          if (finding.type !== 'seen' || finding.isAgain) findings.push(finding)
          return undefined
        },
      },
      encode: async () => new Uint8Array(),
      now: () => clock,
      onError: (error, what) => t.fail(`${what}: ${error}`),
      ...{ record() {}, holdDoor() {}, onDecision() {} },
    })
  }
  let pipeline = begin()
  const events = happenings(story)
  const end = ms(story.until ?? (events.at(-1)?.at ?? 0) + 1000)
  const tick = ms(story.tick ?? '1s')
  const restart = story.restart === undefined ? Number.NaN : ms(story.restart)
  let next = 0
  for (let at = 0; at <= end; at += tick) {
    for (; next < events.length && events[next]!.at <= at; next++) {
      clock = start + events[next]!.at
      happen(pipeline, events[next]!, clock)
    }
    clock = start + at
    if (restart > at - tick && restart <= at) {
      pipeline = begin(pipeline.learnt())
      open.clear()
    }
    pipeline.onTick()
  }
  return findings
}

function happen(
  pipeline: ReturnType<typeof createPipeline>,
  { step, share }: { step: Story['timeline'][number]; share: number },
  at: number,
): void {
  const { device } = step
  if (step.isUp !== undefined) pipeline.onDevice(device, step.isUp, at)
  if (step.fall) {
    const { score = 0.95, verdict, before = 2000 } = step.fall
    pipeline.onFall({
      device,
      impactAt: at - ms(before),
      peakG: 3.5,
      score,
      ...(verdict ? { evidence: { verdict, stillShare: 0.8, longestStillS: 10, postureChangeDeg: 80 } } : {}),
    })
  }
  const then = at - ms(step.late ?? 0)
  const measurements = Object.entries(step.values ?? {}).map(
    ([metric, value]): Measurement => ({
      device,
      metric,
      value: Array.isArray(value) ? value[0] + (value[1] - value[0]) * share : value,
      deviceAt: then,
      ingestedAt: step.remembered ? then : at,
      clockTrusted: step.replayed !== true,
    }),
  )
  if (step.remembered) pipeline.onRemembered(measurements)
  else pipeline.onMeasurements(measurements)
}

const folder = new URL('.', import.meta.url).pathname
const kinds = sceneDefinitions.filter(({ isDefault }) => isDefault).map(({ kind }) => kind)

for (const kind of kinds)
  t.test(kind, async (t) => {
    const cases = join(folder, `${kind}.cases`)
    const files = readdirSync(cases).filter((name) => name.endsWith('.yaml'))
    t.ok(files.length > 0, 'has stories')
    for (const file of files) {
      const story = parse(readFileSync(join(cases, file), 'utf8')) as Story
      await t.test(`${file}: ${story.name}`, async (t) => {
        const findings = play(t, kind, story)
        const told = findings.map((finding) => `${finding.type} ${(finding.at - start) / 1000}s`).join(', ')
        const expected = story.expect.map(({ at, ...rest }) => ({
          ...rest,
          ...(at === undefined ? {} : { at: start + ms(at) }),
        }))
        t.same(
          findings.map(({ type }) => type),
          expected.map(({ type }) => type),
          told,
        )
        for (const [index, one] of expected.entries()) t.match(findings[index], one, told)
      })
    }
  })
