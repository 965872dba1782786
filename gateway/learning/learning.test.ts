import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { type Actor, type Alarm, isRefusal } from '../core/alarm.ts'
import type { Detection } from '../core/detection.ts'
import type { Frame } from '../core/ports.ts'
import { createCropStore } from '../storage/crop-store.ts'
import { openStore } from '../storage/store.ts'
import { createLearning, type Learning } from './learning.ts'
import { defaultFloors } from './second-stage.ts'

const model = 'lift@1'
const admin: Actor = { type: 'user', id: 'admin-1' }
const frameAt = (at: number, camera = 'cam-1') =>
  ({ camera, time: time(at), width: 4, height: 4, data: new Uint8Array(24) }) as unknown as Frame
const dayMs = 24 * 3600_000

/** Sixteen features; e-bikes lie along the first, strollers along the second, each a little different. */
function embedding(kind: 'e-bike' | 'stroller' | 'unknown', nth: number): Float32Array {
  const values = Float32Array.from({ length: 16 }, (_, i) => 0.12 * Math.sin(nth * 7.1 + i * 3.7))
  values[{ 'e-bike': 0, stroller: 1, unknown: 2 }[kind]]! += 1
  const length = Math.hypot(...values)
  return values.map((value) => value / length)
}

const seen = (kind: Parameters<typeof embedding>[0], nth: number, score = 0.6): Detection => ({
  label: 'e-bike',
  score,
  box: { x: 0.2, y: 0.2, width: 0.4, height: 0.4 },
  embedding: embedding(kind, nth),
})

interface Site {
  learning: Learning
  store: ReturnType<typeof openStore>
  dir: string
  clock: { at: number }
  /** An alarm of this thing, and what the operator says of it. */
  judge(kind: 'e-bike' | 'stroller', value: 'confirmed' | 'false-alarm', lift?: string): Promise<string>
  journal(): string[]
  /** Labels and scores that are left of what the detector saw. */
  left(...detections: Detection[]): number
  settled(): Promise<void>
}

function openSite(t: Test, more: { mode?: 'watch' | 'auto'; dir?: string; model?: () => string } = {}): Site {
  const dir = more.dir ?? t.testdir()
  const clock = { at: Date.UTC(2026, 10, 22) }
  const now = () => clock.at
  const store = openStore({ file: join(dir, 'gridgate.db'), now })
  const errors: unknown[] = []
  let ids = store.learningRows.examples({ limit: 1000 }).length
  const learning = createLearning({
    mode: more.mode ?? 'auto',
    label: 'e-bike',
    rules: { floors: defaultFloors, minimumConfirmed: 4, minimumFalse: 3 },
    keepMs: { unjudged: 30 * dayMs, judged: 180 * dayMs },
    store: createCropStore({ dir: join(dir, 'learning'), store, graceMs: 0 }),
    journal: store,
    model: () => ({ name: more.model?.() ?? model, canEmbed: true }),
    liftOf: (camera) => `lift-of-${camera}`,
    encodeCrop: async () => Buffer.from('jpeg'),
    onError: (error) => errors.push(error),
    now,
    newId: () => `example-${++ids}`,
    settleMs: 0,
  })
  t.teardown(async () => {
    await learning.close()
    store.close()
  })
  let nth = store.alarms({ limit: 1000 }).items.length
  const settled = async () => {
    for (let i = 0; i < 5; i++) {
      await sleep(5)
      await learning.idle()
    }
    if (errors.length > 0) throw errors[0]
  }
  return {
    ...{ learning, store, dir, clock, settled },
    async judge(kind, value, camera = 'cam-1') {
      const id = `alarm-${++nth}`
      clock.at += 60_000
      const subject = seen(kind, nth)
      const alarm = { ...alarmOf(id, clock.at), isActive: false }
      store.transact((transaction) => transaction.putAlarm(alarm, { type: 'raised', alarm }, admin, clock.at))
      learning.review(frameAt(clock.at, camera), inference([subject], more.model?.()))
      learning.keep(alarm, { camera, frame: time(clock.at), detections: [subject], subject }, frameAt(clock.at, camera))
      await learning.idle()
      const verdict = { value, by: admin.id, at: clock.at }
      store.transact((transaction) =>
        transaction.putAlarm({ ...alarm, verdict }, { type: 'verdict', ...verdict }, admin, clock.at),
      )
      return id
    },
    journal: () =>
      store
        .journal({ after: 0, limit: 1000, topics: ['event', 'audit'] })
        .map(({ subject, transition }) => `${subject} ${transition}`),
    left(...detections) {
      clock.at += 15_000
      return learning.review(frameAt(clock.at), inference(detections)).length
    },
  }
}

