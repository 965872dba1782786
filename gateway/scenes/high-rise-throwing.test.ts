import t from 'tap'
import { Value } from 'typebox/value'
import { withDefaults } from '../config/defaults.ts'
import type { Detection } from '../core/detection.ts'
import type { Finding } from '../core/scene.ts'
import type { ThrowOrigin, ThrowReport } from '../core/throw.ts'
import { highRiseThrowing } from './high-rise-throwing.ts'

const facade = 'b1-east'
const yard = 'b1-yard'

function sceneWith(options: Record<string, unknown> = {}) {
  const filled = withDefaults(highRiseThrowing.options, structuredClone(options))
  t.ok(Value.Check(highRiseThrowing.options, filled), 'the options are those of the site file')
  const whole = filled as Parameters<typeof highRiseThrowing.create>[0]
  const others = highRiseThrowing.alsoCameras!(whole, facade)
  return highRiseThrowing.create(whole, {
    place: { site: 's', building: 'b1' },
    cameras: [facade, ...others],
    devices: [],
  })
}

function thrown(
  at: number,
  origin?: Partial<ThrowOrigin>,
): { type: 'throw'; at: number; camera: string } & {
  thrown: ThrowReport
} {
  return {
    ...{ type: 'throw', at, camera: facade },
    thrown: {
      ...{
        frame: { at, mediaMs: at, session: 's1' },
        fromMs: at - 1500,
        toMs: at,
        score: 0.9,
        paths: [],
        features: {},
      },
      ...{ endSpeedMs: 20.04, toGroundS: 0.5 },
      ...(origin ? { origin: { floor: 11, floorFrom: 11, floorTo: 11, column: 2, across: 0.3, ...origin } } : {}),
    },
  }
}

const frame = (at: number, ...detections: Detection[]) => ({
  ...{ type: 'frame' as const, at, camera: yard, detections },
  frame: { at, mediaMs: at, session: 's1' },
})
const person = (x: number, y: number, score = 0.8): Detection => ({
  ...{ label: 'person', score },
  box: { x: x - 0.05, y: y - 0.3, width: 0.1, height: 0.3 },
})
const whyOf = (finding: Finding | undefined) => (finding && 'why' in finding ? finding.why : [])
const brief = (findings: readonly Finding[]) =>
  findings.map((each) => ('severity' in each ? `${each.type} ${each.severity}` : each.type))

t.test('a throw is an alarm at its floor, with speed and time to the ground, and is over after a minute', async (t) => {
  const scene = sceneWith()
  const [raised] = scene.observe(thrown(1000, {}))
  t.match(raised, {
    type: 'raise',
    kind: 'high_rise_throwing',
    severity: 'critical',
    certainty: 0.9,
    place: { site: 's', building: 'b1', floor: '11' },
    source: { type: 'camera', id: facade },
    why: [
      { key: 'throw-floor', floor: 11, from: 11, to: 11 },
      { key: 'throw-column', column: 2 },
      { key: 'throw-speed', speed: 20, kmh: 72 },
      { key: 'throw-ground', seconds: 0.5 },
      { key: 'throw-score', percent: 90 },
    ],
  })
  t.equal(scene.wakeAt!(), 61_000)
  t.same(scene.observe({ type: 'tick', at: 60_999 }), [])
  t.same(brief(scene.observe({ type: 'tick', at: 61_000 })), ['clear'])
  t.equal(scene.wakeAt!(), Number.POSITIVE_INFINITY)
})

t.test('a camera nobody calibrated names the building, and says that the floor is not known', async (t) => {
  const [raised] = sceneWith().observe(thrown(1000))
  t.match(raised, { place: { site: 's', building: 'b1' }, why: [{ key: 'throw-uncalibrated' }] })
  t.notOk('floor' in (raised as { place: object }).place)
})

t.test('the same floor again is a second alarm; another floor stands beside the first', async (t) => {
  const scene = sceneWith()
  t.same(brief(scene.observe(thrown(1000, {}))), ['raise critical'])
  t.same(brief(scene.observe(thrown(5000, { floor: 7, floorFrom: 7, floorTo: 7 }))), ['raise critical'])
  t.same(brief(scene.observe(thrown(9000, {}))), ['clear', 'raise critical'])
  t.same(brief(scene.observe({ type: 'tick', at: 65_000 })), ['clear'])
  t.same(brief(scene.observe({ type: 'tick', at: 69_000 })), ['clear'])
})

t.test('the flat is named where floor and column leave one, and all that are left where they do not', async (t) => {
  const flats = { [facade]: [{ unit: 'u1', flat: '{floor}01' }, { unit: 'u2', flat: '{floor}02' }, { unit: 'u2' }] }
  const scene = sceneWith({ flats })
  const [certain] = scene.observe(thrown(1000, {}))
  t.match(certain, { place: { floor: '11', unit: 'u2', flat: '1102' } })
  const [band] = scene.observe(thrown(2000, { floorFrom: 10, floorTo: 12 }))
  t.match(band, { place: { floor: '11', unit: 'u2' } })
  t.notOk('flat' in (band as { place: object }).place, 'no household is named on a guess')
  t.match(whyOf(band)[2], { key: 'throw-flats', flats: '1002, 1102, 1202' })
  const [beyond] = scene.observe(thrown(3000, { column: 9 }))
  t.notOk('unit' in (beyond as { place: object }).place, 'nothing is listed for that column')
})

t.test('somebody below makes a throw critical, before it and after it', async (t) => {
  const zone = [
    [0.2, 0.5],
    [0.8, 0.5],
    [0.8, 1],
    [0.2, 1],
  ]
  const options = { severity: 'high', ground: { [facade]: { camera: yard, zone, withinMs: 5000 } } }
  const empty = sceneWith(options)
  empty.observe(frame(900))
  t.same(brief(empty.observe(thrown(1000, {}))), ['raise high'], 'nobody is there')
  t.same(brief(empty.observe(frame(1500, person(0.5, 0.4)))), [], 'somebody beside the zone')
  t.same(brief(empty.observe(frame(1600, person(0.5, 0.9, 0.2)))), [], 'a weak guess')
  const [worse] = empty.observe(frame(2000, person(0.5, 0.9), person(0.3, 0.8)))
  t.match(worse, { type: 'reassess', severity: 'critical', place: { floor: '11' } })
  t.match(whyOf(worse).at(-1), { key: 'throw-people', count: 2 })
  t.same(empty.observe(frame(2200, person(0.5, 0.9))), [], 'it was said already')

  const busy = sceneWith(options)
  busy.observe(frame(1000, person(0.5, 0.9)))
  t.same(brief(busy.observe(thrown(3000, {}))), ['raise critical'], 'two seconds after somebody was seen there')
  const later = sceneWith(options)
  later.observe(frame(1000, person(0.5, 0.9)))
  t.same(brief(later.observe(thrown(30_000, {}))), ['raise high'], 'long after')
})

t.test('a scene without a camera for the ground looks at no pictures', async (t) => {
  const scene = sceneWith({ severity: 'high' })
  t.same(scene.observe(frame(900, person(0.5, 0.9))), [])
  t.same(brief(scene.observe(thrown(1000, {}))), ['raise high'])
})
