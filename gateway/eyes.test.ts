import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { pino } from 'pino'
import sharp from 'sharp'
import t from 'tap'
import { createAlarms } from './alarms/alarms.ts'
import { parseSite } from './config/load.ts'
import { isRefusal } from './core/alarm.ts'
import type { Frame } from './core/ports.ts'
import { driverSchemas } from './drivers.ts'
import { openEyes } from './eyes.ts'
import { createPipeline } from './pipeline.ts'
import { runningScenes } from './site-parts.ts'
import { openStore } from './storage/store.ts'

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url))
const size = { width: 640, height: 360 }

/** Pictures of a recorded clip, as the camera readers deliver them, five a second. */
function picturesOf(clip: string): Buffer[] {
  const how = ['-v', 'error', '-i', clip, '-vf', `fps=5,scale=${size.width}:${size.height}`]
  const run = spawnSync('ffmpeg', [...how, '-f', 'rawvideo', '-pix_fmt', 'yuv420p', '-'], { maxBuffer: 1 << 30 })
  if (run.status !== 0) throw new Error(`ffmpeg: ${run.stderr}`)
  const bytes = size.width * size.height * 1.5
  return Array.from({ length: Math.floor(run.stdout.length / bytes) }, (_, i) =>
    run.stdout.subarray(i * bytes, (i + 1) * bytes),
  )
}

t.test('an alarm keeps a crop of its very frame with its embedding until an operator says what it was', async (t) => {
  const dir = t.testdir()
  const site = `
site: { id: garden, name: { zh: 花园, en: Garden } }
dataDir: ${dir}
buildings: [{ id: b1, name: { zh: 一, en: one } }]
lifts: [{ id: l1, name: { zh: 一, en: one }, building: b1 }]
cameras: [{ id: cam-1, name: { zh: 一, en: one }, place: { lift: l1 }, url: 'file:x.mp4' }]
scenes: [{ scene: ebike-in-elevator, lifts: all }]
models: { dir: ${here('../models')}, workers: 1 }
`
  const config = parseSite(site, join(dir, 'site.yaml'), driverSchemas)
  let clock = Date.UTC(2026, 10, 22)
  const now = () => clock
  const store = openStore({ file: join(dir, 'gridgate.db'), now })
  const errors: unknown[] = []
  const onError = (error: unknown) => void errors.push(error)
  const eyes = await openEyes(config, { store, logger: pino({ level: 'silent' }), random: Math.random, now, onError })
  t.teardown(async () => {
    await eyes.close()
    store.close()
  })
  const alarms = createAlarms({
    store,
    announcer: { announce: () => new Promise(() => {}), stop() {} },
    route: () => ({ speakers: [], languages: [] }),
    openCase: () => undefined,
    isSourceUp: () => true,
    ...{ onError, now, newId: (prefix: string) => `${prefix}-1` },
  } as unknown as Parameters<typeof createAlarms>[0])
  const gate = {
    wants: () => true,
    focus: () => undefined,
    found() {},
    attend() {},
    isOccupied: () => true,
    isStill: () => false,
    stats: () => ({ wanted: {}, spared: 0 }),
  }
  let decided = 0
  const pipeline = createPipeline({
    scenes: runningScenes(config),
    detector: eyes.detector,
    gate: () => gate,
    alarms,
    record() {},
    encode: async () => new Uint8Array(),
    secondStage: eyes.secondStage!,
    holdDoor() {},
    onDecision: () => void decided++,
    ...{ onError, now },
  } as Parameters<typeof createPipeline>[0])

  for (const picture of picturesOf(here('../simulators/cameras/clips/e-bike.mp4'))) {
    clock += 200
    const data = new Uint8Array(new SharedArrayBuffer(picture.length))
    data.set(picture)
    const time = { at: clock, mediaMs: clock, session: 's' }
    const frame: Frame = { camera: 'cam-1', time, ...size, data, retain() {}, release() {} }
    const before = decided
    pipeline.onFrame(frame)
    for (let i = 0; i < 3000 && decided === before; i++) await sleep(5)
    if (store.alarms({ limit: 1 }).items.length > 0) break
  }
  const [alarm] = store.alarms({ limit: 1 }).items
  t.ok(alarm, 'the e-bike was seen')
  const service = eyes.services.learning!
  for (let i = 0; i < 1000 && service.status().examples.unjudged === 0; i++) await sleep(5)
  const [example] = service.examples(10)
  t.match(example, { alarmId: alarm!.id, camera: 'cam-1', lift: 'l1', label: 'e-bike', model: 'lift-nanodet@2' })
  t.equal(example!.seenAt, alarm!.raisedAt, 'the frame of the sighting')
  t.equal(example!.embedding?.length, 384)
  const crop = await sharp(readFileSync(service.cropPath(example!.id)!)).metadata()
  const wanted = Math.ceil((example!.cropBox.x + example!.cropBox.width) * size.width)
  t.ok(Math.abs(crop.width! - (wanted - Math.floor(example!.cropBox.x * size.width))) <= 1)
  const verdict = alarms.verdict(alarm!.id, { value: 'confirmed' }, { type: 'user', id: 'operator-1' })
  t.notOk(isRefusal(verdict))
  t.match(service.examples(10)[0]?.verdict, { value: 'confirmed', by: 'operator-1' })
  t.same(service.status().examples, { confirmed: 1, falseAlarms: 0, unjudged: 0, takenBack: 0 })
  t.same(errors, [])
})