const time = (at: number) => ({ at, mediaMs: 0, session: 's' })
const inference = (detections: Detection[], name = model) => ({
  ...{ detections, model: name, preprocessMs: 0, runMs: 0, queuedMs: 0 },
})

function alarmOf(id: string, at: number): Alarm {
  return {
    ...{ id, scene: 'ebike-in-elevator', kind: 'ebike_in_elevator', severity: 'high', certainty: 0.6 },
    ...{ place: { site: 'garden', lift: id }, source: { type: 'camera', id: 'cam-1' }, raisedAt: at, lastSeenAt: at },
    ...{ count: 1, isActive: true, isAcknowledged: false, why: [], evidence: [], warnings: [] },
  } as Alarm
}

async function teach(site: Site, confirmed = 6, falseAlarms = 6): Promise<void> {
  for (let i = 0; i < Math.max(confirmed, falseAlarms); i++) {
    if (i < confirmed) await site.judge('e-bike', 'confirmed', i % 2 ? 'cam-1' : 'cam-2')
    if (i < falseAlarms) await site.judge('stroller', 'false-alarm', i % 2 ? 'cam-1' : 'cam-2')
  }
  await site.settled()
}

t.test(
  'a stroller that operators called false again and again raises nothing any more; e-bikes still do',
  async (t) => {
    const site = openSite(t)
    t.equal(site.left(seen('stroller', 100)), 1, 'at first everything is handed on')
    await teach(site)
    const status = site.learning.service.status()
    t.ok(status.active, 'it switched itself on')
    t.match(status.examples, { confirmed: 6, falseAlarms: 6, unjudged: 0 })
    const { heldBack } = status.versions[0]!.report
    t.ok(heldBack.every(({ confirmedLost }) => confirmedLost === 0))
    t.same(
      heldBack.map(({ split }) => split),
      ['one-out', 'newest', 'lift-out'],
    )
    t.equal(site.left(seen('stroller', 100)), 0)
    t.equal(site.left(seen('e-bike', 101)), 1)
    t.ok(site.journal().includes('learning learning-on'))
    t.ok(site.journal().includes('cam-1 learning-vetoed'), 'what was taken back can be read tomorrow')
    await site.settled()
  },
)

t.test('nothing it has not seen before is taken back, nor anything the detector is sure of', async (t) => {
  const site = openSite(t)
  await teach(site)
  t.equal(site.left(seen('unknown', 1)), 1, 'a new kind of thing')
  t.equal(site.left(seen('stroller', 100, 0.9)), 1, 'a high score')
  const other: Detection = { ...seen('stroller', 100), label: 'smoke' }
  t.equal(site.left(other), 1, 'another label')
  const { embedding: _, ...blind } = seen('stroller', 100)
  t.equal(site.left(blind), 1, 'no embedding')
  const again = site.learning.review(frameAt(site.clock.at + 20_000), inference([seen('stroller', 3)], 'lift@2'))
  t.equal(again.length, 1, 'the answer of another model')
  await site.settled()
})

