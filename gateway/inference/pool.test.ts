import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { ConfigError } from '../core/errors.ts'
import type { Inference } from '../core/ports.ts'
import { loadManifest } from './manifest.ts'
import { createDetectorPool, type DetectorPool, type DetectorPoolOptions } from './pool.ts'
import { faults } from './testing/faulty-worker.ts'
import { blue, colourFrame, green, grey, red } from './testing/frame.ts'

const manifest = await loadManifest(new URL('testing/colour-grid', import.meta.url).pathname)
const faultyWorker = new URL(`testing/faulty-worker${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url)

interface LogLine {
  level: string
  message: string
}

async function poolFor(
  t: { teardown(undo: () => Promise<void>): unknown },
  options: Partial<DetectorPoolOptions> = {},
): Promise<DetectorPool & { log: LogLine[] }> {
  const log: LogLine[] = []
  const write = (level: string) => (_: unknown, message?: string) => void log.push({ level, message: message ?? '' })
  const logger = { info: write('info'), warn: write('warn'), error: write('error') } as DetectorPoolOptions['logger']
  const restart = { minMs: 10, maxMs: 20 }
  const pool = await createDetectorPool({ manifest, logger, workers: 1, restart, ...options })
  t.teardown(() => pool.close())
  return Object.assign(pool, { log })
}

async function until(condition: () => boolean, what: string): Promise<void> {
  for (const deadline = Date.now() + 60_000; !condition(); ) {
    if (Date.now() > deadline) throw new Error(`did not happen: ${what}`)
    await sleep(5)
  }
}

t.test('a picture is analysed in a worker and says what is in it', async (t) => {
  const pool = await poolFor(t, { workers: 2 })
  t.equal(pool.model, 'colour-grid@1')
  const [seen, other, nothing] = await Promise.all([
    pool.detect(colourFrame('lift-1', red), { priority: 0 }),
    pool.detect(colourFrame('lift-2', blue), { priority: 0 }),
    pool.detect(colourFrame('lift-3', grey), { priority: 0 }),
  ])
  t.equal(seen?.detections.length, 16, 'every cell of the red picture')
  t.ok(seen?.detections.every(({ label }) => label === 'red'))
  t.ok(other?.detections.every(({ label }) => label === 'blue'))
  t.same(nothing?.detections, [])
  t.ok(seen && seen.preprocessMs >= 0 && seen.runMs > 0 && seen.queuedMs >= 0)
  const stats = pool.stats()
  t.match(stats, { workers: 2, workersReady: 2, restarts: 0, waiting: 0, cameras: { 'lift-1': { analysed: 1 } } })
  t.ok(stats.runMs.p50 > 0 && stats.runMs.p95 >= stats.runMs.p50)
})

t.test('of the frames of one camera that wait, the newest is analysed and the others are given back', async (t) => {
  const pool = await poolFor(t, { workerFile: faultyWorker })
  const frames = Array.from({ length: 5 }, () => colourFrame('lift-1', red, faults.slow))
  const results = await Promise.all(frames.map((frame) => pool.detect(frame, { priority: 0 })))
  t.same(
    results.map((result) => result !== undefined),
    [true, false, false, false, true],
  )
  t.match(pool.stats().cameras['lift-1'], { analysed: 2, superseded: 3, failed: 0 })
  t.ok(frames.every((frame) => frame.holders === 0 && frame.mostHolders === 1))
})

t.test('a life in danger is looked at before anything that came earlier', async (t) => {
  const pool = await poolFor(t, { workerFile: faultyWorker })
  const order: string[] = []
  const look = (camera: string, priority: number) =>
    pool.detect(colourFrame(camera, red, faults.slow), { priority }).then(() => order.push(camera))
  await Promise.all([look('running', 0), look('empty-1', 0), look('empty-2', 0), look('suspicious', 9)])
  t.same(order, ['running', 'suspicious', 'empty-1', 'empty-2'])
})

t.test('a camera has one frame in work at a time, so that answers come in order', async (t) => {
  const pool = await poolFor(t, { workers: 2, workerFile: faultyWorker })
  const order: number[] = []
  await Promise.all([
    pool.detect(colourFrame('lift-1', red, faults.slow), { priority: 0 }).then(() => order.push(1)),
    pool.detect(colourFrame('lift-1', blue), { priority: 0 }).then(() => order.push(2)),
  ])
  t.same(order, [1, 2])
})

for (const fault of ['exit', 'exception', 'hang'] as const) {
  t.test(`a worker lost by ${fault} costs its own frame only and is replaced`, async (t) => {
    const pool = await poolFor(t, { workers: 2, workerFile: faultyWorker, stuckAfterMs: 2_000 })
    const deadly = colourFrame('lift-1', red, faults[fault])
    const lost = pool.detect(deadly, { priority: 0 })
    const other = await pool.detect(colourFrame('lift-2', blue), { priority: 0 })
    t.equal(other?.detections[0]?.label, 'blue', 'the other worker goes on')
    t.equal(await lost, undefined)
    t.equal(deadly.holders, 0, 'its frame is given back')
    t.match(pool.stats(), { restarts: 1, cameras: { 'lift-1': { failed: 1 }, 'lift-2': { failed: 0 } } })
    await until(() => pool.stats().workersReady === 2, 'the worker is replaced')
    const [one, two] = await Promise.all([
      pool.detect(colourFrame('lift-1', red), { priority: 0 }),
      pool.detect(colourFrame('lift-2', red), { priority: 0 }),
    ])
    t.ok(one && two, 'both workers answer again')
    t.same(
      pool.log.map(({ level, message }) => `${level}: ${message}`),
      ['warn: inference worker lost; a new one follows', 'info: inference worker is back'],
    )
  })
}

t.test('frames wait for the replacement when the only worker is lost', async (t) => {
  const pool = await poolFor(t, { workerFile: faultyWorker })
  const lost = pool.detect(colourFrame('lift-1', red, faults.exit), { priority: 0 })
  const next = pool.detect(colourFrame('lift-2', red), { priority: 0 })
  t.equal(await lost, undefined)
  t.equal((await next)?.detections[0]?.label, 'red')
})

t.test('closing answers everyone and gives every frame back', async (t) => {
  const pool = await poolFor(t, { workerFile: faultyWorker })
  const frames = ['a', 'b', 'c'].map((camera) => colourFrame(camera, red, faults.slow))
  const results = frames.map((frame) => pool.detect(frame, { priority: 0 }))
  await pool.close()
  t.same(await Promise.all(results), [undefined, undefined, undefined])
  t.ok(frames.every((frame) => frame.holders === 0))
  t.equal(await pool.detect(colourFrame('d', red), { priority: 0 }), undefined, 'and nothing new is taken')
})

t.test('a run that does not return costs its frame; the thread ends itself when it does return', async (t) => {
  const slow = await loadManifest(new URL('testing/slow-grid', import.meta.url).pathname)
  const pool = await poolFor(t, { manifest: slow, stuckAfterMs: 300 })
  const frame = colourFrame('lift-1', green)
  t.equal(await pool.detect(frame, { priority: 0 }), undefined)
  t.equal(frame.holders, 0)
  await until(() => pool.stats().workersReady === 1, 'a worker beside the stuck one')
  t.equal(pool.stats().stuck, 1)
  let answer: Inference | undefined
  // On a machine that busy even a healthy worker may need more than the short patience of this test.
  for (let i = 0; i < 50 && !answer; i++) answer = await pool.detect(colourFrame('lift-1', red), { priority: 0 })
  t.equal(answer?.detections[0]?.label, 'red')
  await until(() => pool.stats().stuck === 0, 'the stuck thread is gone')
})

t.test('closing waits for the run under way: ending a thread inside the runtime would end the process', async (t) => {
  const slow = await loadManifest(new URL('testing/slow-grid', import.meta.url).pathname)
  for (let i = 0; i < 3; i++) {
    const pool = await poolFor(t, { manifest: slow })
    const frame = colourFrame('lift-1', [10, 16, 10])
    const result = pool.detect(frame, { priority: 0 })
    await sleep(20)
    await pool.close()
    t.equal(await result, undefined)
    t.equal(frame.holders, 0)
    t.equal(pool.stats().workersReady, 0)
  }
})

t.test('a frame with fewer bytes than its size needs is refused, not read past its end', async (t) => {
  const pool = await poolFor(t)
  const frame = Object.assign(colourFrame('lift-1', red), { width: 64 })
  t.equal(await pool.detect(frame, { priority: 0 }), undefined)
  t.equal(frame.mostHolders, 0)
  t.equal(pool.stats().cameras['lift-1']?.failed, 1)
})

t.test('a manifest that does not fit its model stops the start and says which key is wrong', async (t) => {
  const attempt = (changes: object) => poolFor(t, { manifest: { ...manifest, ...changes } })
  await t.rejects(attempt({ labels: ['red', 'blue', 'green'] }), {
    message: /1×16×7, but labels \(3\), head.strides/,
  })
  await t.rejects(attempt({ input: { ...manifest.input, name: 'data' } }), {
    message: /no input "data"; it has "images"/,
  })
  await t.rejects(attempt({ input: { ...manifest.input, width: 64 } }), { message: /input.width/ })
  await t.rejects(attempt({ weights: manifest.weights.slice(0, 100) }), ConfigError)
})
