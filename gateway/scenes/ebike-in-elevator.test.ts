import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { Value } from 'typebox/value'
import { parse } from 'yaml'
import type { Detection } from '../core/detection.ts'
import type { Finding, Observation } from '../core/scene.ts'
import { ebikeInElevator } from './ebike-in-elevator.ts'

/** One golden case; README.md beside the cases says how to write one. */
interface GoldenCase {
  name: string
  options?: Record<string, unknown>
  lift?: string
  cameras?: string[]
  timeline: Step[]
  until?: number
  expect: Array<Record<string, unknown>>
  seen?: number
  attends?: boolean
}

interface Step {
  at?: number
  from?: number
  to?: number
  everyMs?: number
  camera?: string
  lateByMs?: number
  see?: Array<string | { label: string; score: number; box: [number, number, number, number] }>
  isUp?: boolean
  clockSetBackMs?: number
}

const folder = new URL('./ebike-in-elevator.cases/', import.meta.url).pathname
const concluded = new Set(['raise', 'warn', 'clear', 'hold-door', 'event'])

function detection(seen: NonNullable<Step['see']>[number]): Detection {
  if (typeof seen !== 'string') {
    const [x, y, width, height] = seen.box
    return { label: seen.label, score: seen.score, box: { x, y, width, height } }
  }
  const [label, score] = seen.split(' ')
  return { label: label!, score: Number(score), box: { x: 0.3, y: 0.3, width: 0.4, height: 0.5 } }
}

/** What the scene is shown, in the order it arrives. */
function observations(story: GoldenCase): Observation[] {
  const cameras = story.cameras ?? ['cab']
  const arrivals: Array<{ arrivesAt: number; observation: Observation }> = []
  let setBack = { at: Number.POSITIVE_INFINITY, byMs: 0 }
  for (const step of story.timeline) {
    const { from = step.at ?? 0, to = from, everyMs = 1, camera = cameras[0]!, lateByMs = 0 } = step
    if (step.clockSetBackMs !== undefined) setBack = { at: from, byMs: step.clockSetBackMs }
    else if (step.isUp !== undefined)
      arrivals.push({ arrivesAt: from, observation: { type: 'camera', at: from, camera, isUp: step.isUp } })
    else
      for (let at = from; at <= to; at += everyMs) {
        const frame = { at, mediaMs: at, session: 's1' }
        const detections = (step.see ?? []).map(detection)
        arrivals.push({ arrivesAt: at + lateByMs, observation: { type: 'frame', at, camera, frame, detections } })
      }
  }
  const end = story.until ?? Math.max(...arrivals.map(({ arrivesAt }) => arrivesAt))
  for (let at = 0; at <= end; at += 1000) arrivals.push({ arrivesAt: at, observation: { type: 'tick', at } })
  return arrivals
    .sort((a, b) => a.arrivesAt - b.arrivesAt)
    .map(({ observation, arrivesAt }) =>
      arrivesAt < setBack.at ? observation : { ...observation, at: observation.at - setBack.byMs },
    )
}

function tell(story: GoldenCase): Finding[] {
  const options = Value.Default(ebikeInElevator.options, structuredClone(story.options ?? {}))
  const problems = Value.Errors(ebikeInElevator.options, options)
  if ([...problems].length > 0) throw new Error(`options of "${story.name}": ${JSON.stringify([...problems][0])}`)
  const scene = ebikeInElevator.create(options as never, {
    place: { site: 's', building: 'b1', lift: story.lift ?? 'b1-lift' },
    cameras: story.cameras ?? ['cab'],
    devices: [],
  })
  return observations(story).flatMap((observation) => scene.observe(observation))
}

function check(t: Test, story: GoldenCase): void {
  const findings = tell(story)
  const important = findings.filter(({ type }) => concluded.has(type))
  t.same(
    important.map(({ type }) => type),
    story.expect.map(({ type }) => type),
    `concluded at ${important.map(({ at, type }) => `${at} ${type}`).join(', ')}`,
  )
  t.match(important, story.expect)
  if (story.seen !== undefined) t.equal(findings.filter(({ type }) => type === 'seen').length, story.seen, 'seen')
  if (story.attends !== undefined)
    t.equal(
      findings.some(({ type }) => type === 'attend'),
      story.attends,
      'full rate asked for',
    )
}

for (const file of readdirSync(folder).filter((name) => name.endsWith('.yaml'))) {
  const story = parse(readFileSync(join(folder, file), 'utf8')) as GoldenCase
  t.test(`${file}: ${story.name}`, async (t) => check(t, story))
}

t.test('full rate is asked for until the bike must have been seen again', async (t) => {
  const timeline = [{ from: 0, to: 600, everyMs: 200, see: ['e-bike 0.9'] }]
  const attends = tell({ name: '', timeline, expect: [] }).filter(({ type }) => type === 'attend')
  t.match(attends, [
    { at: 0, camera: 'cab', until: 3000 },
    { at: 200, until: 3200 },
    { at: 400, until: 3400 },
    { at: 600, until: 7600 },
  ])
})

t.test(
  'whatever the pictures show, an entry is raised once, cleared once and spoken to three times at most',
  async (t) => {
    let state = 7
    const random = () => {
      state = (state * 48_271) % 2_147_483_647
      return state / 2_147_483_647
    }
    for (let round = 0; round < 60; round++) {
      const scene = ebikeInElevator.create(Value.Default(ebikeInElevator.options, { holdDoor: true }) as never, {
        place: { site: 's', lift: 'l' },
        cameras: ['a', 'b'],
        devices: [],
      })
      let [isActive, warnings, at, mood] = [false, 0, 0, 0.5]
      for (let i = 0; i < 3000; i++) {
        at += random() * 300
        if (random() < 0.01) mood = random() ** 2
        if (random() < 0.003) at += 30_000
        const camera = random() < 0.5 ? 'a' : 'b'
        const detections = random() < mood ? [detection('e-bike 0.8')] : []
        const told = at - (random() < 0.1 ? random() * 2000 : 0)
        const frame = { at: told, mediaMs: told, session: 's' }
        const shown: Observation[] = [{ type: 'frame', at: told, camera, frame, detections }]
        if (i % 7 === 0) shown.push({ type: 'tick', at })
        for (const finding of shown.flatMap((observation) => scene.observe(observation))) {
          if (finding.type === 'raise' && isActive) t.fail('raised twice')
          if (finding.type === 'clear' && !isActive) t.fail('cleared twice')
          if (finding.type === 'hold-door' && finding.wanted !== isActive) t.fail('door hold does not follow the alarm')
          if (finding.type === 'warn') warnings++
          if (finding.type === 'raise') isActive = true
          if (finding.type === 'clear') [isActive, warnings] = [false, 0]
          if (warnings > 3) t.fail('spoke more than three times')
        }
      }
    }
    t.pass('180 000 pictures')
  },
)