t.test('for a while after a thing was protected its camera loses nothing', async (t) => {
  const site = openSite(t)
  await teach(site)
  t.equal(site.left(seen('e-bike', 101, 0.95)), 1)
  const soon = frameAt(site.clock.at + 3_000)
  t.equal(site.learning.review(soon, inference([seen('stroller', 100)])).length, 1)
  const later = frameAt(site.clock.at + 11_000)
  t.equal(site.learning.review(later, inference([seen('stroller', 100)])).length, 0)
  await site.settled()
})

t.test('what was taken back can be looked at; an e-bike among it switches off what took it back', async (t) => {
  const site = openSite(t)
  await teach(site)
  const { service } = site.learning
  const takenBack = () => service.examples(1000).filter(({ alarmId }) => alarmId === undefined)
  site.clock.at += 600_000
  const before = takenBack().length
  for (let i = 0; i < 5; i++) t.equal(site.left(seen('stroller', 100)), 0)
  await site.settled()
  t.equal(takenBack().length, before + 1, 'one picture of a thing that stays, not five a second')
  t.equal(service.status().examples.takenBack, before + 1)
  const [example] = takenBack()
  t.match(example, { camera: 'cam-1', label: 'e-bike', score: 0.6 })
  t.ok(existsSync(service.cropPath(example!.id)!))
  t.ok(service.status().active)

  const ofAlarm = service.examples(1000).find(({ alarmId }) => alarmId !== undefined)!
  t.match(service.judge(ofAlarm.id, { value: 'confirmed' }, admin), { refused: /judged there/ })
  t.match(service.judge('nothing', { value: 'confirmed' }, admin), { refused: /no example/ })
  const after = service.judge(example!.id, { value: 'confirmed' }, admin)
  t.notOk(isRefusal(after) || after.active, 'off at once')
  t.equal(site.left(seen('stroller', 100)), 1)
  t.match(service.status().switches[0], { reason: 'confirmed-lost', by: 'gateway' })
  t.ok(site.journal().includes('learning learning-example-judged'))
  t.equal(service.status().examples.confirmed, 7, 'and it has learned from it')
})

t.test('of what was taken back only the newest two hundred wait for a look', async (t) => {
  const site = openSite(t)
  await teach(site)
  for (let i = 0; i < 205; i++) {
    site.clock.at += 600_000
    site.left(seen('stroller', 100))
    await site.learning.idle()
  }
  const takenBack = site.learning.service.examples(1000).filter(({ alarmId }) => alarmId === undefined)
  t.equal(takenBack.length, 200)
})

t.test('an alarm says what was learned about it', async (t) => {
  const site = openSite(t)
  await teach(site)
  site.left(seen('stroller', 100))
  const subject = seen('e-bike', 1, 0.9)
  site.left(subject)
  const why = site.learning.why({ camera: 'cam-1', frame: time(site.clock.at), detections: [subject], subject })
  t.match(why, [{ key: 'learned-protected-score' }, { key: 'learned-vetoed-before', vetoed: 1 }])
  await site.settled()
})

t.test('too few verdicts, or verdicts that contradict each other, switch nothing on', async (t) => {
  const site = openSite(t)
  await teach(site, 2, 6)
  t.notOk(site.learning.service.status().active)
  t.match(site.learning.service.status().versions[0]?.report.why, [{ key: 'learned-few-confirmed', have: 2, want: 4 }])
  t.match(site.learning.service.switchOn(undefined, admin), { refused: /no version is better/ })
  t.match(site.learning.service.switchOn(1, admin), { refused: /did not pass/ })
  const muddled = openSite(t, { dir: t.testdir({ muddled: {} }) })
  for (let i = 0; i < 6; i++) {
    await muddled.judge('stroller', 'confirmed')
    await muddled.judge('stroller', 'false-alarm')
  }
  await muddled.settled()
  t.notOk(muddled.learning.service.status().active)
  t.equal(muddled.left(seen('stroller', 100)), 1)
})

