import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { ConfigError } from '../core/errors.ts'
import type { Frame, Inference } from '../core/ports.ts'
import { loadManifest, type ModelManifest } from './manifest.ts'
import { createModelRack, type ModelRack } from './model-rack.ts'
import { createDetectorPool, type DetectorPool } from './pool.ts'
import { faults } from './testing/faulty-worker.ts'
import { blue, colourFrame, grey, red, type TestFrame } from './testing/frame.ts'

const first = await loadManifest(new URL('testing/colour-grid', import.meta.url).pathname)
/** The same weights under another name, with the labels the other way round. */
const second: ModelManifest = { ...first, name: 'colour-swap', labels: ['blue', 'red'] }
const slowWorker = new URL(`testing/faulty-worker${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url)
const logger = { info() {}, warn() {}, error() {} } as never

async function rackFor(t: Test, more: { random?: () => number } = {}): Promise<ModelRack & { opened: DetectorPool[] }> {
  const opened: DetectorPool[] = []
  const rack = await createModelRack({
    folder: 'colour-grid',
    manifest: first,
    async openPool(manifest) {
      const pool = await createDetectorPool({ manifest, workers: 1, logger, workerFile: slowWorker })
      opened.push(pool)
      return pool
    },
    onError: (error) => t.fail(String(error)),
    now: () => Date.now(),
    random: more.random ?? (() => 0),
  })
  t.teardown(() => rack.close())
  return Object.assign(rack, { opened })
}

const look = (rack: ModelRack, frame: Frame): Promise<Inference | undefined> => rack.detect(frame, { priority: 0 })
const labelOf = (inference: Inference | undefined) => inference?.detections[0]?.label

async function until(condition: () => boolean, what: string): Promise<void> {
  for (const deadline = Date.now() + 60_000; !condition(); await sleep(5))
    if (Date.now() > deadline) throw new Error(`did not happen: ${what}`)
}

t.test('a model is exchanged while cameras run: every frame is answered, in order, by one of the two', async (t) => {
  const rack = await rackFor(t)
  const answers: Array<{ nth: number; model: string | undefined; label: string | undefined }> = []
  const frames: TestFrame[] = []
  const asked: Array<Promise<void>> = []
  let isAnswering = false
  const switching = rack.switchTo('colour-swap', second)
  for (let nth = 0; !isAnswering || frames.length < 40; nth++) {
    const frame = colourFrame('lift-1', red, faults.slow)
    frames.push(frame)
    asked.push(
      look(rack, frame).then((inference) => {
        answers.push({ nth, model: inference?.model, label: labelOf(inference) })
        isAnswering ||= inference?.model === 'colour-swap@1'
      }),
    )
    // As a camera does: the next frame does not wait for the answer to this one.
    await sleep(60)
  }
  await switching
  await Promise.all(asked)
  t.equal(answers.length, frames.length)
  // A frame whose place a newer one took is answered at once with nothing, also while an earlier one still runs.
  const seen = answers.filter(({ model }) => model !== undefined)
  t.same(
    seen,
    seen.toSorted((one, other) => one.nth - other.nth),
    'in order, as a scene needs them',
  )
  const models = seen.flatMap(({ model }) => model ?? [])
  t.same([...new Set(models)], ['colour-grid@1', 'colour-swap@1'])
  t.ok(answers.every(({ model, label }) => !model || label === (model === 'colour-grid@1' ? 'red' : 'blue')))
  t.ok(
    frames.every(({ holders }) => holders === 0),
    'and every frame is given back',
  )
  await until(() => rack.opened[0]!.stats().workersReady === 0, 'the old model is closed')
  t.equal(rack.folder, 'colour-swap')
})

t.test('a frame that the old model is looking at when it leaves is answered before later ones', async (t) => {
  const rack = await rackFor(t)
  const order: string[] = []
  const note = (name: string) => (inference: Inference | undefined) => void order.push(`${name} ${inference?.model}`)
  const early = look(rack, colourFrame('lift-1', red, faults.slow)).then(note('early'))
  const waiting = look(rack, colourFrame('lift-1', red, faults.slow)).then(note('waiting'))
  await rack.switchTo('colour-swap', second)
  const late = look(rack, colourFrame('lift-1', red)).then(note('late'))
  await Promise.all([early, waiting, late])
  t.same(order, ['early colour-grid@1', 'waiting colour-grid@1', 'late colour-swap@1'])
})

t.test('a model that cannot be used changes nothing', async (t) => {
  const rack = await rackFor(t)
  await t.rejects(rack.switchTo('broken', { ...first, labels: ['red', 'blue', 'green'] }), ConfigError)
  t.equal(rack.model, 'colour-grid@1')
  t.equal(labelOf(await look(rack, colourFrame('lift-1', red))), 'red')
})

t.test('a candidate sees the same frames, is compared, and has no effect', async (t) => {
  const rack = await rackFor(t)
  await rack.shadow('colour-swap', second, 1)
  for (const colour of [red, blue, grey]) {
    const label = labelOf(await look(rack, colourFrame('lift-1', colour)))
    t.equal(label, { [red.join()]: 'red', [blue.join()]: 'blue' }[colour.join()], 'only the model in use is heard')
    await until(() => {
      const { frames, passedOver } = rack.comparer()!.report()
      return frames + passedOver > [red, blue, grey].indexOf(colour)
    }, 'compared')
  }
  const report = rack.comparer()!.report()
  t.match(report, { active: 'colour-grid@1', candidate: 'colour-swap@1', frames: 3, passedOver: 0 })
  t.same(report.labels, {
    red: { both: 0, onlyActive: 16, onlyCandidate: 16 },
    blue: { both: 0, onlyActive: 16, onlyCandidate: 16 },
  })
  t.ok(report.activeMs > 0 && report.candidateMs > 0)
})

t.test('of the frames only the share that was asked for is shown to the candidate', async (t) => {
  const rack = await rackFor(t, { random: () => 0.5 })
  await rack.shadow('colour-swap', second, 0.4)
  await look(rack, colourFrame('lift-1', red))
  t.match(rack.comparer()!.report(), { frames: 0, passedOver: 0 })
})

t.test('closing in the middle of a change leaves nothing running', async (t) => {
  const rack = await rackFor(t)
  const change = rack.switchTo('colour-swap', second).catch(() => {})
  await rack.close()
  await change
  t.ok(rack.opened.every((pool) => pool.stats().workersReady === 0))
})