t.test('a person switches it off, and it stays off until a person switches it on', async (t) => {
  const site = openSite(t)
  await teach(site)
  const off = site.learning.service.switchOff(admin)
  t.notOk(isRefusal(off) || off.active)
  t.equal(site.left(seen('stroller', 100)), 1)
  await site.judge('stroller', 'false-alarm')
  await site.settled()
  t.notOk(site.learning.service.status().active, 'not even after another verdict')
  const on = site.learning.service.switchOn(undefined, admin)
  t.ok(!isRefusal(on) && on.active)
  t.equal(site.left(seen('stroller', 100)), 0)
  t.ok(site.journal().includes('learning learning-off'))
  await site.settled()
})

t.test('rolling back goes to the version before, then to none', async (t) => {
  const site = openSite(t, { mode: 'watch' })
  await teach(site)
  t.notOk(site.learning.service.status().active, 'in watch mode it waits for a person')
  const { service } = site.learning
  const versions = service.status().versions.filter(({ report }) => report.isBetter)
  const [newer, older] = versions
  service.switchOn(older!.version, admin)
  service.switchOn(newer!.version, admin)
  t.match(service.rollBack(admin), { active: { version: older!.version } })
  const none = service.rollBack(admin)
  t.notOk(isRefusal(none) || none.active)
  t.match(service.rollBack(admin), { refused: /nothing is switched on/ })
})

t.test('confirmed alarms that it would have taken back switch it off by itself', async (t) => {
  const site = openSite(t)
  await teach(site)
  t.ok(site.learning.service.status().active)
  for (let i = 0; i < 4; i++) await site.judge('stroller', 'confirmed')
  await site.settled()
  t.notOk(site.learning.service.status().active)
  t.match(site.learning.service.status().switches[0], { reason: 'confirmed-lost' })
})

t.test('what was learned survives a restart and belongs to its model', async (t) => {
  let name = model
  const first = openSite(t, { model: () => name })
  await teach(first)
  await first.learning.close()
  first.store.close()
  const second = openSite(t, { dir: first.dir, model: () => name })
  t.equal(second.left(seen('stroller', 100)), 0)
  name = 'lift@2'
  second.learning.onModel()
  t.notOk(second.learning.service.status().active)
  t.equal(second.left(seen('stroller', 100)), 1)
  await second.settled()
})

t.test('a deleted example takes its crop, its embedding and what rested on it with it', async (t) => {
  const site = openSite(t)
  await teach(site)
  const example = site.learning.service.examples(100).find(({ verdict }) => verdict?.value === 'confirmed')!
  const crop = site.learning.service.cropPath(example.id)!
  t.ok(existsSync(crop))
  t.equal(await site.learning.service.removeExample(example.id, admin), undefined)
  t.notOk(existsSync(crop))
  t.notOk(site.store.learningRows.example(example.id))
  t.match(await site.learning.service.removeExample(example.id, admin), { refused: /there is no example/ })
  t.ok(site.journal().includes('learning learning-example-deleted'))
})

t.test('examples nobody judged go with the evidence, judged ones later', async (t) => {
  const site = openSite(t)
  await teach(site, 2, 2)
  const alarm = alarmOf('alarm-x', site.clock.at)
  const subject = seen('e-bike', 50)
  site.store.transact((transaction) => transaction.putAlarm(alarm, { type: 'raised', alarm }, admin, site.clock.at))
  site.learning.keep(
    alarm,
    { camera: 'cam-1', frame: time(site.clock.at), detections: [subject], subject },
    frameAt(site.clock.at),
  )
  await site.learning.idle()
  t.equal(site.learning.service.status().examples.unjudged, 1)
  site.clock.at += 31 * dayMs
  await site.learning.sweep()
  t.match(site.learning.service.status().examples, { confirmed: 2, falseAlarms: 2, unjudged: 0 })
  site.clock.at += 150 * dayMs
  await site.learning.sweep()
  t.match(site.learning.service.status().examples, { confirmed: 0, falseAlarms: 0, unjudged: 0 })
})
